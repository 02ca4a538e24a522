using Microsoft.Extensions.Logging;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Pipelines.Tail;

/// <summary>How far the traces of a log are decided, beside how far the store has the rest of it.</summary>
/// <param name="checkpoint">Its checkpoint.</param>
public sealed class TraceWaiting(WalCheckpoint checkpoint)
{
    /// <summary>Name of the checkpoint's file.</summary>
    public const string FileName = "checkpoint-traces";

    /// <summary>The checkpoint.</summary>
    public WalCheckpoint Checkpoint { get; } = checkpoint;

    /// <summary>Traces of which the store has spans already: what else comes of them is kept.</summary>
    public IReadOnlyList<UInt128> Kept { get; init; } = [];

    /// <summary>Stores every span that waits, once tail sampling is configured no more.</summary>
    /// <param name="store">Where they go.</param>
    /// <param name="log">The log.</param>
    /// <param name="first">The log's checkpoint.</param>
    /// <param name="options">Habits of the collector.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The host's log.</param>
    /// <param name="cancellation">Gives up; the next start goes on.</param>
    public async Task StoreAllAsync(
        IColumnStore store, WriteAheadLog log, WalCheckpoint first, CollectorOptions options, TimeProvider time, ILogger logger, CancellationToken cancellation)
    {
        var decisions = new TraceDecisions(null, options.Pipelines.SampleTraces, null);
        await using var reader = new TraceReader(store, log, first, Checkpoint, decisions, new LogTrim(log, ForwardMarks.Open(log, time), logger, first, Checkpoint), options, time, logger);
        await reader.DrainAsync(cancellation);
    }
}
