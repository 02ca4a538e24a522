using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Tests;

public sealed class ParserTests
{
    [Theory]
    [InlineData("sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m])) > 0.1")]
    [InlineData("histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m])))")]
    [InlineData("a * on (instance) group_left (version) b")]
    [InlineData("{\"metric.with.dots\", label=\"x\"} offset -5m")]
    [InlineData("max_over_time(rate(x[1m])[1h:5m] @ 1700000000)")]
    [InlineData("topk(3, x) or vector(0) unless y # a comment")]
    [InlineData("-2 ^ 2 + 0x1F % 3")]
    public void Real_expressions_parse(string expression) => PromQLParser.Parse(expression);

    [Theory]
    [InlineData("sum(", "1:5: parse error: unclosed left parenthesis")]
    [InlineData("foo{", "unexpected end of input")]
    [InlineData("rate(foo)", "expected type range vector in call to function \"rate\", got instant vector")]
    [InlineData("foo[5m] + 1", "binary expression must contain only scalar and instant vector types")]
    [InlineData("1 == 1", "comparisons between scalars must use BOOL modifier")]
    [InlineData("nope(foo)", "unknown function with name \"nope\"")]
    [InlineData("{}", "vector selector must contain at least one non-empty matcher")]
    [InlineData("foo{a=~\"(\"}", "error parsing regexp")]
    [InlineData("foo $ bar", "unexpected character: '$'")]
    public void Errors_say_what_and_where(string expression, string expected) =>
        Assert.Contains(expected, Assert.Throws<PromQLParseException>(() => PromQLParser.Parse(expression)).Message, StringComparison.Ordinal);

    [Fact]
    public void Selectors_have_for_bytes_that_are_no_text_what_the_store_has()
    {
        var selector = (VectorSelector)PromQLParser.Parse("""m{l="a\xff"}""");

        Assert.Equal("a\uFFFD", selector.Matchers.Single(static matcher => matcher.Label == "l").Value);
    }

    [Theory]
    [InlineData("\"\\xff\"", "\"\\xff\"")]
    [InlineData("\"a\\xe2\\x98b\\377\"", "\"a\\xe2\\x98b\\xff\"")]
    [InlineData("\"\\xe2\\x98\\xba\"", "\"☺\"")]
    [InlineData("\"\\uFFFD\"", "\"\\ufffd\"")]
    public void Bytes_that_are_no_text_are_kept(string query, string printed)
    {
        Expr parsed = PromQLParser.Parse(query);

        Assert.Equal(printed, parsed.ToString());
        Assert.Equal(((StringLiteral)parsed).Value, ((StringLiteral)PromQLParser.Parse(printed)).Value);
    }

    [Fact]
    public void Power_binds_to_the_right_and_tighter_than_a_sign()
    {
        var negated = Assert.IsType<Binary>(Assert.IsType<Unary>(PromQLParser.Parse("-2 ^ 3 ^ 2")).Inner);

        Assert.Equal(2, Assert.IsType<NumberLiteral>(negated.Left).Value);
        Assert.Equal("3 ^ 2", Assert.IsType<Binary>(negated.Right).ToString());
    }

    [Fact]
    public void What_parses_is_printed_as_something_that_parses_to_the_same()
    {
        string[] pieces =
        [
            "sum", "by", "(", ")", "without", "a", "rate", "[", "5m", "]", ":", "1m", "{", "}", "x", "=", "\"y\"", "=~", "\".+\"", ",", "+", "-", "*", "/", "^", "==", "bool", "on",
            "ignoring", "group_left", "and", "or", "offset", "@", "10", "start()", "end", "step()", "range()", "min_of", "fill", "anchored", "smoothed", "topk", "2", "1.5", "Inf",
            "NaN", "'q'", "`r`", "0x1F", "1h30m", "</", "atan2", "info", "# c", "\n", "é", "_", "%", "unless", "count_values", "label_replace", "\"\\x41\"",
        ];
        var random = new Random(7);
        int parsed = 0;
        for (int round = 0; round < 300_000; round++)
        {
            string text = string.Join(random.Next(3) == 0 ? "" : " ", Enumerable.Range(0, random.Next(1, 9)).Select(_ => pieces[random.Next(pieces.Length)]));
            Expr expression;
            try
            {
                expression = PromQLParser.Parse(text, ParserOptions.All);
            }
            catch (PromQLParseException wrong)
            {
                Assert.All(wrong.Errors, error => Assert.InRange(error.Range.Start, 0, text.Length));
                continue;
            }
            parsed++;
            string printed = expression.ToString();
            Assert.Equal(printed, PromQLParser.Parse(printed, ParserOptions.All).ToString());
            Assert.Equal(printed, PromQLParser.Parse(Printer.Pretty(expression, 5), ParserOptions.All).ToString());
        }
        Assert.True(parsed > 5_000, $"only {parsed} texts are valid");
    }

    [Fact]
    public void No_text_crashes_or_hangs_the_parser()
    {
        char[] alphabet = "abz_:019.eE+-*/%^=!~<>(){}[],@#\"'`\\ \n5m".ToCharArray();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(Arb.From(Gen.ArrayOf(Gen.Elements(alphabet))), letters =>
        {
            try
            {
                PromQLParser.Parse(new string(letters));
            }
            catch (PromQLParseException)
            {
                // Refused, as it should be.
            }
        }));
        Assert.Throws<PromQLParseException>(() => PromQLParser.Parse(new string('(', 100_000)));
        Assert.Throws<PromQLParseException>(() => PromQLParser.Parse(string.Join('+', Enumerable.Repeat("a", 100_000))));
        Assert.Throws<PromQLParseException>(() => PromQLParser.Parse($"a[{string.Join('+', Enumerable.Repeat("1m", 100_000))}]", ParserOptions.All));
        Assert.Throws<PromQLParseException>(() => PromQLParser.Parse("a" + string.Concat(Enumerable.Repeat("[5m:1m]", 10_000))));
    }

    [Theory]
    [InlineData("sum(rate(a[5m]))", "sum by (tenant) (rate(a[5m]))")]
    [InlineData("sum by (job) (a) / on (job) max by (job) (b)", "sum by (job, tenant) (a) / on (job, tenant) max by (job, tenant) (b)")]
    [InlineData("count(sum by (pod) (a) > 0) or vector(0)", "count by (tenant) (sum by (pod, tenant) (a) > 0) or vector(0)")]
    [InlineData("sum without (tenant, pod) (a)", "sum without (pod) (a)")]
    [InlineData("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", "histogram_quantile(0.9, sum by (le, tenant) (rate(a_bucket[5m])))")]
    public void Results_are_told_apart_by_more_labels(string expression, string grouped) =>
        Assert.Equal(grouped, Printer.Print(Regrouping.By(PromQLParser.Parse(expression), ["tenant"])));
}
