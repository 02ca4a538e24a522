using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using SloEngine.PromQL.Series;

namespace SloEngine.Slo.Model;

/// <summary>A service level indicator: good (or bad) events out of all events.</summary>
/// <param name="Kind">ratio, latency, threshold, spans, logs, heartbeat, raw or foreign: for display.</param>
/// <param name="Part">Good events, or bad ones when <paramref name="PartIsBad"/>.</param>
/// <param name="Total">All events.</param>
/// <param name="PartIsBad">Whether <paramref name="Part"/> counts bad events.</param>
public sealed record Indicator(string Kind, Measure Part, Measure Total, bool PartIsBad)
{
    /// <summary>Share of bad events as PromQL, as the definition has it; null where it is not defined by PromQL.</summary>
    public WindowedQuery? ErrorRatio { get; init; }

    /// <summary>What it counts: the part, and all.</summary>
    public IEnumerable<Measure> Measures => [Part, Total];

    /// <summary>Whether it is counted by queries rather than as telemetry passes.</summary>
    public bool IsQueried => Total is QueryMeasure or IntervalMeasure;

    /// <summary>Whether it is counted as telemetry passes.</summary>
    public bool IsTapped => Total is MetricMeasure or SpanMeasure or LogMeasure;

    /// <summary>Metrics that it looks at as telemetry passes.</summary>
    public IEnumerable<string> Metrics() => Measures.OfType<MetricMeasure>().Select(measure => measure.Metric).Distinct();

    /// <summary>Eight hexadecimal digits that change when what is measured changes.</summary>
    public string Fingerprint { get; } = Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{PartIsBad}|{Part.Describe()}|{Total.Describe()}{NamesMark(Part, Total)}")))[..8];

    /// <summary>Conditions on labels by their names of OpenTelemetry were not found among those of series once: what was counted then is not gone on with.</summary>
    private static string NamesMark(params Measure[] measures) =>
        measures.OfType<MetricMeasure>().Any(static measure => measure.Matchers.Any(static matcher => !LabelName.IsPlain(matcher.Label))) ? "|names" : "";
}

/// <summary>A way to count events.</summary>
public abstract record Measure
{
    /// <summary>The measure in words; equal for equal measures.</summary>
    public abstract string Describe();
}

/// <summary>What of a metric's points is counted.</summary>
public enum MetricPart
{
    /// <summary>Increase of a counter.</summary>
    Increase,
    /// <summary>Observations of a histogram.</summary>
    Count,
    /// <summary>Observations of a histogram at or below the threshold.</summary>
    AtOrBelow,
    /// <summary>Samples of a gauge.</summary>
    Samples,
    /// <summary>Samples of a gauge that hold the comparison with the threshold.</summary>
    SamplesThatHold,
}

/// <summary>Counts from the points of matching series.</summary>
/// <param name="Metric">Metric name: of histograms the base name.</param>
/// <param name="Matchers">Conditions on labels.</param>
/// <param name="Part">What is counted.</param>
/// <param name="Threshold">Bound of <see cref="MetricPart.AtOrBelow"/> and <see cref="MetricPart.SamplesThatHold"/>, in the metric's unit.</param>
/// <param name="Comparison">lte, lt, gte or gt, for <see cref="MetricPart.SamplesThatHold"/>.</param>
public sealed record MetricMeasure(string Metric, IReadOnlyList<Matcher> Matchers, MetricPart Part, double Threshold = 0, string Comparison = "lte") : Measure
{
    /// <inheritdoc/>
    public override string Describe()
    {
        string selector = Metric + "{" + string.Join(",", Matchers) + "}";
        string threshold = Threshold.ToString("R", CultureInfo.InvariantCulture);
        return Part switch
        {
            MetricPart.Increase => $"increase of {selector}",
            MetricPart.Count => $"observations of {selector}",
            MetricPart.AtOrBelow => $"observations of {selector} <= {threshold}",
            MetricPart.Samples => $"samples of {selector}",
            _ => $"samples of {selector} {Comparison} {threshold}",
        };
    }
}

/// <summary>Counts spans.</summary>
/// <param name="Service">Service, or null for any.</param>
/// <param name="Name">Span name, or null for any.</param>
/// <param name="Kind">SpanKind (trace.proto), or null for any.</param>
/// <param name="IsError">Whether the status is to be (or not to be) an error, or null for any.</param>
/// <param name="MaxDuration">Longest duration that counts, or null for any.</param>
/// <param name="Attributes">Conditions on attributes.</param>
public sealed record SpanMeasure(
    string? Service, string? Name, int? Kind, bool? IsError, TimeSpan? MaxDuration, IReadOnlyList<Matcher> Attributes) : Measure
{
    /// <summary>Duration that only longer spans count with, or null for any.</summary>
    public TimeSpan? MinDuration { get; init; }

    private readonly byte[]? _name = Name is null ? null : Encoding.UTF8.GetBytes(Name);
    private readonly AttributeCondition[] _conditions = [.. Attributes.Select(matcher => new AttributeCondition(matcher))];

    /// <summary>Whether a span counts.</summary>
    public bool Matches(in SpanView span)
    {
        if ((Service is not null && span.Service != Service)
            || (Kind is { } kind && span.Kind != kind)
            || (IsError is { } error && (span.StatusCode == 2) != error)
            || (MaxDuration is { } longest && span.DurationNanos > longest.Ticks * 100)
            || (MinDuration is { } shortest && span.DurationNanos <= shortest.Ticks * 100)
            || (_name is not null && !span.Name.SequenceEqual(_name)))
        {
            return false;
        }
        foreach (AttributeCondition condition in _conditions)
        {
            if (!condition.Holds(span.Attributes, span.Row))
            {
                return false;
            }
        }
        return true;
    }

    /// <inheritdoc/>
    public override string Describe()
    {
        var conditions = new List<string>();
        void Add(string name, object? value)
        {
            if (value is not null)
            {
                conditions.Add(string.Create(CultureInfo.InvariantCulture, $"{name}={value}"));
            }
        }
        Add("service", Service);
        Add("name", Name);
        Add("kind", Kind);
        Add("error", IsError);
        Add("duration<", MaxDuration);
        Add("duration>", MinDuration);
        conditions.AddRange(Attributes.Select(matcher => matcher.ToString()));
        return $"spans {{{string.Join(", ", conditions)}}}";
    }
}

/// <summary>A span, as far as an indicator looks at it.</summary>
public readonly ref struct SpanView
{
    /// <summary>Whose it is; null where that is not told apart.</summary>
    public string? Tenant { get; init; }

    /// <summary>Service.</summary>
    public required string Service { get; init; }

    /// <summary>Span name, UTF-8.</summary>
    public required ReadOnlySpan<byte> Name { get; init; }

    /// <summary>SpanKind.</summary>
    public required int Kind { get; init; }

    /// <summary>Status code: 2 is an error.</summary>
    public required int StatusCode { get; init; }

    /// <summary>Duration in nanoseconds.</summary>
    public required long DurationNanos { get; init; }

    /// <summary>Attributes of the block that the span is in.</summary>
    public required IRecordAttributes Attributes { get; init; }

    /// <summary>Row of the span in that block.</summary>
    public required int Row { get; init; }
}
