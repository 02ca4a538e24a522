using SloEngine.Collector.Resources;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Traces;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Collector.Ingest;

/// <summary>Stores spans or logs: new resources first, then the rows, then the taps.</summary>
/// <typeparam name="TBlock">Block of the signal.</typeparam>
internal abstract class EventFlush<TBlock>(IColumnStore store, ResourceIndex resources, ResourceWriter resourceRows, ITelemetryTaps taps)
    : IFlushTarget<TBlock>, IDisposable
{
    private readonly NativeWriter _writer = new();
    private string? _shownToken;

    public abstract int Rows(TBlock block);

    public abstract void Clear(TBlock block);

    public abstract void Append(TBlock into, TBlock block);

    public async Task StoreAsync(TBlock block, string token)
    {
        await resourceRows.SaveAsync();
        if (Rows(block) > 0)
        {
            await store.InsertAsync(Encode(block, resources.Keys, _writer), token);
        }
        if (_shownToken != token)
        {
            _shownToken = token;
            ShowToTaps(block);
        }
        await taps.CommitAsync(CancellationToken.None);
    }

    public void Dispose() => _writer.Dispose();

    private void ShowToTaps(TBlock block)
    {
        using Lock.Scope batch = taps.BeginBatch();
        Show(block, resources);
    }

    protected abstract NativeBlock Encode(TBlock block, ResourceKey[] keys, NativeWriter writer);

    protected abstract void Show(TBlock block, IResourceLookup lookup);
}

/// <summary>Stores spans.</summary>
internal sealed class SpanFlush(IColumnStore store, ResourceIndex resources, ResourceWriter resourceRows, ITelemetryTaps taps)
    : EventFlush<SpanBlock>(store, resources, resourceRows, taps)
{
    private readonly ITelemetryTaps _taps = taps;

    public override int Rows(SpanBlock block) => block.Count;

    public override void Clear(SpanBlock block) => block.Clear();

    public override void Append(SpanBlock into, SpanBlock block) => into.Append(block);

    protected override NativeBlock Encode(SpanBlock block, ResourceKey[] keys, NativeWriter writer) => EventTables.Encode(block, keys, writer);

    protected override void Show(SpanBlock block, IResourceLookup lookup)
    {
        if (_taps.ListensToSpans)
        {
            _taps.Observe(block, lookup);
        }
    }
}

/// <summary>Stores logs.</summary>
internal sealed class LogFlush(IColumnStore store, ResourceIndex resources, ResourceWriter resourceRows, ITelemetryTaps taps)
    : EventFlush<LogBlock>(store, resources, resourceRows, taps)
{
    private readonly ITelemetryTaps _taps = taps;

    public override int Rows(LogBlock block) => block.Count;

    public override void Clear(LogBlock block) => block.Clear();

    public override void Append(LogBlock into, LogBlock block) => into.Append(block);

    protected override NativeBlock Encode(LogBlock block, ResourceKey[] keys, NativeWriter writer) => EventTables.Encode(block, keys, writer);

    protected override void Show(LogBlock block, IResourceLookup lookup)
    {
        if (_taps.ListensToLogs)
        {
            _taps.Observe(block, lookup);
        }
    }
}
