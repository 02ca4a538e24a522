using System.Security.Cryptography;
using System.Text;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Traces;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Pipelines;

/// <summary>Edits of requests, seen by the decoders that take them.</summary>
public sealed class PipelineTests
{
    private readonly Dictionary<string, int> _counts = [];

    [Fact]
    public void Attributes_of_a_span_its_events_links_and_resource_are_dropped_renamed_and_hashed_in_the_order_of_the_steps()
    {
        byte[] salt = "0123456789abcdef"u8.ToArray();
        SpanBlock spans = Spans(RichSpans(),
            new RenameStep("a", [(Utf8("http.request.method"), Utf8("method"))]),
            new HashStep("b", new KeySet(["method"]), salt),
            new DropStep("c", new KeySet(["exception.*", "reason"])));

        string hash = Convert.ToHexStringLower(SHA256.HashData([.. salt, .. "GET"u8]));
        Assert.Equal([("method", hash)], Entries(spans.Attributes));
        Assert.Empty(Entries(spans.Events.Attributes));
        Assert.Empty(Entries(spans.Links.Attributes));
        Assert.Equal(("GET /", 250L, 1), (Encoding.UTF8.GetString(spans.Names[0]), spans.DurationNanos[0], spans.Count));
        Assert.Equal((1, 1, 2), (_counts["a"], _counts["b"], _counts["c"]));
    }

    [Fact]
    public void A_renamed_attribute_takes_the_place_of_one_that_has_its_name()
    {
        byte[] request = Request(span =>
        {
            span.Bytes(1, TraceId);
            span.Bytes(2, SpanId);
            span.Fixed64(7, Time);
            span.Attribute(9, "new", "was there");
            span.Attribute(9, "old", "comes");
        });

        Assert.Equal([("new", "comes")], Entries(Spans(request, new RenameStep("a", [(Utf8("old"), Utf8("new"))])).Attributes));
    }

    [Fact]
    public async Task Attributes_without_end_that_have_the_name_of_a_renamed_one_take_linear_time()
    {
        byte[] request = Request(span =>
        {
            span.Bytes(1, TraceId);
            span.Bytes(2, SpanId);
            span.Fixed64(7, Time);
            for (int attribute = 0; attribute < 200_000; attribute++)
            {
                span.Attribute(9, "new", "was there");
            }
        });

        // One look at all others for each takes minutes.
        ReadOnlyMemory<byte> edited = await Task.Run(() => Edited(RequestKind.Traces, request, new RenameStep("a", [(Utf8("old"), Utf8("new"))]))).WaitAsync(TimeSpan.FromSeconds(20));

        Assert.InRange(edited.Length, request.Length / 2, request.Length);
    }

    [Fact]
    public void Secrets_that_are_no_texts_and_cards_sent_as_numbers_are_redacted_too()
    {
        byte[] request = Request(record =>
        {
            record.Fixed64(1, Time);
            record.Attribute(6, "pin.secret", value => value.Varint(3, 1234));
            record.Attribute(6, "api_key", value => value.Bytes(7, [1, 2, 3]));
            record.Attribute(6, "auth_token", value => value.Double(4, 0.25));
            record.Attribute(6, "db.password", value => value.Message(6, map => map.Attribute(1, "user", "u1")));
            record.Attribute(6, "passwords.count", value => value.Varint(3, 4));
            record.Attribute(6, "client_secret", value => value.Message(5, list => list.Message(1, element => element.Varint(3, 7))));
            record.Attribute(6, "card", value => value.Varint(3, 4111111111111111));
            record.Attribute(6, "card.double", value => value.Double(4, 4111111111111111));
            record.Attribute(6, "time", value => value.Varint(3, 1767225600000000000));
            record.Attribute(6, "none.password", value => value.Bytes(6, []));
        });
        using var block = new LogBlock();

        new LogsDecoder(new NoResources(), 1, TimeProvider.System).Decode(Edited(RequestKind.Logs, request, Redact()).Span, block);

        const string Secret = "[redacted:secret]";
        Assert.Equal(
            [
                ("pin.secret", Secret), ("api_key", Secret), ("auth_token", Secret), ("db.password", Secret), ("passwords.count", "4"), ("client_secret", Secret),
                ("card", "[redacted:card]"), ("card.double", "[redacted:card]"), ("time", "1767225600000000000"), ("none.password", "{}"),
            ],
            Entries(block.Attributes));
        Assert.Equal(7, _counts["redact"]);
    }

    [Fact]
    public void Bodies_and_texts_at_any_depth_are_redacted()
    {
        byte[] request = Request(record =>
        {
            record.Fixed64(1, Time);
            record.Message(5, body => body.Message(6, map =>
            {
                map.Attribute(1, "password", "hunter2");
                map.Attribute(1, "list", any => any.Message(5, list => list.Message(1, one => one.Text(1, "to a@example.com"))));
                map.Attribute(1, "count", any => any.Varint(3, 7));
            }));
            record.Attribute(6, "to", "b@example.org");
            record.Attribute(6, "n", any => any.Varint(3, 42));
        });

        var block = new LogBlock();
        new LogsDecoder(new NoResources(), 1, TimeProvider.System).Decode(Edited(RequestKind.Logs, request, Redact()).Span, block);

        Assert.Equal("""{"password":"[redacted:secret]","list":["to [redacted:email]"],"count":7}""", Encoding.UTF8.GetString(block.Bodies[0]));
        Assert.Equal([("to", "[redacted:email]"), ("n", "42")], Entries(block.Attributes));
        Assert.Equal(3, _counts["redact"]);
    }

    [Fact]
    public void What_no_step_is_about_comes_through_as_it_was()
    {
        PipelineStep[] steps = [Redact(), new DropStep("d", new KeySet(["nothing"])), new RenameStep("r", [(Utf8("no"), Utf8("one"))])];
        var log = new LogBlock();
        new LogsDecoder(new NoResources(), 1, TimeProvider.System).Decode(Edited(RequestKind.Logs, RichLogs(), steps).Span, log);
        var metrics = new MetricBlock();
        new MetricsDecoder(new AnySeries(), 1).Decode(Edited(RequestKind.Metrics, RichMetrics(), steps).Span, metrics);

        Assert.Equal(Text(Spans(RichSpans())), Text(Spans(RichSpans(), steps)));
        Assert.Equal("""{"message":"card refused"}""", Encoding.UTF8.GetString(log.Bodies[0]));
        Assert.Equal([("order", "42")], Entries(log.Attributes));
        Assert.Equal((17, "ERROR", 1u), (log.Severities[0], Encoding.UTF8.GetString(log.SeverityTexts[0]), log.Flags[0]));
        Assert.Equal((6, 1, 1), (metrics.Numbers.Count, metrics.Histograms.Count, metrics.ExponentialHistograms.Count));
        Assert.Equal([21.5, 22, 7], metrics.Numbers.Values.Values[..3].ToArray());
        Assert.Empty(_counts);

        static string Text(SpanBlock spans) => string.Join(';',
            [
                spans.TraceIds[0], spans.SpanIds[0], spans.ParentSpanIds[0], Encoding.UTF8.GetString(spans.TraceStates[0]), Encoding.UTF8.GetString(spans.Names[0]),
                spans.Kinds[0], spans.StartNanos[0], spans.DurationNanos[0], spans.StatusCodes[0], Encoding.UTF8.GetString(spans.StatusMessages[0]), spans.Flags[0],
                .. Entries(spans.Attributes), .. Entries(spans.Events.Attributes), .. Entries(spans.Links.Attributes), spans.Links.SpanIds[0], spans.Events.TimeNanos[0],
            ]);
    }

    [Fact]
    public void Labels_of_every_kind_of_metric_are_edited()
    {
        string edited = Encoding.UTF8.GetString(Edited(RequestKind.Metrics, RichMetrics(), new DropStep("d", new KeySet(["path"]))).Span);

        Assert.DoesNotContain("path", edited, StringComparison.Ordinal);
        Assert.Equal(6, _counts["d"]);
    }

    [Fact]
    public void Health_checks_are_filtered_and_the_rest_stays_with_the_step_before_seen_by_the_filter()
    {
        byte[] request = Request(Named("GET /healthz", "GET"), Named("GET /orders", "GET"), Named("GET /healthz", "POST"));
        var filter = new TelemetryFilter { Services = new KeySet(["shop"]), Names = new KeySet(["GET /health*"]), Attributes = [(Utf8("verb"), new KeySet(["GET"]))] };

        SpanBlock spans = Spans(request, new RenameStep("r", [(Utf8("method"), Utf8("verb"))]), new FilterStep("f", filter));

        Assert.Equal(["GET /orders", "GET /healthz"], Enumerable.Range(0, spans.Count).Select(row => Encoding.UTF8.GetString(spans.Names[row])));
        Assert.Equal(1, _counts["f"]);
        Assert.Equal(3, Spans(request, new FilterStep("f", filter with { Services = new KeySet(["other"]) })).Count);

        static Action<ProtobufWriter> Named(string name, string method) => span =>
        {
            span.Bytes(1, TraceId);
            span.Bytes(2, SpanId);
            span.Text(5, name);
            span.Fixed64(7, Time);
            span.Attribute(9, "method", method);
        };
    }

    [Fact]
    public void Records_below_a_severity_are_filtered_and_those_without_one_stay()
    {
        byte[] request = Request(Severe(5), Severe(9), Severe(0), Severe(17));

        var block = new LogBlock();
        new LogsDecoder(new NoResources(), 1, TimeProvider.System)
            .Decode(Edited(RequestKind.Logs, request, new FilterStep("f", new TelemetryFilter { SeverityBelow = 9 })).Span, block);

        Assert.Equal([9, 0, 17], block.Severities.Values.ToArray());

        static Action<ProtobufWriter> Severe(uint severity) => record =>
        {
            record.Fixed64(1, Time);
            record.Varint(2, severity);
        };
    }

    [Fact]
    public void Data_points_are_filtered_by_their_attributes()
    {
        byte[] request = Request(Gauge("temperature", Number(1, "/a"), Number(2, "/b")), Gauge("humidity", Number(3, "/a")));
        var filter = new TelemetryFilter { Names = new KeySet(["temperature"]), Attributes = [(Utf8("path"), new KeySet(["/a"]))] };

        var block = new MetricBlock();
        new MetricsDecoder(new AnySeries(), 1).Decode(Edited(RequestKind.Metrics, request, new FilterStep("f", filter)).Span, block);

        Assert.Equal([2.0, 3.0], block.Numbers.Values.Values.ToArray());
    }

    [Fact]
    public void A_request_that_is_no_message_is_refused_by_the_edits_too()
    {
        Assert.Throws<OtlpFormatException>(() => Edited(RequestKind.Logs, [0x0A, 0x05, 0x01], Redact()));
        Assert.Throws<OtlpFormatException>(() => Edited(RequestKind.Logs, [0x0A, 0x05, 0x01], new FilterStep("f", new TelemetryFilter { SeverityBelow = 9 })));
    }

    private static RedactStep Redact() => new("redact", new Redactor(RedactionPatterns.All, []));

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private ReadOnlyMemory<byte> Edited(RequestKind kind, byte[] request, params PipelineStep[] steps) =>
        steps.Length == 0 ? request : new RequestEdits(kind, steps, (step, count) => _counts[step.Name] = _counts.GetValueOrDefault(step.Name) + count).Apply(request);

    private SpanBlock Spans(byte[] request, params PipelineStep[] steps)
    {
        var block = new SpanBlock();
        new TracesDecoder(new NoResources(), 1).Decode(Edited(RequestKind.Traces, request, steps).Span, block);
        return block;
    }

    private static List<(string, string)> Entries(AttributesColumn column) =>
        [.. Enumerable.Range(0, column.Keys.Count).Select(entry => (Encoding.UTF8.GetString(column.Keys[entry]), Encoding.UTF8.GetString(column.Values[entry])))];

    private sealed class NoResources : IResourceIndex
    {
        public bool TryGet(UInt128 identity, out int resource)
        {
            resource = 0;
            return true;
        }

        public int Register(in RawResource resource, out string? rejection)
        {
            rejection = null;
            return 0;
        }
    }

    private sealed class AnySeries : ISeriesIndex
    {
        public bool TryGet(UInt128 identity, out int series)
        {
            series = 0;
            return true;
        }

        public int Register(in RawSeries series, out string? rejection)
        {
            rejection = null;
            return 0;
        }
    }
}
