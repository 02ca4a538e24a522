using System.Globalization;
using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Expressions;

/// <summary>Makes indicators from PromQL: counted by taps where the shapes are known, else by evaluating the queries.</summary>
internal static class IndicatorCompiler
{
    /// <summary>Good or bad events out of all.</summary>
    public static Indicator Events(WindowedQuery part, WindowedQuery total, bool partIsBad)
    {
        string ratio = $"({part})\n/\n({total})";
        return Events(part.Tree, total.Tree, partIsBad, part, total) with
        {
            ErrorRatio = WindowedQuery.Parse(partIsBad ? ratio : $"1 - (\n{ratio}\n)"),
        };
    }

    /// <summary>A ratio that is given as such.</summary>
    /// <param name="ratio">Share of good or bad events, 0 to 1.</param>
    /// <param name="isBad">Whether it is the share of bad ones.</param>
    public static Indicator Raw(WindowedQuery ratio, bool isBad)
    {
        WindowedQuery error = isBad ? ratio : WindowedQuery.Parse($"1 - ({ratio})");
        // 1 - good / total, or bad / total, of shapes that taps count, is better than a mean of ratios: it weighs by traffic.
        if (Taps(ratio.Tree, isBad) is { } counted)
        {
            return counted with { ErrorRatio = error };
        }
        return new Indicator(
            "raw", new QueryMeasure(WindowedQuery.Parse($"sum({ratio})"), QueryUnit.PerEvaluation),
            new QueryMeasure(WindowedQuery.Parse($"count({ratio})"), QueryUnit.PerEvaluation), isBad)
        {
            ErrorRatio = error,
        };
    }

    /// <summary>Samples that hold a comparison: of a metric as they come, else of a query once a minute.</summary>
    public static Indicator Threshold(WindowedQuery value, string comparison, double threshold)
    {
        if (value.Tree is VectorSelector selector && TapCompiler.Selector(selector) is var (metric, matchers))
        {
            var all = new MetricMeasure(metric, matchers, MetricPart.Samples);
            return new Indicator("threshold", all with { Part = MetricPart.SamplesThatHold, Threshold = threshold, Comparison = comparison }, all, PartIsBad: false);
        }
        string sign = comparison switch { "lt" => "<", "gt" => ">", "gte" => ">=", _ => "<=" };
        string bound = threshold.ToString("R", CultureInfo.InvariantCulture);
        string good = $"sum(({value}) {sign} bool {bound})";
        string count = $"count({value})";
        return new Indicator(
            "threshold", new QueryMeasure(WindowedQuery.Parse(good), QueryUnit.PerEvaluation),
            new QueryMeasure(WindowedQuery.Parse(count), QueryUnit.PerEvaluation), PartIsBad: false)
        {
            ErrorRatio = WindowedQuery.Parse($"1 - {good} / {count}"),
        };
    }

    private static Indicator Events(Expr part, Expr total, bool partIsBad, WindowedQuery partQuery, WindowedQuery totalQuery) =>
        Counted(part, total, partIsBad) ?? new Indicator(
            "ratio", new QueryMeasure(partQuery, QueryShape.Unit(part)), new QueryMeasure(totalQuery, QueryShape.Unit(total)), partIsBad);

    private static Indicator? Counted(Expr part, Expr total, bool partIsBad)
    {
        if (TapCompiler.Compile(total) is not { } all)
        {
            return null;
        }
        // All but the good ones are the bad ones: how latency is written where only buckets of fast requests exist.
        if (QueryShape.Bare(part) is Binary { Operator: "-", Matching: null or { Labels.Count: 0 } } rest && TapCompiler.Compile(rest.Left)?.Describe() == all.Describe())
        {
            return Counted(rest.Right, total, !partIsBad);
        }
        return TapCompiler.Compile(part) is { } counted
            ? new Indicator(counted.Part == MetricPart.AtOrBelow ? "latency" : "ratio", counted, all, partIsBad) : null;
    }

    private static Indicator? Taps(Expr ratio, bool isBad) => QueryShape.Bare(ratio) switch
    {
        Binary { Operator: "-" } rest when QueryShape.Bare(rest.Left) is NumberLiteral { Value: 1 } => Taps(rest.Right, !isBad),
        Binary { Operator: "/" } share => Counted(share.Left, share.Right, isBad),
        _ => null,
    };
}
