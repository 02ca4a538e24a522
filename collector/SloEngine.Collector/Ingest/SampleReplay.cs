using Microsoft.Extensions.Logging;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Stores the samples that a process that ended had gathered, and of which the store has all else: they have been counted already, and what counts on
/// reads the last of them from the store. So this comes before <see cref="LogReplay"/>, and before the baselines are read.
/// </summary>
public sealed partial class SampleReplay : IDisposable
{
    private readonly WriteAheadLog _log;
    private readonly IngestCheckpoints _checkpoints;
    private readonly CollectorOptions _options;
    private readonly ILogger _logger;
    private readonly SeriesIndex _series;
    private readonly LogDecoder _decoder;
    private readonly TargetInfo _targetInfo;
    private readonly SampleInserter _inserter;
    private readonly MetricBlock _gathered = new();
    private readonly RowOrder _order = new();

    /// <summary>Prepares the replay.</summary>
    /// <param name="store">Where it goes.</param>
    /// <param name="log">The log.</param>
    /// <param name="checkpoints">How far the store has it.</param>
    /// <param name="options">Habits of the collector.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The host's log.</param>
    /// <param name="traces">Checkpoint of the reader that spans are left to; null when they are stored like the rest.</param>
    public SampleReplay(
        IColumnStore store, WriteAheadLog log, IngestCheckpoints checkpoints, CollectorOptions options, TimeProvider time, ILogger<SampleReplay> logger, WalCheckpoint? traces = null)
    {
        (_log, _checkpoints, _options, _logger) = (log, checkpoints, options, logger);
        _series = new SeriesIndex(options, new SilentTaps(), time);
        _decoder = new LogDecoder(options, _series, new ResourceIndex(options, time), new TenantKeys()) { Only = Signal.Metrics };
        _targetInfo = new TargetInfo(_series);
        _inserter = new SampleInserter(store, log, checkpoints.Samples, new LogTrim(log, ForwardMarks.Open(log, time), logger, checkpoints.First, checkpoints.Samples, traces), options, time, logger);
    }

    /// <summary>Whether the log holds samples that the store may not have, of what it has otherwise.</summary>
    public static bool IsNeeded(WriteAheadLog log, IngestCheckpoints checkpoints) => From(log, checkpoints) < End(log, checkpoints);

    /// <summary>Stores what there is; the stretch that may have been inserted goes first, as one insert under the token it had.</summary>
    /// <exception cref="InvalidDataException">A later program wrote the log.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        long end = End(_log, _checkpoints);
        long from = From(_log, _checkpoints);
        LogBegins(end - from);
        while (from < end)
        {
            from = Read(from, _checkpoints.Samples.Intent is var intent && intent > from ? Math.Min(intent, end) : null, end);
            SeriesTable table = _series.Table;
            _inserter.Add(_gathered.Numbers.Count == 0 ? null : SampleRun.Of(_gathered.Numbers, table.Ids, table.Scales, _order), from);
            _gathered.Clear();
            await _inserter.StoreAsync(cancellation);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _inserter.Dispose();
        _decoder.Dispose();
        _gathered.Dispose();
        _order.Dispose();
    }

    private static long From(WriteAheadLog log, IngestCheckpoints checkpoints) => Math.Max(checkpoints.Samples.Stored, log.Start);

    private static long End(WriteAheadLog log, IngestCheckpoints checkpoints) => Math.Min(checkpoints.First.Stored, log.End);

    /// <summary>Gathers samples up to <paramref name="exactly"/>, or until there are many; returns where it stopped. A damaged segment is told and passed over.</summary>
    private long Read(long from, long? exactly, long end)
    {
        long until = exactly ?? end;
        while (from < until)
        {
            try
            {
                foreach (WalRecord record in _log.Read(from, until))
                {
                    _decoder.Decode(LogRecord.Read(record.Payload), Gather);
                    from = record.End;
                    if (exactly is null && _gathered.Numbers.Count >= _options.MaxGatheredSamples)
                    {
                        return from;
                    }
                }
                return until;
            }
            catch (WalCorruptionException damage)
            {
                LogDamage(Math.Min(damage.ResumeAt, until) - from, damage.Message);
                from = damage.ResumeAt;
            }
        }
        return until;
    }

    private void Gather(IDisposable block)
    {
        var metrics = (MetricBlock)block;
        _targetInfo.AddTo(metrics);
        _gathered.Numbers.Append(metrics.Numbers);
    }

    [LoggerMessage(EventName = "collector.replay.samples", Level = LogLevel.Information, Message = "The log holds samples in {Bytes} bytes that the store may not have: storing them")]
    private partial void LogBegins(long bytes);

    [LoggerMessage(EventName = "collector.replay.damaged", Level = LogLevel.Critical, Message = "Samples in {Bytes} bytes of the log are lost: {Reason}")]
    private partial void LogDamage(long bytes, string reason);
}
