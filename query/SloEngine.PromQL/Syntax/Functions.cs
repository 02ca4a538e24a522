namespace SloEngine.PromQL.Syntax;

/// <summary>Signature of a function: the last <paramref name="Optional"/> arguments may be left out; -1 for any number more.</summary>
internal sealed record FunctionSignature(ExprType Result, ExprType[] Arguments, int Optional = 0);

/// <summary>The functions of PromQL that are evaluated here.</summary>
internal static class Functions
{
    private const ExprType V = ExprType.InstantVector;
    private const ExprType M = ExprType.RangeVector;
    private const ExprType S = ExprType.Scalar;
    private const ExprType T = ExprType.String;

    public static readonly IReadOnlyDictionary<string, FunctionSignature> All = Build();

    private static Dictionary<string, FunctionSignature> Build()
    {
        var all = new Dictionary<string, FunctionSignature>(StringComparer.Ordinal);
        void Add(FunctionSignature signature, params ReadOnlySpan<string> names)
        {
            foreach (string name in names)
            {
                all.Add(name, signature);
            }
        }
        Add(new(V, [M]),
            "rate", "increase", "delta", "irate", "idelta", "resets", "changes", "deriv", "avg_over_time", "min_over_time", "max_over_time",
            "sum_over_time", "count_over_time", "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time", "absent_over_time");
        Add(new(V, [M, S]), "predict_linear");
        Add(new(V, [S, M]), "quantile_over_time");
        Add(new(V, [V]),
            "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
            "asinh", "acosh", "atanh", "deg", "rad", "timestamp", "absent", "sort", "sort_desc");
        Add(new(V, [V, S], 1), "round");
        Add(new(V, [V, S]), "clamp_min", "clamp_max");
        Add(new(V, [V, S, S]), "clamp");
        Add(new(V, [S, V]), "histogram_quantile");
        Add(new(V, [V, T, T, T, T]), "label_replace");
        Add(new(V, [V, T, T, T], -1), "label_join");
        Add(new(V, [V], 1), "minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year");
        Add(new(S, [V]), "scalar");
        Add(new(V, [S]), "vector");
        Add(new(S, []), "time", "pi");
        return all;
    }
}
