using SloEngine.Alerting.Definitions;
using SloEngine.Collector;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Alerting.Events;
using SloEngine.Server.Configuration;
using SloEngine.Server.Events;
using SloEngine.Server.Slos;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.OpenSlo;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Server.Hosting;

/// <summary>The write-ahead log of the collector with its checkpoints.</summary>
internal sealed partial class IngestLog : IDisposable
{
    private readonly string _directory;

    private IngestLog(string directory, WriteAheadLog log, IngestCheckpoints checkpoints) => (_directory, Log, Checkpoints) = (directory, log, checkpoints);

    public WriteAheadLog Log { get; }

    public IngestCheckpoints Checkpoints { get; }

    /// <summary>How far traces are decided, when tail sampling is configured.</summary>
    public TraceWaiting? Waiting { get; private set; }

    /// <exception cref="InvalidDataException">The directory holds something else, or segments are missing.</exception>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    public static IngestLog Open(ServerOptions options, ILoggerFactory loggers)
    {
        // A log that has to begin anew begins behind what an earlier one has got to.
        var log = WriteAheadLog.Open(
            new WalOptions { Directory = options.Wal, MaxBytes = options.WalMaxBytes, SegmentAge = options.WalSegmentAge }, TimeProvider.System, WalCheckpoint.LastIntent(options.Wal));
        if (log.TornBytes > 0)
        {
            LogTorn(loggers.CreateLogger<IngestLog>(), log.TornBytes);
        }
        return new IngestLog(options.Wal, log, IngestCheckpoints.Open(options.Wal, log));
    }

    /// <summary>Stores what an earlier process had acknowledged and not stored, and counts it for the SLOs, before either is read.</summary>
    public async Task ReplayAsync(
        IColumnStore store, SloCatalog catalog, LedgerOptions options, EventWatch watch, CollectorOptions collector, ILoggerFactory loggers, CancellationToken cancellation)
    {
        // Whether spans wait in this log is what the process before did, not what this one is to do.
        string path = Path.Combine(_directory, TraceWaiting.FileName);
        WalCheckpoint? waited = File.Exists(path) ? OpenWaiting() : null;
        if (SampleReplay.IsNeeded(Log, Checkpoints))
        {
            using var replay = new SampleReplay(store, Log, Checkpoints, collector, TimeProvider.System, loggers.CreateLogger<SampleReplay>(), waited);
            await replay.RunAsync(cancellation);
        }
        if (LogReplay.IsNeeded(Log, Checkpoints.First))
        {
            using var table = new LedgerTable(store, Log.Id);
            using var ledger = new Ledger(table, TimeProvider.System, since: Log.BegunAt(Checkpoints.First.Stored), options);
            catalog.SetSaved(SloDefinitionTable.InUse(await new SloDefinitionTable(store).ReadLatestAsync(cancellation)));
            catalog.Reload();
            await ledger.SetSlosAsync(catalog.Slos, cancellation);
            var taps = new TapSet(new LedgerTaps(ledger, await SeriesBaselines.ReadAsync(store, TimeProvider.System, cancellation)), watch, new EventTable(store));
            using var replay = new LogReplay(store, Log, Checkpoints, taps, collector, TimeProvider.System, loggers.CreateLogger<LogReplay>(), waited);
            await replay.RunAsync(cancellation);
        }
        if (collector.Pipelines.TailTraces is { } tail)
        {
            IReadOnlyList<UInt128> kept = waited is null ? [] : await KeptTraces.ReadAsync(store, tail.MaxDecisions / 2, cancellation);
            Waiting = new TraceWaiting(waited ?? OpenWaiting()) { Kept = kept };
        }
        else if (waited is not null)
        {
            using (waited)
            {
                await new TraceWaiting(waited).StoreAllAsync(store, Log, Checkpoints.First, collector, TimeProvider.System, loggers.CreateLogger<LogReplay>(), cancellation);
            }
            File.Delete(path);
        }
    }

    private WalCheckpoint OpenWaiting() => WalCheckpoint.Open(_directory, Log, TraceWaiting.FileName, Checkpoints.First.Stored);

    public void Dispose()
    {
        Waiting?.Checkpoint.Dispose();
        Checkpoints.Dispose();
        Log.Dispose();
    }

    [LoggerMessage(EventName = "collector.log.torn", Level = LogLevel.Warning, Message = "{Bytes} bytes at the log's end are no whole record, as of a commit that a crash broke off before it was acknowledged: cut")]
    private static partial void LogTorn(ILogger logger, long bytes);
}
