using SloEngine.Slo.Expressions;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Export;

/// <summary>Writes measures of spans and log records as they are read: the <c>spec</c> of a metric source of ours.</summary>
internal static class SignalSource
{
    /// <summary>The conditions of a measure; null when it is of metrics.</summary>
    public static IReadOnlyDictionary<string, object>? Of(Measure measure) => measure switch
    {
        SpanMeasure spans => Fields(
            ("signal", "spans"),
            ("service", spans.Service),
            ("name", spans.Name),
            ("kind", spans.Kind is { } kind ? SpanConditions.Kinds[kind] : null),
            ("status", spans.IsError switch { true => "error", false => "!error", _ => null }),
            ("maxDurationMs", spans.MaxDuration?.TotalMilliseconds),
            ("minDurationMs", spans.MinDuration?.TotalMilliseconds),
            ("attributes", Attributes(spans.Attributes))),
        LogMeasure logs => Fields(
            ("signal", "logs"),
            ("service", logs.Service),
            ("eventName", logs.EventName),
            ("minSeverity", logs.MinSeverity is { } least ? LogConditions.Text(least, isLeast: true) : null),
            ("maxSeverity", logs.MaxSeverity is { } most ? LogConditions.Text(most, isLeast: false) : null),
            ("contains", logs.BodyContains),
            ("matches", logs.BodyMatches),
            ("attributes", Attributes(logs.Attributes))),
        _ => null,
    };

    /// <summary>The fields of a heartbeat.</summary>
    public static Dictionary<string, object> Of(HeartbeatMeasure heartbeat) => Fields(
        ("metric", MeasureQuery.Selector(heartbeat.Metric, heartbeat.Matchers)),
        ("interval", WindowedQuery.DurationText(heartbeat.Interval)),
        ("op", heartbeat.Threshold is null ? null : heartbeat.Comparison),
        ("value", heartbeat.Threshold));

    private static Dictionary<string, string>? Attributes(IReadOnlyList<Matcher> conditions) =>
        conditions.Count == 0 ? null : conditions.ToDictionary(condition => condition.Label, condition => condition.Value);

    private static Dictionary<string, object> Fields(params (string Key, object? Value)[] fields) =>
        fields.Where(field => field.Value is not null).ToDictionary(field => field.Key, field => field.Value!);
}
