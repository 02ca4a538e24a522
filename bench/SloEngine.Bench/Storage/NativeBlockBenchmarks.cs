using BenchmarkDotNet.Attributes;
using SloEngine.Bench.Otlp;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Traces;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Bench.Storage;

/// <summary>Columns into blocks for the engine, in their tables' order: figures are per log record or span.</summary>
[MemoryDiagnoser]
public class NativeBlockBenchmarks : IDisposable
{
    private readonly LogBlock _logs = new();
    private readonly SpanBlock _spans = new();
    private readonly NativeWriter _writer = new();
    private readonly ResourceKey[] _resources = [new(1, "default"u8.ToArray(), "checkout"u8.ToArray())];

    /// <summary>Decodes what is to be written.</summary>
    [GlobalSetup]
    public void Decode()
    {
        var index = new OneResource();
        new LogsDecoder(index, 1, TimeProvider.System).Decode(DecodingPayloads.Logs(), _logs);
        new TracesDecoder(index, 1).Decode(DecodingPayloads.Spans(), _spans);
    }

    /// <summary>Gives the memory back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _logs.Dispose();
        _spans.Dispose();
        _writer.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A log record.</summary>
    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Logs() => EventTables.Encode(_logs, _resources, _writer).Data.Length;

    /// <summary>A span.</summary>
    [Benchmark(OperationsPerInvoke = DecodingPayloads.Items)]
    public int Spans() => EventTables.Encode(_spans, _resources, _writer).Data.Length;

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
