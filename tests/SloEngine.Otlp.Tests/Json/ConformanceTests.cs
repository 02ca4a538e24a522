using System.Runtime.InteropServices;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Json;

/// <summary>Payloads of other projects, where a copy of them lies beside the repository; without it these tests have nothing to read.</summary>
public sealed class ConformanceTests
{
    private static readonly string? Root = Find();

    [Theory]
    [InlineData("proto/examples/metrics.json", 4, 0)]
    [InlineData("proto/examples/trace.json", 1, 0)]
    [InlineData("proto/examples/logs.json", 1, 0)]
    [InlineData("proto/examples/events.json", 1, 0)]
    [InlineData("pdata-json/plog/plog-03.json", 0, 0)]
    [InlineData("pdata-json/plogotlp/01.json", 1, 0)]
    [InlineData("pdata-json/pmetric/pmetric-01.json", 0, 0)]
    [InlineData("pdata-json/pmetric/pmetric-02.json", 0, 0)]
    [InlineData("pdata-json/pmetric/pmetric-03.json", 0, 0)]
    [InlineData("pdata-json/pmetricotlp/01.json", 0, 0)]
    [InlineData("pdata-json/ptrace/ptrace-01.json", 0, 0)]
    [InlineData("pdata-json/ptrace/ptrace-02.json", 0, 0)]
    [InlineData("pdata-json/ptrace/ptrace-04.json", 0, 0)]
    [InlineData("pdata-json/ptraceotlp/01.json", 0, 1)]
    [InlineData("jaeger-fixtures/internal/storage/v2/memory/fixtures/otel_traces_01.json", 4, 0)]
    public void Published_payloads_decode(string file, int accepted, int rejected)
    {
        if (Root is null)
        {
            return;
        }
        (DecodeResult result, _) = Decode(File.ReadAllBytes(Path.Combine(Root, file)));

        Assert.Equal((accepted, rejected), (result.Accepted, result.Rejected));
    }

    [Theory]
    [InlineData("metrics_exponential_histogram")]
    [InlineData("metrics_mixed")]
    [InlineData("metrics_sum")]
    [InlineData("metrics_summary")]
    public void The_same_payload_in_json_and_protobuf_decodes_alike(string name)
    {
        if (Root is null)
        {
            return;
        }
        string path = Path.Combine(Root, "otlp2parquet-testdata", name);
        using MetricBlock fromJson = DecodeMetrics(OtlpJson.Metrics(File.ReadAllBytes(path + ".json")).Span);
        using MetricBlock fromProtobuf = DecodeMetrics(File.ReadAllBytes(path + ".pb"));

        Assert.NotEqual(0, fromProtobuf.Count);
        Assert.Equal(fromProtobuf.Mark(), fromJson.Mark());
        Assert.Equal(MemoryMarshal.AsBytes(fromProtobuf.Numbers.Values.Values).ToArray(), MemoryMarshal.AsBytes(fromJson.Numbers.Values.Values).ToArray());
        Assert.Equal(fromProtobuf.Numbers.TimeNanos.Values.ToArray(), fromJson.Numbers.TimeNanos.Values.ToArray());
        Assert.Equal(fromProtobuf.Histograms.Buckets.Values.ToArray(), fromJson.Histograms.Buckets.Values.ToArray());
        Assert.Equal(fromProtobuf.ExponentialHistograms.PositiveBuckets.Values.ToArray(), fromJson.ExponentialHistograms.PositiveBuckets.Values.ToArray());
    }

    [Fact]
    public void Log_records_in_protobuf_decode()
    {
        if (Root is null)
        {
            return;
        }
        using var block = new LogBlock();
        DecodeResult result = new LogsDecoder(new ResourceLog(), 1, TimeProvider.System)
            .Decode(File.ReadAllBytes(Path.Combine(Root, "otlp2parquet-testdata/logs.pb")), block);

        Assert.Equal((81, 81), (result.Accepted, block.Count));
    }

    [Theory]
    [InlineData("log_invalid_severity.json", "severityNumber: \"INVALID_SEVERITY_VALUE\" does not fit")]
    [InlineData("metrics_invalid_temporality.json", "aggregationTemporality: \"INVALID_TEMPORALITY_VALUE\" does not fit")]
    [InlineData("../log.json", "traceId: \"nXmxo38xgBzRGmcG+0DWvQ==\" does not fit, expected hexadecimal text")]
    [InlineData("trace_mixed_encoding.json", "traceId: \"zzz\" does not fit, expected hexadecimal text")]
    public void Invalid_payloads_are_refused_by_the_field_that_is_wrong(string file, string problem)
    {
        if (Root is null)
        {
            return;
        }
        byte[] json = File.ReadAllBytes(Path.Combine(Root, "otlp2parquet-testdata/invalid", file));

        Assert.Contains(problem, Assert.Throws<OtlpFormatException>(() => Decode(json)).Message, StringComparison.Ordinal);
    }

    private static MetricBlock DecodeMetrics(ReadOnlySpan<byte> request)
    {
        var block = new MetricBlock();
        new MetricsDecoder(new SeriesLog(), 1).Decode(request, block);
        return block;
    }

    private static (DecodeResult Result, int Rows) Decode(byte[] json)
    {
        ReadOnlySpan<byte> text = json;
        if (text.IndexOf("\"resourceMetrics\""u8) >= 0)
        {
            using var metrics = new MetricBlock();
            return (new MetricsDecoder(new SeriesLog(), 1).Decode(OtlpJson.Metrics(json).Span, metrics), metrics.Count);
        }
        if (text.IndexOf("\"resourceLogs\""u8) >= 0)
        {
            using var logs = new LogBlock();
            return (new LogsDecoder(new ResourceLog(), 1, TimeProvider.System).Decode(OtlpJson.Logs(json).Span, logs), logs.Count);
        }
        using var spans = new SpanBlock();
        return (new TracesDecoder(new ResourceLog(), 1).Decode(OtlpJson.Traces(json).Span, spans), spans.Count);
    }

    private static string? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SloEngine.sln")))
            {
                string beside = Path.GetFullPath(Path.Combine(folder.FullName, "../shared/conformance/otlp"));
                return Directory.Exists(beside) ? beside : null;
            }
        }
        return null;
    }
}
