using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Expressions;

/// <summary>What can be told of a query's value from its tree.</summary>
internal static class QueryShape
{
    /// <summary>Calls that give a value a second.</summary>
    private static readonly HashSet<string> Rates = ["rate", "irate", "deriv"];

    /// <summary>Calls that count over their window.</summary>
    private static readonly HashSet<string> Counts = ["increase", "count_over_time", "sum_over_time", "delta"];

    /// <summary>What the value says, by the first call that counts something.</summary>
    public static QueryUnit Unit(Expr expression) => Counting(expression)?.Function switch
    {
        null => QueryUnit.PerEvaluation,
        { } function when Rates.Contains(function) => QueryUnit.PerSecond,
        _ => QueryUnit.PerWindow,
    };

    /// <summary>Window of that call; null if there is none.</summary>
    public static TimeSpan? Window(Expr expression) => Counting(expression)?.Arguments[0] switch
    {
        MatrixSelector matrix => TimeSpan.FromMilliseconds(matrix.RangeMs),
        Subquery subquery => TimeSpan.FromMilliseconds(subquery.RangeMs),
        _ => null,
    };

    /// <summary>The expression without the parentheses around it.</summary>
    public static Expr Bare(Expr expression) => expression is Parentheses parentheses ? Bare(parentheses.Inner) : expression;

    private static Call? Counting(Expr expression) => expression switch
    {
        Call call when call.Arguments.Count == 1 && (Rates.Contains(call.Function) || Counts.Contains(call.Function)) => call,
        Call call => call.Arguments.Select(Counting).FirstOrDefault(static found => found is not null),
        Parentheses parentheses => Counting(parentheses.Inner),
        Unary unary => Counting(unary.Inner),
        Aggregation aggregation => Counting(aggregation.Inner),
        Binary binary => Counting(binary.Left) ?? Counting(binary.Right),
        _ => null,
    };
}
