using FsCheck;
using FsCheck.Fluent;
using SloEngine.Query.Logs;
using SloEngine.Query.Traces;

namespace SloEngine.Query.Tests;

public sealed class QueryLanguageTests
{
    [Fact]
    public void A_log_query_is_a_selector_and_line_filters()
    {
        LogQuery query = LogQuery.Parse("{service_name=\"a}b\", level=~\"warn|error\"} |= \"time\\\"out\" !~ `5\\d\\d`");

        Assert.Equal(["service_name", "level"], query.Matchers.Select(matcher => matcher.Label));
        Assert.Equal([new LineFilter("|=", "time\"out"), new LineFilter("!~", @"5\d\d")], query.Filters);
    }

    [Theory]
    [InlineData("level=\"x\"", "begins with a stream selector")]
    [InlineData("{level=\"x\"", "not closed")]
    [InlineData("{level=\"x\"} | json", "not supported")]
    [InlineData("{level=\"x\"} |= foo", "expected quoted text")]
    public void A_wrong_log_query_says_what(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => LogQuery.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{}", "1")]
    [InlineData("{ status = error && duration > 100ms }", "status_code = 2 AND duration > 100000000")]
    [InlineData("{ kind = server }", "kind = 2")]
    [InlineData("{ name = \"GET\" }", "name = {t0:String}")]
    [InlineData("{ resource.service.name =~ \"a.*\" }", "match(service, {t0:String})")]
    [InlineData("{ span.http.response.status_code >= 500 }", "toFloat64OrNull(attributes[{k1:String}]) >= toFloat64OrNull({t0:String})")]
    public void A_spanset_becomes_a_condition(string query, string expected) => Assert.Equal(expected, TraceQl.ToSql(query, []));

    [Fact]
    public void No_text_of_a_user_ever_stands_in_the_SQL()
    {
        const string Mark = "zQ9";
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll<NonNull<string>>(text =>
        {
            string value = Mark + text.Get.Replace("\\", "", StringComparison.Ordinal).Replace("\"", "", StringComparison.Ordinal);
            foreach (string query in (string[])[$"{{ name = \"{value}\" }}", $"{{ span.x = \"{value}\" }}", $"{{ span.{Mark} = 1 }}"])
            {
                try
                {
                    Assert.DoesNotContain(Mark, TraceQl.ToSql(query, []), StringComparison.Ordinal);
                }
                catch (FormatException)
                {
                    // Refused: nothing reaches the store.
                }
            }
        }));
    }
}
