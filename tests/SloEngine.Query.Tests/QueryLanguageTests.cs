using FsCheck;
using FsCheck.Fluent;
using Microsoft.AspNetCore.Http;
using SloEngine.Query.Http;
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
    [InlineData("{level=\"x\"} |~ \"(a\"", "the pattern at offset 14 is not valid: missing closing )")]
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

    [Theory]
    [InlineData("{ name = \"\\c\" }", "an escape that is none")]
    [InlineData("{ name =~ \"(GET\" }", "the pattern of name is not valid: missing closing )")]
    [InlineData("{ span.x !~ `[a` }", "the pattern of span.x is not valid: missing closing ]")]
    public void A_wrong_spanset_says_what(string query, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => TraceQl.ToSql(query, [])).Message, StringComparison.Ordinal);

    [Fact]
    public void Text_between_backticks_is_taken_as_it_stands()
    {
        Dictionary<string, string> parameters = [];

        TraceQl.ToSql("{ name =~ `a\\d+` }", parameters);

        Assert.Equal("^(?:a\\d+)$", parameters["t0"]);
    }

    [Theory]
    [InlineData("1795280400", 1_795_280_400_000_000_000)]
    [InlineData("1795280400000000001", 1_795_280_400_000_000_001)]
    [InlineData("1795280400000", long.MaxValue / 1_000_000 * 1_000_000)]
    [InlineData("-5", 0)]
    public async Task A_time_that_the_store_cannot_hold_is_its_first_or_last(string text, long nanoseconds)
    {
        var http = new DefaultHttpContext();
        http.Request.QueryString = new QueryString("?end=" + text);

        Assert.Equal(nanoseconds, (await RequestParameters.ReadAsync(http)).TimeNanos("end", 0));
    }

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
