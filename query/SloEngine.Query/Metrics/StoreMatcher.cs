using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>A matcher as the store can satisfy it.</summary>
/// <param name="Asked">The matcher of the selector.</param>
/// <param name="Otel">What it stands for, where it asks for a metric by a name of OpenTelemetry that is none of Prometheus.</param>
internal sealed record StoreMatcher(LabelMatcher Asked, OtelMetric? Otel = null)
{
    /// <summary>Whether it gives the name of a metric.</summary>
    public bool IsName => Asked is { Label: Labels.MetricName, Kind: MatchKind.Equal };

    /// <summary>The matcher that the names of stored series satisfy.</summary>
    public LabelMatcher Stored => Otel switch
    {
        null => Asked,
        { Names: [var name] } => Asked with { Value = name },
        _ => new LabelMatcher(Labels.MetricName, MatchKind.Regex, string.Join('|', Otel.Names.Select(Regex.Escape))),
    };

    /// <summary>Names of metrics under which its series may be stored.</summary>
    public IEnumerable<string> Metrics => Otel is null ? SeriesCondition.BaseNames(Asked.Value) : Otel.Origins.Select(static origin => origin.Metric).Distinct();
}
