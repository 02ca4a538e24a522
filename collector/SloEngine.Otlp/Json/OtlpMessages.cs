using System.Diagnostics.CodeAnalysis;

namespace SloEngine.Otlp.Json;

internal enum OtlpFieldKind
{
    Message,
    Text,
    Hex,
    Base64,
    Boolean,
    Varint,
    ZigZag,
    Fixed32,
    Fixed64,
    Double,
    Enumeration,
}

/// <summary>A field of an OTLP message: its number in protobuf and how its JSON is read.</summary>
internal sealed record OtlpField(int Number, OtlpFieldKind Kind, bool Repeated = false, OtlpMessage? Message = null, string[]? Names = null);

/// <summary>A message by the JSON names of its fields.</summary>
internal sealed class OtlpMessage(Dictionary<string, OtlpField> fields)
{
    public bool TryGet(string name, [NotNullWhen(true)] out OtlpField? field) => fields.TryGetValue(name, out field);

    /// <summary>Adds a field that refers to a message defined later.</summary>
    public void Add(string name, OtlpField field) => fields.Add(name, field);
}

/// <summary>The OTLP messages of opentelemetry-proto 1.x, as far as they are decoded.</summary>
internal static class OtlpMessages
{
    private static readonly OtlpField Text1 = new(1, OtlpFieldKind.Text);
    private static readonly OtlpField Text2 = new(2, OtlpFieldKind.Text);
    private static readonly OtlpField Text3 = new(3, OtlpFieldKind.Text);

    private static readonly OtlpMessage AnyValue = Value();

    private static readonly OtlpMessage KeyValue = new(new() { ["key"] = Text1, ["value"] = One(2, AnyValue) });

    private static readonly OtlpMessage Resource = new(new() { ["attributes"] = Many(1, KeyValue), ["droppedAttributesCount"] = Count(2) });

    private static readonly OtlpMessage Scope = new(new() { ["name"] = Text1, ["version"] = Text2, ["attributes"] = Many(3, KeyValue), ["droppedAttributesCount"] = Count(4) });

    private static readonly OtlpField Temporality = new(
        2, OtlpFieldKind.Enumeration, Names: ["AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE"]);

    private static readonly OtlpMessage Exemplar = new(new()
    {
        ["timeUnixNano"] = new(2, OtlpFieldKind.Fixed64),
        ["asDouble"] = new(3, OtlpFieldKind.Double),
        ["spanId"] = new(4, OtlpFieldKind.Hex),
        ["traceId"] = new(5, OtlpFieldKind.Hex),
        ["asInt"] = new(6, OtlpFieldKind.Fixed64),
        ["filteredAttributes"] = Many(7, KeyValue),
    });

    private static readonly OtlpMessage NumberDataPoint = new(new()
    {
        ["attributes"] = Many(7, KeyValue),
        ["startTimeUnixNano"] = new(2, OtlpFieldKind.Fixed64),
        ["timeUnixNano"] = new(3, OtlpFieldKind.Fixed64),
        ["asDouble"] = new(4, OtlpFieldKind.Double),
        ["exemplars"] = Many(5, Exemplar),
        ["asInt"] = new(6, OtlpFieldKind.Fixed64),
        ["flags"] = new(8, OtlpFieldKind.Varint),
    });

    private static readonly OtlpMessage HistogramDataPoint = new(new()
    {
        ["attributes"] = Many(9, KeyValue),
        ["startTimeUnixNano"] = new(2, OtlpFieldKind.Fixed64),
        ["timeUnixNano"] = new(3, OtlpFieldKind.Fixed64),
        ["count"] = new(4, OtlpFieldKind.Fixed64),
        ["sum"] = new(5, OtlpFieldKind.Double),
        ["bucketCounts"] = new(6, OtlpFieldKind.Fixed64, Repeated: true),
        ["explicitBounds"] = new(7, OtlpFieldKind.Double, Repeated: true),
        ["exemplars"] = Many(8, Exemplar),
        ["flags"] = new(10, OtlpFieldKind.Varint),
        ["min"] = new(11, OtlpFieldKind.Double),
        ["max"] = new(12, OtlpFieldKind.Double),
    });

    private static readonly OtlpMessage Buckets = new(new()
    {
        ["offset"] = new(1, OtlpFieldKind.ZigZag),
        ["bucketCounts"] = new(2, OtlpFieldKind.Varint, Repeated: true),
    });

    private static readonly OtlpMessage ExponentialHistogramDataPoint = new(new()
    {
        ["attributes"] = Many(1, KeyValue),
        ["startTimeUnixNano"] = new(2, OtlpFieldKind.Fixed64),
        ["timeUnixNano"] = new(3, OtlpFieldKind.Fixed64),
        ["count"] = new(4, OtlpFieldKind.Fixed64),
        ["sum"] = new(5, OtlpFieldKind.Double),
        ["scale"] = new(6, OtlpFieldKind.ZigZag),
        ["zeroCount"] = new(7, OtlpFieldKind.Fixed64),
        ["positive"] = One(8, Buckets),
        ["negative"] = One(9, Buckets),
        ["flags"] = new(10, OtlpFieldKind.Varint),
        ["exemplars"] = Many(11, Exemplar),
        ["min"] = new(12, OtlpFieldKind.Double),
        ["max"] = new(13, OtlpFieldKind.Double),
        ["zeroThreshold"] = new(14, OtlpFieldKind.Double),
    });

    private static readonly OtlpMessage SummaryDataPoint = new(new()
    {
        ["attributes"] = Many(7, KeyValue),
        ["startTimeUnixNano"] = new(2, OtlpFieldKind.Fixed64),
        ["timeUnixNano"] = new(3, OtlpFieldKind.Fixed64),
        ["count"] = new(4, OtlpFieldKind.Fixed64),
        ["sum"] = new(5, OtlpFieldKind.Double),
        ["quantileValues"] = Many(6, new(new() { ["quantile"] = new(1, OtlpFieldKind.Double), ["value"] = new(2, OtlpFieldKind.Double) })),
        ["flags"] = new(8, OtlpFieldKind.Varint),
    });

    private static readonly OtlpMessage Metric = new(new()
    {
        ["name"] = Text1,
        ["description"] = Text2,
        ["unit"] = Text3,
        ["gauge"] = One(5, new(new() { ["dataPoints"] = Many(1, NumberDataPoint) })),
        ["sum"] = One(7, new(new()
        {
            ["dataPoints"] = Many(1, NumberDataPoint),
            ["aggregationTemporality"] = Temporality,
            ["isMonotonic"] = new(3, OtlpFieldKind.Boolean),
        })),
        ["histogram"] = One(9, new(new() { ["dataPoints"] = Many(1, HistogramDataPoint), ["aggregationTemporality"] = Temporality })),
        ["exponentialHistogram"] = One(10, new(new() { ["dataPoints"] = Many(1, ExponentialHistogramDataPoint), ["aggregationTemporality"] = Temporality })),
        ["summary"] = One(11, new(new() { ["dataPoints"] = Many(1, SummaryDataPoint) })),
    });

    private static readonly OtlpMessage LogRecord = new(new()
    {
        ["timeUnixNano"] = new(1, OtlpFieldKind.Fixed64),
        ["severityNumber"] = new(2, OtlpFieldKind.Enumeration, Names: SeverityNames()),
        ["severityText"] = Text3,
        ["body"] = One(5, AnyValue),
        ["attributes"] = Many(6, KeyValue),
        ["droppedAttributesCount"] = Count(7),
        ["flags"] = new(8, OtlpFieldKind.Fixed32),
        ["traceId"] = new(9, OtlpFieldKind.Hex),
        ["spanId"] = new(10, OtlpFieldKind.Hex),
        ["observedTimeUnixNano"] = new(11, OtlpFieldKind.Fixed64),
        ["eventName"] = new(12, OtlpFieldKind.Text),
    });

    private static readonly OtlpMessage Span = new(new()
    {
        ["traceId"] = new(1, OtlpFieldKind.Hex),
        ["spanId"] = new(2, OtlpFieldKind.Hex),
        ["traceState"] = Text3,
        ["parentSpanId"] = new(4, OtlpFieldKind.Hex),
        ["name"] = new(5, OtlpFieldKind.Text),
        ["kind"] = new(6, OtlpFieldKind.Enumeration, Names: ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"]),
        ["startTimeUnixNano"] = new(7, OtlpFieldKind.Fixed64),
        ["endTimeUnixNano"] = new(8, OtlpFieldKind.Fixed64),
        ["attributes"] = Many(9, KeyValue),
        ["droppedAttributesCount"] = Count(10),
        ["events"] = Many(11, new(new()
        {
            ["timeUnixNano"] = new(1, OtlpFieldKind.Fixed64),
            ["name"] = Text2,
            ["attributes"] = Many(3, KeyValue),
            ["droppedAttributesCount"] = Count(4),
        })),
        ["droppedEventsCount"] = Count(12),
        ["links"] = Many(13, new(new()
        {
            ["traceId"] = new(1, OtlpFieldKind.Hex),
            ["spanId"] = new(2, OtlpFieldKind.Hex),
            ["traceState"] = Text3,
            ["attributes"] = Many(4, KeyValue),
            ["droppedAttributesCount"] = Count(5),
            ["flags"] = new(6, OtlpFieldKind.Fixed32),
        })),
        ["droppedLinksCount"] = Count(14),
        ["status"] = One(15, new(new()
        {
            ["message"] = Text2,
            ["code"] = new(3, OtlpFieldKind.Enumeration, Names: ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]),
        })),
        ["flags"] = new(16, OtlpFieldKind.Fixed32),
    });

    /// <summary><c>ExportMetricsServiceRequest</c></summary>
    public static readonly OtlpMessage MetricsRequest = Request("resourceMetrics", "scopeMetrics", "metrics", Metric);

    /// <summary><c>ExportLogsServiceRequest</c></summary>
    public static readonly OtlpMessage LogsRequest = Request("resourceLogs", "scopeLogs", "logRecords", LogRecord);

    /// <summary><c>ExportTraceServiceRequest</c></summary>
    public static readonly OtlpMessage TracesRequest = Request("resourceSpans", "scopeSpans", "spans", Span);

    private static OtlpField One(int number, OtlpMessage message) => new(number, OtlpFieldKind.Message, Message: message);

    private static OtlpField Many(int number, OtlpMessage message) => new(number, OtlpFieldKind.Message, Repeated: true, message);

    private static OtlpField Count(int number) => new(number, OtlpFieldKind.Varint);

    private static OtlpMessage Request(string resources, string scopes, string items, OtlpMessage item) => new(new()
    {
        [resources] = Many(1, new(new()
        {
            ["resource"] = One(1, Resource),
            [scopes] = Many(2, new(new() { ["scope"] = One(1, Scope), [items] = Many(2, item), ["schemaUrl"] = Text3 })),
        })),
    });

    private static OtlpMessage Value()
    {
        var value = new OtlpMessage(new()
        {
            ["stringValue"] = Text1,
            ["boolValue"] = new(2, OtlpFieldKind.Boolean),
            ["intValue"] = new(3, OtlpFieldKind.Varint),
            ["doubleValue"] = new(4, OtlpFieldKind.Double),
            ["bytesValue"] = new(7, OtlpFieldKind.Base64),
        });
        value.Add("arrayValue", One(5, new(new() { ["values"] = Many(1, value) })));
        value.Add("kvlistValue", One(6, new(new() { ["values"] = Many(1, new(new() { ["key"] = Text1, ["value"] = One(2, value) })) })));
        return value;
    }

    private static string[] SeverityNames()
    {
        var names = new List<string> { "SEVERITY_NUMBER_UNSPECIFIED" };
        foreach (string level in (ReadOnlySpan<string>)["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"])
        {
            names.AddRange([$"SEVERITY_NUMBER_{level}", $"SEVERITY_NUMBER_{level}2", $"SEVERITY_NUMBER_{level}3", $"SEVERITY_NUMBER_{level}4"]);
        }
        return [.. names];
    }
}
