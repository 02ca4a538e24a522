using System.Text.RegularExpressions;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Slo.Model;

/// <summary>A PromQL expression that may leave its windows open: Sloth and OpenSLO files write them <c>[{{.window}}]</c>.</summary>
public sealed partial record WindowedQuery
{
    /// <summary>Window that the expression is parsed and evaluated with: it holds several samples at the usual scrape intervals.</summary>
    public static readonly TimeSpan EvaluationWindow = TimeSpan.FromMinutes(5);

    private WindowedQuery(string text) => Text = text;

    /// <summary>The expression as written.</summary>
    public string Text { get; }

    /// <summary>Whether a window is open.</summary>
    public bool IsOpen => Window().IsMatch(Text);

    /// <summary>The expression with a window filled in.</summary>
    public string At(TimeSpan window) => Window().Replace(Text, DurationText(window));

    /// <summary>Its tree, over <see cref="EvaluationWindow"/>.</summary>
    public Expr Tree => PromQLParser.Parse(At(EvaluationWindow), ParserOptions.All);

    /// <summary>A duration as Prometheus writes it: 5m, 1d, 4w.</summary>
    public static string DurationText(TimeSpan duration) => Duration.Print((long)duration.TotalMilliseconds);

    /// <summary>Checks an expression.</summary>
    /// <exception cref="FormatException">It is no PromQL, or gives neither a number nor an instant vector; the message says where.</exception>
    public static WindowedQuery Parse(string text)
    {
        var query = new WindowedQuery(text.Trim());
        if (query.At(EvaluationWindow).Contains("{{", StringComparison.Ordinal))
        {
            throw new FormatException("only {{.window}} may be left open");
        }
        try
        {
            ExprType type = query.Tree.Type;
            return type is ExprType.InstantVector or ExprType.Scalar ? query
                : throw new FormatException($"the expression gives a {(type == ExprType.String ? "string" : "range vector")}, expected an instant vector");
        }
        catch (PromQLParseException wrong)
        {
            throw new FormatException("not PromQL: " + wrong.Message);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    [GeneratedRegex(@"\{\{-?\s*\.window\s*-?\}\}")]
    private static partial Regex Window();
}
