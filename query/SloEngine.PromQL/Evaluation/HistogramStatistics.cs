using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// Where only count and sum of histograms are asked for, buckets are left out from the start: whether they fit together plays no part then.
/// </summary>
internal static class HistogramStatistics
{
    /// <summary>Marks selectors below <c>histogram_count</c>, <c>histogram_sum</c> and <c>histogram_avg</c>, unless buckets count on the way.</summary>
    public static Expr Mark(Expr expression) => Mark(expression, asked: false);

    private static Expr Mark(Expr expression, bool asked)
    {
        Expr Inner(Expr child) => Mark(child, asked);
        switch (expression)
        {
            case Subquery:
                // Resets between steps of a subquery can only be found by buckets.
                return expression;
            case Call { Function: "histogram_quantile" or "histogram_quantiles" or "histogram_fraction" }:
                return expression;
            case Binary { Operator: "</" or ">/" }:
                return expression;
            case VectorSelector selector:
                return asked ? selector with { OnlyStatistics = true } : selector;
            case MatrixSelector matrix:
                return matrix with { Vector = (VectorSelector)Inner(matrix.Vector) };
            case Call call:
                asked |= call.Function is "histogram_count" or "histogram_sum" or "histogram_avg";
                return call with { Arguments = [.. call.Arguments.Select(Inner)] };
            case Aggregation aggregation:
                return aggregation with { Inner = Inner(aggregation.Inner), Parameter = aggregation.Parameter is null ? null : Inner(aggregation.Parameter) };
            case Binary binary:
                return binary with { Left = Inner(binary.Left), Right = Inner(binary.Right) };
            case Unary unary:
                return unary with { Inner = Inner(unary.Inner) };
            case Parentheses parentheses:
                return parentheses with { Inner = Inner(parentheses.Inner) };
            default:
                return expression;
        }
    }

    /// <summary>The series without buckets; resets are found while there still are some, and told by hints.</summary>
    public static SeriesData Strip(SeriesData series)
    {
        if (series.Histograms is null)
        {
            return series;
        }
        var stripped = new FloatHistogram?[series.Histograms.Length];
        FloatHistogram? last = null;
        for (int index = 0; index < stripped.Length; index++)
        {
            if (series.Histograms[index] is not { } histogram)
            {
                continue;
            }
            CounterResetHint hint = histogram.Hint != CounterResetHint.Unknown || last is null ? histogram.Hint
                : HistogramReset.Between(last, histogram) ? CounterResetHint.Reset : CounterResetHint.NotReset;
            stripped[index] = histogram.Statistics(hint);
            last = histogram;
        }
        return new SeriesData
        {
            Labels = series.Labels,
            IsDelta = series.IsDelta,
            TimesMs = series.TimesMs,
            Values = series.Values,
            Histograms = stripped,
            StartTimesMs = series.StartTimesMs,
        };
    }
}
