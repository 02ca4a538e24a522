using System.Collections.Concurrent;
using BenchmarkDotNet.Attributes;
using IronSnappy;
using SloEngine.Otlp;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Traces;

namespace SloEngine.Bench.Otlp;

/// <summary>Encoded requests into columns, on one core: figures are per data point, record or span.</summary>
[MemoryDiagnoser]
public class DecodingBenchmarks : IDisposable
{
    private const int OtherSeries = 64_000;

    private readonly MetricBlock _metrics = new();
    private readonly LogBlock _logs = new();
    private readonly SpanBlock _spans = new();
    private readonly KnownSeries _index = new(OtherSeries);
    private readonly byte[] _numberRequest = DecodingPayloads.Numbers();
    private readonly byte[] _histogramRequest = DecodingPayloads.Histograms();
    private readonly byte[] _logRequest = DecodingPayloads.Logs();
    private readonly byte[] _spanRequest = DecodingPayloads.Spans();
    private readonly byte[] _remoteWriteRequest = DecodingPayloads.RemoteWrite();
    private readonly byte[] _remoteWriteBlock = Snappy.Encode(DecodingPayloads.RemoteWrite());
    private readonly byte[] _unpacked = new byte[DecodingPayloads.RemoteWrite().Length];
    private RemoteWriteDecoder _remoteWriteDecoder = null!;
    private MetricsDecoder _metricsDecoder = null!;
    private LogsDecoder _logsDecoder = null!;
    private TracesDecoder _tracesDecoder = null!;

    [GlobalSetup]
    public void Create()
    {
        _metricsDecoder = new MetricsDecoder(_index, 1);
        _remoteWriteDecoder = new RemoteWriteDecoder(_index, 1);
        _logsDecoder = new LogsDecoder(_index, 1, TimeProvider.System);
        _tracesDecoder = new TracesDecoder(_index, 1);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _metrics.Dispose();
        _logs.Dispose();
        _spans.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Numbers() => Metrics(_numberRequest);

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Histograms() => Metrics(_histogramRequest);

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Logs()
    {
        _logs.Clear();
        return _logsDecoder.Decode(_logRequest, _logs).Accepted;
    }

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Spans()
    {
        _spans.Clear();
        return _tracesDecoder.Decode(_spanRequest, _spans).Accepted;
    }

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int RemoteWrite()
    {
        _metrics.Clear();
        return _remoteWriteDecoder.Decode(_remoteWriteRequest, _metrics).Accepted;
    }

    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public void RemoteWriteSnappy()
    {
        SnappyBlock.TextLength(_remoteWriteBlock, out int start);
        SnappyBlock.Decode(_remoteWriteBlock.AsSpan(start), _unpacked);
    }

    private int Metrics(byte[] request)
    {
        _metrics.Clear();
        return _metricsDecoder.Decode(request, _metrics).Accepted;
    }

    /// <summary>Lookups as the collector's indexes do them, among many other series.</summary>
    private sealed class KnownSeries : ISeriesIndex, ILabelledSeriesIndex, IResourceIndex
    {
        private readonly ConcurrentDictionary<UInt128, int> _byIdentity = new();

        public KnownSeries(int others)
        {
            var random = new Random(1);
            for (int series = 0; series < others; series++)
            {
                _byIdentity[new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64())] = series;
            }
        }

        public bool TryGet(UInt128 identity, out int series) => _byIdentity.TryGetValue(identity, out series);

        public int Register(in RawSeries series, out string? rejection)
        {
            rejection = null;
            return _byIdentity[series.Identity] = _byIdentity.Count;
        }

        public int Register(UInt128 identity, LabelledSeries series, out string? rejection)
        {
            rejection = null;
            return _byIdentity[identity] = _byIdentity.Count;
        }

        public int Register(in RawResource resource, out string? rejection)
        {
            rejection = null;
            return _byIdentity[resource.Identity] = _byIdentity.Count;
        }
    }
}
