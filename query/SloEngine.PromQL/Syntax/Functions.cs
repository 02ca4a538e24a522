namespace SloEngine.PromQL.Syntax;

/// <summary>Signature of a function.</summary>
/// <param name="Result">Type of its value.</param>
/// <param name="Arguments">Types of its arguments.</param>
/// <param name="Variadic">
/// 0 for exactly these arguments; otherwise the last may be left out or stand up to so many times, or any number of times if negative.
/// </param>
/// <param name="IsExperimental">Whether it has to be allowed.</param>
internal sealed record FunctionSignature(ExprType Result, ExprType[] Arguments, int Variadic = 0, bool IsExperimental = false);

/// <summary>The functions of PromQL.</summary>
internal static class Functions
{
    private const ExprType V = ExprType.InstantVector;
    private const ExprType M = ExprType.RangeVector;
    private const ExprType S = ExprType.Scalar;
    private const ExprType T = ExprType.String;

    public static readonly IReadOnlyDictionary<string, FunctionSignature> All = Build();

    /// <summary>Functions whose value depends on the time of evaluation, even where their arguments do not.</summary>
    public static readonly IReadOnlySet<string> TimeDependent = new HashSet<string>(
        [
            "days_in_month", "day_of_month", "day_of_week", "day_of_year", "end", "hour", "minute", "month", "year", "predict_linear", "range", "start", "step",
            "time", "timestamp",
        ],
        StringComparer.Ordinal);

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
        Add(
            new(V, [M]), "rate", "increase", "delta", "irate", "idelta", "resets", "changes", "deriv", "avg_over_time",
            "min_over_time", "max_over_time", "sum_over_time",
            "count_over_time", "first_over_time", "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time", "absent_over_time");
        Add(
            new(V, [M], IsExperimental: true), "mad_over_time", "ts_of_first_over_time", "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time");
        Add(new(V, [M, S]), "predict_linear");
        Add(new(V, [M, S, S], IsExperimental: true), "double_exponential_smoothing");
        Add(new(V, [S, M]), "quantile_over_time");
        Add(
            new(V, [V]), "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sin", "cos", "tan", "asin", "acos", "atan",
            "sinh", "cosh", "tanh", "asinh",
            "acosh", "atanh", "deg", "rad", "timestamp", "absent", "sort", "sort_desc", "histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev",
            "histogram_stdvar");
        Add(new(V, [V], IsExperimental: true), "start_timestamp");
        Add(new(V, [V, S], 1), "round");
        Add(new(V, [V, S]), "clamp_min", "clamp_max");
        Add(new(V, [V, S, S]), "clamp");
        Add(new(V, [S, V]), "histogram_quantile");
        Add(new(V, [V, T, S, S], 9, IsExperimental: true), "histogram_quantiles");
        Add(new(V, [S, S, V]), "histogram_fraction");
        Add(new(V, [V, T, T, T, T]), "label_replace");
        Add(new(V, [V, T, T, T], -1), "label_join");
        Add(new(V, [V, T], -1, IsExperimental: true), "sort_by_label", "sort_by_label_desc");
        Add(new(V, [V, V], 1, IsExperimental: true), "info");
        Add(new(V, [V], 1), "minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year");
        Add(new(S, [V]), "scalar");
        Add(new(V, [S]), "vector");
        Add(new(S, []), "time", "pi");
        Add(new(S, [], IsExperimental: true), "start", "end", "step", "range");
        Add(new(S, [S, S], IsExperimental: true), "min_of", "max_of");
        return all;
    }
}
