using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Expressions;

/// <summary>
/// Finds the expressions that count what a tap counts as telemetry passes: a selector, alone or inside <c>rate</c>, <c>increase</c> or
/// <c>irate</c>, summed or not, with or without <c>or vector(0)</c>. A metric that ends in <c>_bucket</c> with a matcher on <c>le</c>, or in
/// <c>_count</c>, may be a part of a histogram.
/// </summary>
internal static class TapCompiler
{
    private const string Bucket = "_bucket";
    private const string Count = "_count";

    /// <summary>The measure, or null if only a query can tell.</summary>
    public static MetricMeasure? Compile(Expr expression) => QueryShape.Bare(expression) switch
    {
        VectorSelector selector => Counter(selector),
        Aggregation { Operator: "sum", Parameter: null, Without: false, Grouping.Count: 0 } sum => Compile(sum.Inner),
        Binary { Operator: "or", Right: var right } either when IsZero(right) => Compile(either.Left),
        Call { Function: "rate" or "increase" or "irate" } call when QueryShape.Bare(call.Arguments[0]) is MatrixSelector matrix => Counter(matrix.Vector),
        Call { Function: "count_over_time" } call when QueryShape.Bare(call.Arguments[0]) is MatrixSelector matrix => Samples(matrix.Vector),
        _ => null,
    };

    /// <summary>Metric and conditions of a selector; null when it shifts time, or names its metric by a pattern.</summary>
    public static (string Metric, List<Matcher> Matchers)? Selector(VectorSelector selector)
    {
        if (selector.Time != TimeModifier.None)
        {
            return null;
        }
        string metric = selector.Name;
        var matchers = new List<Matcher>();
        foreach (LabelMatcher matcher in selector.Matchers)
        {
            if (matcher.Label == "__name__")
            {
                if (matcher.Kind != MatchKind.Equal)
                {
                    return null;
                }
                metric = matcher.Value;
                continue;
            }
            string comparison = matcher.Kind switch
            {
                MatchKind.Equal => "=",
                MatchKind.NotEqual => "!=",
                MatchKind.Regex => "=~",
                _ => "!~",
            };
            try
            {
                matchers.Add(new Matcher(matcher.Label, comparison, matcher.Value));
            }
            catch (Exception unsupported) when (unsupported is ArgumentException or NotSupportedException)
            {
                // A pattern that only the query engine's RE2 reads.
                return null;
            }
        }
        return metric.Length == 0 ? null : (metric, matchers);
    }

    private static MetricMeasure? Counter(VectorSelector selector)
    {
        if (Selector(selector) is not var (metric, matchers))
        {
            return null;
        }
        if (metric.EndsWith(Count, StringComparison.Ordinal))
        {
            return new MetricMeasure(metric[..^Count.Length], matchers, MetricPart.Count);
        }
        if (!metric.EndsWith(Bucket, StringComparison.Ordinal))
        {
            return new MetricMeasure(metric, matchers, MetricPart.Increase);
        }
        Matcher? bound = matchers.Find(matcher => matcher is { Label: "le", Comparison: "=" });
        if (bound is null || matchers.Count(matcher => matcher.Label == "le") > 1)
        {
            return null;
        }
        matchers.Remove(bound);
        string name = metric[..^Bucket.Length];
        if (bound.Value is "+Inf" or "Inf")
        {
            return new MetricMeasure(name, matchers, MetricPart.Count);
        }
        return double.TryParse(bound.Value, CultureInfo.InvariantCulture, out double threshold)
            ? new MetricMeasure(name, matchers, MetricPart.AtOrBelow, threshold) : null;
    }

    private static MetricMeasure? Samples(VectorSelector selector) =>
        Selector(selector) is var (metric, matchers) ? new MetricMeasure(metric, matchers, MetricPart.Samples) : null;

    private static bool IsZero(Expr expression) =>
        QueryShape.Bare(expression) is Call { Function: "vector" } call && QueryShape.Bare(call.Arguments[0]) is NumberLiteral { Value: 0 };
}
