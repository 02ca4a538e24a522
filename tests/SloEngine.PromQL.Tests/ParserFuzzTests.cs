using System.Text;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Tests;

/// <summary>Whatever text arrives, the parser gives a tree or a parse error, and soon: no other exception, no hang, no end of the stack.</summary>
public sealed class ParserFuzzTests
{
    private const int RandomTexts = 50_000;
    private const int MutatedTexts = 60_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly string[] Seeds =
    [
        "sum by (job, \"a.b\") (rate(http_requests_total{code=~\"5..|4..\", job!=\"\"}[5m] offset -1w2d)) / ignoring(x) group_left(y) sum without () (up @ end())",
        "histogram_quantile(0.9, sum by(le) (rate(x_bucket[1h:30s] @ 1.5e3))) > bool -0x1F ^ 2 ^ -.5e+3 or vector(NaN) unless on() +Inf",
        "label_replace({__name__=~\"a\\\\.b\", 'c'=`d`}, \"e\", \"$1 \\u00e9\\n\\x41\\777\", \"f\", \"(.*)\") # a comment\n and {\"metric.name\", a!~\"b\"}",
        "topk(5, avg_over_time((a + b)[10m:])) atan2 count_values(\"v\", quantile(.5, m)) % limitk(2, n[1d]) == time()",
        "last_over_time(x[1h30m15s5ms] offset 5m) <= -(a) - -b * +c", "info(up{}, {__name__=\"target_info\"})", "\"a text\"", "1", "x[5m]",
    ];

    [Fact]
    public Task Random_bytes_are_parsed_or_refused() => Within(() =>
    {
        var random = new Random(20_261_121);
        for (int text = 0; text < RandomTexts; text++)
        {
            byte[] bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            Try(text % 2 == 0 ? Encoding.Latin1.GetString(bytes) : Encoding.UTF8.GetString(bytes));
            // Lone halves of surrogates, too.
            Try(new string([.. bytes.Select(one => (char)(one * 257))]));
        }
    });

    [Fact]
    public Task Damaged_expressions_are_parsed_or_refused() => Within(() =>
    {
        var random = new Random(7);
        int parsed = 0;
        for (int text = 0; text < MutatedTexts; text++)
        {
            string expression = Seeds[random.Next(Seeds.Length)];
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                expression = Damaged(expression, random);
            }
            parsed += Try(expression) ? 1 : 0;
        }
        Assert.InRange(parsed, MutatedTexts / 100, MutatedTexts - (MutatedTexts / 10));
    });

    [Theory]
    [InlineData("(", "1", ")")]
    [InlineData("-", "1", "")]
    [InlineData("", "1", "+1")]
    [InlineData("", "1", "^1")]
    [InlineData("", "a", " or a")]
    [InlineData("abs(", "a", ")")]
    [InlineData("sum by (x) (", "a", ")")]
    [InlineData("last_over_time((", "a", ")[1m:])")]
    [InlineData("", "a", " offset 1s")]
    [InlineData("", "a", "[1m:1s]")]
    [InlineData("{", "", "")]
    [InlineData("a{b=\"c\"", "", ",b=\"c\"")]
    [InlineData("a[", "1m", "+1m")]
    [InlineData("a[(", "1m", ")")]
    [InlineData("\"", "", "\\")]
    [InlineData("#", "", "\n#")]
    [InlineData("[[", "", "]")]
    public Task Whatever_is_repeated_ends(string before, string inside, string after) => Within(() =>
    {
        foreach (int times in (int[])[10, 299, 301, 1001, 200_000])
        {
            var text = new StringBuilder();
            Try(text.Insert(0, before, times).Append(inside).Insert(text.Length, after, times).ToString());
        }
    });

    /// <summary>True for a tree, whose printed form is parsed to the same tree again.</summary>
    private static bool Try(string text)
    {
        Expr expression;
        try
        {
            expression = PromQLParser.Parse(text, ParserOptions.All);
        }
        catch (PromQLParseException refused)
        {
            Assert.NotEmpty(refused.Message);
            return false;
        }
        string printed = expression.ToString()!;
        Assert.Equal(printed, PromQLParser.Parse(printed, ParserOptions.All).ToString());
        return true;
    }

    private static string Damaged(string text, Random random)
    {
        int at = random.Next(text.Length + 1);
        int length = Math.Min(random.Next(1, 12), text.Length - at);
        string other = Seeds[random.Next(Seeds.Length)];
        int from = random.Next(other.Length);
        string piece = other.Substring(from, Math.Min(random.Next(1, 20), other.Length - from));
        return random.Next(5) switch
        {
            0 => text.Remove(at, length),
            1 => text.Insert(at, piece),
            2 => text.Remove(at, length).Insert(at, piece),
            3 => text.Insert(at, ((char)random.Next(32, 127)).ToString()),
            _ => text.Insert(at, text.Substring(at, length)),
        };
    }

    /// <summary>Only a hang comes near the time given.</summary>
    private static Task Within(Action test) => Task.Run(test).WaitAsync(Patience);
}
