using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Prints expressions in their normal form, which parses to the same tree.</summary>
public static class Printer
{
    /// <summary>Length from which on the pretty form breaks lines.</summary>
    private const int MaxLine = 100;

    /// <summary>The expression on one line.</summary>
    public static string Print(Expr expression) => expression switch
    {
        NumberLiteral number => Number(number),
        StringLiteral text => QuotedText.Quote(text.Value),
        Parentheses parentheses => $"({Print(parentheses.Inner)})",
        Unary unary => unary.Operator + Print(unary.Inner),
        VectorSelector selector => Selector(selector),
        MatrixSelector matrix => Matrix(matrix),
        Subquery subquery => Print(subquery.Inner) + Suffix(subquery),
        DurationExpr duration => DurationText(duration),
        Call call => $"{call.Function}({string.Join(", ", call.Arguments.Select(Print))})",
        Aggregation aggregation => $"{Head(aggregation)}({(aggregation.Parameter is null ? "" : Print(aggregation.Parameter) + ", ")}{Print(aggregation.Inner)})",
        // A sign binds less than ^: the one that an infinity is printed with would take in the whole power.
        Binary { Operator: "^", Left: NumberLiteral { Value: double.PositiveInfinity } } power => $"Inf {Operation(power)} {Print(power.Right)}",
        Binary binary => $"{Print(binary.Left)} {Operation(binary)} {Print(binary.Right)}",
        _ => throw new ArgumentException($"{expression.GetType().Name} cannot be printed", nameof(expression)),
    };

    /// <summary>The expression over several lines, indented, where it is too long for one.</summary>
    public static string Pretty(Expr expression) => Pretty(expression, MaxLine);

    /// <summary>The expression over several lines where it is longer than so many characters.</summary>
    internal static string Pretty(Expr expression, int maxLine) => Pretty(expression, maxLine, 0);

    private static string Pretty(Expr expression, int maxLine, int level)
    {
        string indent = new(' ', level * 2);
        string line = Print(expression);
        if (expression is Unary unary)
        {
            return indent + unary.Operator + Pretty(unary.Inner, maxLine, level).Trim();
        }
        if (line.Length <= maxLine || expression is NumberLiteral or StringLiteral or VectorSelector or MatrixSelector)
        {
            return expression is Subquery ? line : indent + line;
        }
        return expression switch
        {
            Parentheses parentheses => $"{indent}(\n{Pretty(parentheses.Inner, maxLine, level + 1)}\n{indent})",
            Subquery subquery => Pretty(subquery.Inner, maxLine, level) + Suffix(subquery),
            Call call => $"{indent}{call.Function}(\n{string.Join(",\n", call.Arguments.Select(argument => Pretty(argument, maxLine, level + 1)))}\n{indent})",
            Aggregation { Parameter: { } parameter } aggregation =>
                $"{indent}{Head(aggregation)}(\n{Pretty(parameter, maxLine, level + 1)},\n{Pretty(aggregation.Inner, maxLine, level + 1)}\n{indent})",
            Aggregation aggregation => $"{indent}{Head(aggregation)}(\n{Pretty(aggregation.Inner, maxLine, level + 1)}\n{indent})",
            Binary { Operator: "^", Left: NumberLiteral { Value: double.PositiveInfinity } } => indent + line,
            Binary binary => $"{Pretty(binary.Left, maxLine, level + 1)}\n{indent}{Operation(binary)}\n{Pretty(binary.Right, maxLine, level + 1)}",
            _ => indent + line,
        };
    }

    private static string Number(NumberLiteral number) => number.IsDuration ? Duration.Print((long)Math.Round(number.Value * 1000)) : NumberText.Plain(number.Value);

    private static string Selector(VectorSelector selector)
    {
        TimeModifier time = selector.Time;
        string extension = selector.Extension switch { RangeExtension.Anchored => " anchored", RangeExtension.Smoothed => " smoothed", _ => "" };
        return selector.Name + Matchers(selector) + At(time) + extension + Offset(time);
    }

    private static string Matchers(VectorSelector selector)
    {
        string[] matchers =
        [
            .. selector.Matchers
                .Where(matcher => !(matcher.Label == Labels.MetricName && matcher.Kind == MatchKind.Equal && matcher.Value == selector.Name && selector.Name != ""))
                .Select(Matcher),
        ];
        Array.Sort(matchers, StringComparer.Ordinal);
        return matchers.Length == 0 ? "" : $"{{{string.Join(',', matchers)}}}";
    }

    private static string Matcher(LabelMatcher matcher)
    {
        string comparison = matcher.Kind switch { MatchKind.Equal => "=", MatchKind.NotEqual => "!=", MatchKind.Regex => "=~", _ => "!~" };
        return LabelName.Print(matcher.Label) + comparison + QuotedText.Quote(matcher.Value);
    }

    private static string Matrix(MatrixSelector matrix)
    {
        VectorSelector vector = matrix.Vector;
        string extension = vector.Extension switch { RangeExtension.Anchored => " anchored", RangeExtension.Smoothed => " smoothed", _ => "" };
        string range = matrix.RangeExpression is { } calculated ? Print(calculated) : Duration.Print(matrix.RangeMs);
        return $"{vector.Name}{Matchers(vector)}[{range}]{extension}{At(vector.Time)}{Offset(vector.Time)}";
    }

    private static string Suffix(Subquery subquery)
    {
        string range = subquery.RangeExpression is { } calculated ? Print(calculated) : Duration.Print(subquery.RangeMs);
        string step = subquery.StepExpression is { } interval ? Print(interval) : subquery.StepMs != 0 ? Duration.Print(subquery.StepMs) : "";
        return $"[{range}:{step}]{At(subquery.Time)}{Offset(subquery.Time)}";
    }

    private static string At(TimeModifier time) => time.AtStart ? " @ start()" : time.AtEnd ? " @ end()"
        : time.AtMs is { } at ? " @ " + (at / 1000m).ToString("0.000", CultureInfo.InvariantCulture) : "";

    private static string Offset(TimeModifier time) => time.OffsetExpression is { } calculated ? " offset " + Print(calculated)
        : time.OffsetMs != 0 ? " offset " + Duration.Print(time.OffsetMs) : "";

    private static string DurationText(DurationExpr duration)
    {
        string text = duration.Operator switch
        {
            "step" or "range" => duration.Operator + "()",
            "min_of" or "max_of" => $"{duration.Operator}({Print(duration.Left!)}, {Print(duration.Right!)})",
            // A plus in front changes nothing and is left out.
            "+" when duration.Left is null => Print(duration.Right!),
            _ when duration.Left is null => duration.Operator + Print(duration.Right!),
            _ => $"{Print(duration.Left)} {duration.Operator} {Print(duration.Right!)}",
        };
        return duration.IsWrapped ? $"({text})" : text;
    }

    private static string Head(Aggregation aggregation) => aggregation switch
    {
        { Without: true } => $"{aggregation.Operator} without ({Names(aggregation.Grouping)}) ",
        { Grouping.Count: > 0 } => $"{aggregation.Operator} by ({Names(aggregation.Grouping)}) ",
        _ => aggregation.Operator,
    };

    private static string Names(IEnumerable<string> labels) => string.Join(", ", labels.Select(LabelName.Print));

    private static string Operation(Binary binary)
    {
        string text = binary.Operator + (binary.ReturnBool ? " bool" : "");
        if (binary.Matching is not { } matching)
        {
            return text;
        }
        bool groups = matching.Cardinality is MatchCardinality.ManyToOne or MatchCardinality.OneToMany;
        if (matching.Labels.Count > 0 || matching.On || groups)
        {
            text += $" {(matching.On ? "on" : "ignoring")} ({Names(matching.Labels)})";
        }
        if (groups)
        {
            text += $" group_{(matching.Cardinality == MatchCardinality.ManyToOne ? "left" : "right")} ({Names(matching.Include)})";
        }
        if (matching.FillLeft is { } both && both.Equals(matching.FillRight))
        {
            return text + $" fill ({NumberText.General(both)})";
        }
        text += matching.FillLeft is { } left ? $" fill_left ({NumberText.General(left)})" : "";
        return text + (matching.FillRight is { } right ? $" fill_right ({NumberText.General(right)})" : "");
    }
}
