using SloEngine.Otlp.Common;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Damage;

/// <summary>Whatever bytes arrive, a decoder accepts them, rejects items, or throws <see cref="OtlpFormatException"/> and leaves its block as it was.</summary>
public sealed class DamagedRequestTests
{
    private const int Mutations = 50_000;

    public static TheoryData<string> Signals => ["metrics", "logs", "traces"];

    [Theory]
    [MemberData(nameof(Signals))]
    public void A_request_cut_at_any_byte_is_refused_or_whole_messages_remain(string signal)
    {
        using var target = new Target(signal);
        byte[] request = target.Rich;
        int refused = 0;
        for (int length = 1; length < request.Length; length++)
        {
            refused += target.Decode(request.AsSpan(0, length)) ? 0 : 1;
        }
        // One resource is all there is, so that every cut falls inside it.
        Assert.Equal(request.Length - 1, refused);
    }

    [Theory]
    [MemberData(nameof(Signals))]
    public void Random_damage_never_shows_as_anything_but_a_format_error(string signal)
    {
        using var target = new Target(signal);
        var random = new Random(20_261_121);
        byte[] request = new byte[target.Rich.Length];
        int refused = 0;
        for (int round = 0; round < Mutations; round++)
        {
            target.Rich.CopyTo(request, 0);
            for (int damage = random.Next(1, 5); damage > 0; damage--)
            {
                request[random.Next(request.Length)] = (byte)random.Next(256);
            }
            refused += target.Decode(request) ? 0 : 1;
        }
        Assert.InRange(refused, 1, Mutations - 1);
    }

    [Theory]
    [MemberData(nameof(Signals))]
    public void Random_bytes_in_json_never_show_as_anything_but_a_format_error(string signal)
    {
        string text = """
            {"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"\u00e9\ud83d\ude00"}}]},"scopeMetrics":[{"metrics":[
            {"name":"n","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"timeUnixNano":"1","asInt":"5"}]}}]}]}],
            "resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":1,"body":{"bytesValue":"AQI="},"traceId":"00ff","severityNumber":"SEVERITY_NUMBER_INFO"}]}]}],
            "resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00ff","kind":2,"status":{"code":"STATUS_CODE_OK"},"attributes":[{"key":"d","value":{"doubleValue":1e3}}]}]}]}]}
            """;
        byte[] rich = System.Text.Encoding.UTF8.GetBytes(text);
        var random = new Random(7);
        int refused = 0;
        byte[] json = new byte[rich.Length];
        for (int round = 0; round < 10_000; round++)
        {
            rich.CopyTo(json, 0);
            for (int damage = random.Next(1, 4); damage > 0; damage--)
            {
                json[random.Next(json.Length)] = (byte)random.Next(256);
            }
            try
            {
                _ = signal switch
                {
                    "metrics" => OtlpJson.Metrics(json),
                    "logs" => OtlpJson.Logs(json),
                    _ => OtlpJson.Traces(json),
                };
            }
            catch (OtlpFormatException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 1, 9_999);
    }

    /// <summary>A decoder with its block, which holds one good request before the damaged ones come.</summary>
    private sealed class Target : IDisposable
    {
        private delegate DecodeResult Decoder(ReadOnlySpan<byte> request);

        private readonly MetricBlock _metrics = new();
        private readonly LogBlock _logs = new();
        private readonly SpanBlock _spans = new();
        private readonly Decoder _decoder;

        public Target(string signal)
        {
            var metrics = new MetricsDecoder(new SeriesLog(), 1);
            var logs = new LogsDecoder(new ResourceLog(), 1, TimeProvider.System);
            var traces = new TracesDecoder(new ResourceLog(), 1);
            (Rich, _decoder) = signal switch
            {
                "metrics" => (OtlpBuilder.RichMetrics(), request => metrics.Decode(request, _metrics)),
                "logs" => (OtlpBuilder.RichLogs(), request => logs.Decode(request, _logs)),
                _ => (OtlpBuilder.RichSpans(), (Decoder)(request => traces.Decode(request, _spans))),
            };
            _decoder(Rich);
        }

        public byte[] Rich { get; }

        /// <summary>Decodes and takes the rows back; false when the bytes were refused.</summary>
        public bool Decode(ReadOnlySpan<byte> request)
        {
            (int, int, int, int, int) marks = _metrics.Mark();
            (int, int) counts = (_logs.Count, _spans.Count);
            (int, int, int) satellites = (_spans.Events.Count, _spans.Links.Count, _logs.Attributes.Keys.Count);
            try
            {
                DecodeResult result = _decoder(request);
                Assert.True(result.Rejected > 0 == result.ErrorMessage is not null);
                _metrics.Truncate(marks);
                _logs.Truncate(counts.Item1);
                _spans.Truncate(counts.Item2);
                return true;
            }
            catch (OtlpFormatException)
            {
                Assert.Equal(marks, _metrics.Mark());
                Assert.Equal(counts, (_logs.Count, _spans.Count));
                Assert.Equal(satellites, (_spans.Events.Count, _spans.Links.Count, _logs.Attributes.Keys.Count));
                return false;
            }
        }

        public void Dispose()
        {
            _metrics.Dispose();
            _logs.Dispose();
            _spans.Dispose();
        }
    }
}
