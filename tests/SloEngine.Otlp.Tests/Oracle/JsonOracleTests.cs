using Google.Protobuf;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Tests.Fuzz;
using SloEngine.Otlp.Tests.Oracle.Otlp;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>OTLP/JSON as Google.Protobuf writes it comes out as the message it was written from.</summary>
public sealed class JsonOracleTests
{
    private const int Messages = 1_000;

    [Fact]
    public void Metrics_in_JSON_come_out_as_the_message()
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            ExportMetricsServiceRequest request = Reread(new RandomOtlp(seed).Metrics());
            var index = new TextIndex();
            using var block = new MetricBlock();
            DecodeResult result = new MetricsDecoder(index, 1).Decode(OtlpJson.Metrics(Payloads.Json(request)).Span, block);
            OtlpOracleTests.Same(seed, GeneratedRows.Of(request), result, ColumnRows.Of(block, index));
        }
    }

    [Fact]
    public void Logs_in_JSON_come_out_as_the_message()
    {
        var clock = new OtlpOracleTests.FixedClock();
        for (int seed = 0; seed < Messages; seed++)
        {
            ExportLogsServiceRequest request = Reread(new RandomOtlp(seed).Logs());
            var index = new TextIndex();
            using var block = new LogBlock();
            DecodeResult result = new LogsDecoder(index, 1, clock).Decode(OtlpJson.Logs(Payloads.Json(request)).Span, block);
            OtlpOracleTests.Same(seed, GeneratedRows.Of(request, clock.GetUtcNow()), result, ColumnRows.Of(block, index));
        }
    }

    [Fact]
    public void Spans_in_JSON_come_out_as_the_message()
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            ExportTraceServiceRequest request = Reread(new RandomOtlp(seed).Traces());
            var index = new TextIndex();
            using var block = new SpanBlock();
            DecodeResult result = new TracesDecoder(index, 1).Decode(OtlpJson.Traces(Payloads.Json(request)).Span, block);
            OtlpOracleTests.Same(seed, GeneratedRows.Of(request), result, ColumnRows.Of(block, index));
        }
    }

    /// <summary>What Google.Protobuf reads of its own JSON: it leaves out a negative zero.</summary>
    private static T Reread<T>(T message)
        where T : IMessage, new() => JsonParser.Default.Parse<T>(JsonFormatter.Default.Format(message));
}
