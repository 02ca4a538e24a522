using System.Globalization;
using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Expressions;

namespace SloEngine.Slo.Model;

/// <summary>Counts the intervals in which a sign of life came: a point of a metric, or one that holds a comparison.</summary>
/// <param name="Metric">Metric name.</param>
/// <param name="Matchers">Conditions on labels.</param>
/// <param name="Interval">How often it is to come: whole minutes, or seconds that divide a minute. Intervals begin at multiples of it (UTC).</param>
/// <param name="Comparison">lte, lt, gte or gt, of values with <paramref name="Threshold"/>.</param>
/// <param name="Threshold">What values are compared with; null when any point will do.</param>
public sealed record HeartbeatMeasure(string Metric, IReadOnlyList<Matcher> Matchers, TimeSpan Interval, string Comparison = "gte", double? Threshold = null) : Measure
{
    /// <inheritdoc/>
    public override string Describe()
    {
        string value = Threshold is { } threshold ? string.Create(CultureInfo.InvariantCulture, $" {Comparison} {threshold:R}") : "";
        return $"intervals of {WindowedQuery.DurationText(Interval)} with a point of {MeasureQuery.Selector(Metric, Matchers)}{value}";
    }

    /// <summary>
    /// The expression that is 1 at the end of an interval with a sign of life, 0 when points came and none held the comparison, and nothing when none came;
    /// by group.
    /// </summary>
    public Expr Alive(IReadOnlyList<string> groupBy)
    {
        string range = $"{MeasureQuery.Selector(Metric, Matchers)}[{WindowedQuery.DurationText(Interval)}]";
        string alive = Threshold is not { } threshold ? $"count_over_time({range}) >= bool 1"
            : string.Create(CultureInfo.InvariantCulture, $"{(Comparison[0] == 'g' ? "max" : "min")}_over_time({range}) {Sign(Comparison)} bool {threshold:R}");
        return Regrouping.By(PromQLParser.Parse($"max({alive})"), groupBy);
    }

    private static string Sign(string comparison) => comparison switch { "lt" => "<", "gt" => ">", "gte" => ">=", _ => "<=" };
}

/// <summary>Counts all intervals of a heartbeat, from its first one on.</summary>
/// <param name="Interval">How long they are.</param>
public sealed record IntervalMeasure(TimeSpan Interval) : Measure
{
    /// <inheritdoc/>
    public override string Describe() => $"intervals of {WindowedQuery.DurationText(Interval)} since the first such point";
}
