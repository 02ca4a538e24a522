using BenchmarkDotNet.Attributes;
using SloEngine.Bench.Otlp;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Traces;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Bench.Storage;

/// <summary>Columns into blocks for the engine, in their tables' order: figures are per log record, span or sample.</summary>
[MemoryDiagnoser]
public class NativeBlockBenchmarks : IDisposable
{
    private const int Series = 32_000;
    private const int Samples = 960_000;

    private readonly UInt128[] _series = [.. Enumerable.Range(0, Series).Select(static series => new UInt128((ulong)series * 0x9E3779B97F4A7C15, 1))];
    private readonly byte[] _scales = new byte[Series];
    private readonly byte[] _scalesOfHundredths = new byte[Series];
    private readonly LogBlock _logs = new();
    private readonly SpanBlock _spans = new();
    private readonly NumberPoints _counts = new();
    private readonly NumberPoints _hundredths = new();
    private readonly SampleRun[] _gathered = new SampleRun[Samples / Series];
    private readonly NativeWriter _writer = new();
    private readonly RowOrder _order = new();
    private readonly ResourceKey[] _resources = [new(1, "default"u8.ToArray(), "checkout"u8.ToArray())];

    /// <summary>Decodes what is to be written.</summary>
    [GlobalSetup]
    public void Decode()
    {
        var index = new OneResource();
        new LogsDecoder(index, 1, TimeProvider.System).Decode(DecodingPayloads.Logs(), _logs);
        new TracesDecoder(index, 1).Decode(DecodingPayloads.Spans(), _spans);
        for (int sample = 0; sample < Samples; sample++)
        {
            Append(_counts, sample, sample * 17);
            Append(_hundredths, sample, sample * 17 / 100.0);
        }
        Gather();
    }

    /// <summary>Gives the memory back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _logs.Dispose();
        _spans.Dispose();
        _counts.Dispose();
        _hundredths.Dispose();
        _writer.Dispose();
        _order.Dispose();
        foreach (SampleRun run in _gathered)
        {
            run.Dispose();
        }
        GC.SuppressFinalize(this);
    }

    /// <summary>A log record.</summary>
    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Logs() => EventTables.Encode(_logs, _resources, _writer).Data.Length;

    /// <summary>A span.</summary>
    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Spans() => EventTables.Encode(_spans, _resources, _writer).Data.Length;

    /// <summary>A sample of a whole number, of as many as a second brings of 32,000 series.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int Counts() => Encoded(_counts, _scales);

    /// <summary>A sample in hundredths.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int Hundredths() => Encoded(_hundredths, _scalesOfHundredths);

    /// <summary>A sample of runs that have each series once, as where each is sent every while: merged, and into a block.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public int Gathered() => MetricTables.Encode(_gathered, _writer).Data.Length;

    private int Encoded(NumberPoints points, byte[] scales)
    {
        using var run = SampleRun.Of(points, _series, scales, _order);
        return MetricTables.Encode([run], _writer).Data.Length;
    }

    private void Gather()
    {
        for (int run = 0; run < _gathered.Length; run++)
        {
            using var points = new NumberPoints();
            for (int series = 0; series < Series; series++)
            {
                Append(points, (run * Series) + series, run);
            }
            _gathered[run] = SampleRun.Of(points, _series, _scales, _order);
        }
    }

    private static void Append(NumberPoints points, int sample, double value)
    {
        points.Series.Append(sample % Series);
        points.TimeNanos.Append(sample / Series * 15_000_000_000L);
        points.StartNanos.Append(0);
        points.Values.Append(value);
    }

    private sealed class OneResource : IResourceIndex
    {
        public bool TryGet(UInt128 identity, out int reference)
        {
            reference = 0;
            return true;
        }

        public int Register(in RawResource resource, out string? rejection)
        {
            rejection = null;
            return 0;
        }
    }
}
