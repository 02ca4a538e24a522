using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Taps;

/// <summary>
/// Whoever listens to telemetry as it comes in (the SLO ledger). A request is shown once, when the log holds it, in the order of the log; one
/// caller at a time. What no one listens to costs one array read a point.
/// </summary>
public interface ITelemetryTaps
{
    /// <summary>
    /// Asks for the tap of a series: when it is first met, and for every known series after <see cref="Changed"/>.
    /// Null when nobody listens.
    /// </summary>
    ISeriesTap? TapFor(SeriesDescriptor series);

    /// <summary>A series with a tap has stopped and is forgotten: nothing comes to that tap any more. Should the series come back, a tap is asked for anew.</summary>
    void Forget(SeriesDescriptor series);

    /// <summary>Raised when the answers of <see cref="TapFor"/> may have changed (SLO files reloaded).</summary>
    event Action? Changed;

    /// <summary>Whether anybody listens to spans.</summary>
    bool ListensToSpans { get; }

    /// <summary>Whether anybody listens to logs.</summary>
    bool ListensToLogs { get; }

    /// <summary>Enters the stretch in which taps are called and blocks are shown: one lock a group of requests, none a point.</summary>
    Lock.Scope BeginBatch();

    /// <summary>Shows spans; <paramref name="resources"/> resolves <see cref="SpanBlock.Resources"/>.</summary>
    void Observe(SpanBlock spans, IResourceLookup resources);

    /// <summary>Shows logs.</summary>
    void Observe(LogBlock logs, IResourceLookup resources);

    /// <summary>Takes what has been counted since the last call, to be stored beside the requests shown since; null for nothing.</summary>
    ITapCounts? TakeCounts();
}

/// <summary>What the taps counted over a stretch of the log.</summary>
public interface ITapCounts
{
    /// <summary>Makes it durable; under a token seen before it does nothing.</summary>
    ValueTask SaveAsync(string token);
}

/// <summary>Listens to the points of one series. Times are Unix nanoseconds; a start of 0 means that none was given.</summary>
public interface ISeriesTap
{
    /// <summary>A gauge or sum point.</summary>
    void Number(long startNanos, long timeNanos, double value);

    /// <summary>An explicit histogram point; buckets are not cumulative and the bounds are the series'.</summary>
    void Histogram(long startNanos, long timeNanos, ulong count, ReadOnlySpan<ulong> buckets);

    /// <summary>An exponential histogram point, row <paramref name="row"/> of <paramref name="points"/>.</summary>
    void ExponentialHistogram(ExponentialHistogramPoints points, int row);
}

/// <summary>What a series is called and how its points are to be read.</summary>
/// <param name="Id">Id in the store.</param>
/// <param name="Tenant">Owner.</param>
/// <param name="Metric">Prometheus name, suffixes included (for histograms the base name).</param>
/// <param name="OtelName">Name as it came.</param>
/// <param name="Kind">Kind.</param>
/// <param name="Temporality">Temporality.</param>
/// <param name="Unit">Unit as it came.</param>
/// <param name="Help">Description.</param>
/// <param name="Labels">Labels sorted by name, without <c>__name__</c>.</param>
/// <param name="Bounds">Histogram bounds, ascending, without +Inf.</param>
/// <param name="ResourceIdentity">Hash of the resource bytes: equal for all series of one process.</param>
public sealed record SeriesDescriptor(
    UInt128 Id,
    string Tenant,
    string Metric,
    string OtelName,
    MetricKind Kind,
    Temporality Temporality,
    string Unit,
    string Help,
    IReadOnlyList<KeyValuePair<string, string>> Labels,
    double[] Bounds,
    UInt128 ResourceIdentity)
{
    /// <summary>Characters of all its texts, and as many as its bounds take: about what describing it costs the store.</summary>
    internal long Characters =>
        Metric.Length + OtelName.Length + Unit.Length + Help.Length + Labels.Sum(static label => label.Key.Length + label.Value.Length) + (Bounds.Length * sizeof(double));
}

/// <summary>Resolves references to resource and scope.</summary>
public interface IResourceLookup
{
    /// <summary>The resource and scope behind a reference in a block.</summary>
    ResourceDescriptor this[int resource] { get; }
}

/// <summary>A resource with its scope, as stored.</summary>
/// <param name="Id">Id in the store.</param>
/// <param name="Tenant">Owner.</param>
/// <param name="Service">service.name, prefixed by "service.namespace/" where given; "unknown_service" where not.</param>
/// <param name="Attributes">Resource attributes as text.</param>
public sealed record ResourceDescriptor(UInt128 Id, string Tenant, string Service, IReadOnlyDictionary<string, string> Attributes);
