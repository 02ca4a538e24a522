namespace SloEngine.Otlp.Metrics;

/// <summary>What a metric is, as far as its points are stored and read differently.</summary>
public enum MetricKind : byte
{
    /// <summary>A gauge, or a sum that is not monotonic.</summary>
    Gauge = 1,
    /// <summary>A monotonic sum.</summary>
    Counter = 2,
    /// <summary>A histogram with explicit bounds.</summary>
    Histogram = 3,
    /// <summary>An exponential histogram.</summary>
    ExponentialHistogram = 4,
    /// <summary>A quantile of a summary (its sum and count are counters).</summary>
    Summary = 5,
    /// <summary>A native histogram with fractional counts, or that is a gauge: of a recording rule, or by remote write.</summary>
    FloatHistogram = 6,
}

/// <summary>OTLP aggregation temporality (metrics.proto, <c>AggregationTemporality</c>); the numbers are those of the wire.</summary>
public enum Temporality : byte
{
    /// <summary>Not applicable (gauges).</summary>
    Unspecified = 0,
    /// <summary>Each point counts what happened since the one before.</summary>
    Delta = 1,
    /// <summary>Each point counts what happened since its start time.</summary>
    Cumulative = 2,
}

/// <summary>Which of the classic series of a summary a number point belongs to.</summary>
public enum SeriesPart : byte
{
    /// <summary>The metric itself.</summary>
    Whole = 0,
    /// <summary>A summary's quantile (the <see cref="RawSeries.Quantile"/>).</summary>
    Quantile = 1,
    /// <summary>A summary's sum.</summary>
    Sum = 2,
    /// <summary>A summary's count.</summary>
    Count = 3,
}

/// <summary>
/// A series as it stands in a request: raw, still encoded slices of its resource, scope, metric and data point.
/// Only an index that has not met the identity reads them.
/// </summary>
public readonly ref struct RawSeries
{
    /// <summary>Hash of resource, scope, its schema, metric name, unit, kind, temporality, bounds and attribute bytes as they stood on the wire.</summary>
    public UInt128 Identity { get; init; }

    /// <summary>Hash of the encoded resource: equal for all series of one.</summary>
    public UInt128 ResourceIdentity { get; init; }

    /// <summary>Encoded <c>opentelemetry.proto.resource.v1.Resource</c>.</summary>
    public ReadOnlySpan<byte> Resource { get; init; }

    /// <summary>Encoded <c>InstrumentationScope</c>.</summary>
    public ReadOnlySpan<byte> Scope { get; init; }

    /// <summary>Address of the schema of the scope's data (<c>ScopeMetrics.schema_url</c>), UTF-8; empty when not given.</summary>
    public ReadOnlySpan<byte> SchemaUrl { get; init; }

    /// <summary>Metric name, UTF-8.</summary>
    public ReadOnlySpan<byte> Name { get; init; }

    /// <summary>Metric unit (UCUM), UTF-8.</summary>
    public ReadOnlySpan<byte> Unit { get; init; }

    /// <summary>Metric description, UTF-8.</summary>
    public ReadOnlySpan<byte> Description { get; init; }

    /// <summary>Kind of the metric.</summary>
    public MetricKind Kind { get; init; }

    /// <summary>Temporality of its points.</summary>
    public Temporality Temporality { get; init; }

    /// <summary>Encoded data point: attributes are its repeated field <see cref="AttributesField"/>.</summary>
    public ReadOnlySpan<byte> Point { get; init; }

    /// <summary>Field number of the attributes in <see cref="Point"/> (7 for numbers and summaries, 9 histograms, 1 exponential ones).</summary>
    public int AttributesField { get; init; }

    /// <summary>Explicit histogram bounds, ascending; empty for other kinds.</summary>
    public ReadOnlySpan<double> Bounds { get; init; }

    /// <summary>Part of a summary.</summary>
    public SeriesPart Part { get; init; }

    /// <summary>The quantile when <see cref="Part"/> is <see cref="SeriesPart.Quantile"/>.</summary>
    public double Quantile { get; init; }
}

/// <summary>Gives each series a small integer. Implementations are safe for concurrent decoders.</summary>
public interface ISeriesIndex
{
    /// <summary>Looks up an identity met before; the hot path. A negative reference means that the series was rejected.</summary>
    bool TryGet(UInt128 identity, out int series);

    /// <summary>
    /// Parses and registers an identity not met before.
    /// Returns its reference, or a negative number when its points are to be rejected; <paramref name="rejection"/> then says why.
    /// </summary>
    int Register(in RawSeries series, out string? rejection);
}
