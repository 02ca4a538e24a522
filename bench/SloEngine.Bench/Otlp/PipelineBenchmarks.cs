using System.Text;
using BenchmarkDotNet.Attributes;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Traces;

namespace SloEngine.Bench.Otlp;

/// <summary>What steps of pipelines cost beside decoding, on one core: figures are per data point, record or span.</summary>
[MemoryDiagnoser]
public class PipelineBenchmarks : IDisposable
{
    private readonly byte[] _logRequest = DecodingPayloads.Logs();
    private readonly byte[] _spanRequest = DecodingPayloads.Spans();
    private readonly RequestEdits _redactLogs = new(RequestKind.Logs, [new RedactStep("redact", new Redactor(RedactionPatterns.All, []))], static (_, _) => { });
    private readonly RequestEdits _redactSpans = new(RequestKind.Traces, [new RedactStep("redact", new Redactor(RedactionPatterns.All, []))], static (_, _) => { });
    private readonly RequestEdits _dropSpans = new(RequestKind.Traces, [new DropStep("drop", new KeySet(["no.such", "http.*"]))], static (_, _) => { });
    private readonly RequestEdits _filterSpans = new(
        RequestKind.Traces, [new FilterStep("filter", new TelemetryFilter { Names = new KeySet(["GET /healthz"]) })], static (_, _) => { });
    private readonly Redactor _redactor = new(RedactionPatterns.All, []);
    private readonly byte[] _line = Encoding.UTF8.GetBytes(
        "2026-01-01T12:30:45.123Z INFO handled GET /api/v1/orders/123456 in 35 ms for customer 8812 with status 200 from 10.2.3.4 trace 4bf92f3577b34da6a3ce929d0e0e4736");
    private readonly StoreSelection _sample = new HeadSelection(new PipelineOptions { SampleTraces = new HeadSampling("sample", SamplingThreshold.Of(0.1)) }, null, false);
    private readonly SpanBlock _spans = new();
    private readonly SpanBlock _into = new();

    [GlobalSetup]
    public void Create() => new TracesDecoder(new OneResource(), 1).Decode(_spanRequest, _spans);

    [GlobalCleanup]
    public void Dispose()
    {
        _spans.Dispose();
        _into.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A line of 160 bytes in which nothing is found.</summary>
    [Benchmark]
    public byte[]? RedactLine() => _redactor.Redact(_line);

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int RedactLogs() => _redactLogs.Apply(_logRequest).Length;

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int RedactSpans() => _redactSpans.Apply(_spanRequest).Length;

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int DropSpanAttributes() => _dropSpans.Apply(_spanRequest).Length;

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int FilterSpans() => _filterSpans.Apply(_spanRequest).Length;

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int TakeAllSpans()
    {
        _into.Clear();
        StoreSelection.All.Take(_spans, _into);
        return _into.Count;
    }

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int SampleSpans()
    {
        _into.Clear();
        _sample.Take(_spans, _into);
        return _into.Count;
    }

    private sealed class OneResource : IResourceIndex
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
}
