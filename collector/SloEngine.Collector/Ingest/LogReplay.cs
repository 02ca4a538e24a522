using Microsoft.Extensions.Logging;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Stores, before anything new is taken in, what a process that ended had acknowledged and not stored; behind <see cref="SampleReplay"/>. The stretch that it may have been
/// inserting comes first, as one batch under the token it had.
/// </summary>
public sealed partial class LogReplay : IDisposable
{
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(5);

    private readonly WriteAheadLog _log;
    private readonly WalCheckpoint _checkpoint;
    private readonly SampleInserter _samples;
    private readonly ITelemetryTaps _taps;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LogDecoder _decoder;
    private readonly BatchInserter _inserter;
    private readonly TapListeners _listeners;
    private readonly StoreSelection _selection;

    /// <summary>Prepares the replay; <paramref name="taps"/> count from the points that are stored.</summary>
    /// <param name="store">Where it goes.</param>
    /// <param name="log">The log.</param>
    /// <param name="checkpoints">How far the store has it.</param>
    /// <param name="taps">Who counts it.</param>
    /// <param name="options">Habits of the collector.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The host's log.</param>
    /// <param name="traces">Checkpoint of the reader that spans are left to; null when they are stored like the rest.</param>
    public LogReplay(
        IColumnStore store, WriteAheadLog log, IngestCheckpoints checkpoints, ITelemetryTaps taps, CollectorOptions options, TimeProvider time, ILogger<LogReplay> logger,
        WalCheckpoint? traces = null)
    {
        (_log, _checkpoint, _taps, _options, _time, _logger) = (log, checkpoints.First, taps, options, time, logger);
        var series = new SeriesIndex(options, taps, time);
        var resources = new ResourceIndex(options, time);
        _decoder = new LogDecoder(options, series, resources, new TenantKeys());
        _selection = new HeadSelection(options.Pipelines, null, leavesSpans: traces is not null);
        var trim = new LogTrim(log, ForwardMarks.Open(log, time), logger, checkpoints.First, checkpoints.Samples, traces);
        _samples = new SampleInserter(store, log, checkpoints.Samples, trim, options, time, logger);
        _inserter = new BatchInserter(store, log, checkpoints.First, series, resources, _decoder, new ReferenceLeases(), trim, time, logger)
        {
            Samples = _samples, Patience = options.RefusalPatience,
        };
        _listeners = new TapListeners(series, resources, taps);
    }

    /// <summary>Whether the log holds what the store may not have.</summary>
    public static bool IsNeeded(WriteAheadLog log, WalCheckpoint checkpoint) => checkpoint.Stored < log.End;

    /// <summary>Stores what there is.</summary>
    /// <exception cref="InvalidDataException">A later program wrote the log.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        long end = _log.End;
        LogBegins(end - _checkpoint.Stored);
        long reported = _time.GetTimestamp();
        long from = Math.Max(_checkpoint.Stored, _log.Start);
        long intent = Math.Min(_checkpoint.Intent, end);
        while (from < end)
        {
            from = await StoreStretchAsync(from, intent > from ? intent : null, end, cancellation);
            if (_time.GetElapsedTime(reported) > ReportPeriod)
            {
                reported = _time.GetTimestamp();
                LogProgress(end - from, _inserter.Stored);
            }
        }
        LogEnded(_inserter.Stored);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _inserter.Dispose();
        _samples.Dispose();
        _decoder.Dispose();
    }

    /// <summary>Gathers records up to <paramref name="exactly"/>, or until the batch is full, and stores them; returns where it stopped.</summary>
    private async Task<long> StoreStretchAsync(long from, long? exactly, long end, CancellationToken cancellation)
    {
        using var blocks = new SignalBlocks(_selection);
        var batch = new Batch(from, blocks, _time.GetTimestamp());
        try
        {
            foreach (WalRecord record in _log.Read(from, exactly ?? end))
            {
                _decoder.Decode(LogRecord.Read(record.Payload), block =>
                {
                    using Lock.Scope shown = _taps.BeginBatch();
                    _listeners.Show(block, _time.GetTimestamp());
                    blocks.Append(block);
                });
                batch.To = record.End;
                if (exactly is null && (blocks.Rows >= _options.MaxBatchRows || Math.Max(batch.Bytes, blocks.Metrics.Bytes) >= _options.MaxBatchBytes))
                {
                    break;
                }
            }
        }
        catch (WalCorruptionException damage)
        {
            LogDamage(damage.ResumeAt - batch.To, damage.Message);
            batch.To = damage.ResumeAt;
        }
        batch.Rows = blocks.Rows;
        batch.Counts = _taps.TakeCounts();
        await _inserter.InsertAsync(batch, cancellation);
        await _samples.StoreAsync(cancellation);
        return batch.To;
    }

    [LoggerMessage(EventName = "collector.replay.begun", Level = LogLevel.Information, Message = "The log holds {Bytes} bytes that the store may not have: storing them")]
    private partial void LogBegins(long bytes);

    [LoggerMessage(EventName = "collector.replay.progress", Level = LogLevel.Information, Message = "{Bytes} bytes of the log are left, {Rows} rows stored")]
    private partial void LogProgress(long bytes, long rows);

    [LoggerMessage(EventName = "collector.replay.ended", Level = LogLevel.Information, Message = "The log is in the store: {Rows} rows")]
    private partial void LogEnded(long rows);

    [LoggerMessage(EventName = "collector.replay.damaged", Level = LogLevel.Critical, Message = "{Bytes} bytes of the log are lost: {Reason}")]
    private partial void LogDamage(long bytes, string reason);
}
