using SloEngine.Collector;
using SloEngine.Collector.Ingest;
using SloEngine.Server.Configuration;
using SloEngine.Server.Slos;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.OpenSlo;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Server.Hosting;

/// <summary>The write-ahead log of the collector with its checkpoint.</summary>
internal sealed partial class IngestLog : IDisposable
{
    private IngestLog(WriteAheadLog log, WalCheckpoint checkpoint) => (Log, Checkpoint) = (log, checkpoint);

    public WriteAheadLog Log { get; }

    public WalCheckpoint Checkpoint { get; }

    /// <exception cref="InvalidDataException">The directory holds something else, or segments are missing.</exception>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    public static IngestLog Open(ServerOptions options, ILoggerFactory loggers)
    {
        // A log that has to begin anew begins behind what an earlier one has got to.
        var log = WriteAheadLog.Open(
            new WalOptions { Directory = options.Wal, MaxBytes = options.WalMaxBytes }, TimeProvider.System, WalCheckpoint.LastIntent(options.Wal));
        if (log.TornBytes > 0)
        {
            LogTorn(loggers.CreateLogger<IngestLog>(), log.TornBytes);
        }
        return new IngestLog(log, WalCheckpoint.Open(options.Wal, log));
    }

    /// <summary>Stores what an earlier process had acknowledged and not stored, and counts it for the SLOs, before either is read.</summary>
    public async Task ReplayAsync(IColumnStore store, SloCatalog catalog, CollectorOptions collector, ILoggerFactory loggers, CancellationToken cancellation)
    {
        if (!LogReplay.IsNeeded(Log, Checkpoint))
        {
            return;
        }
        using var table = new LedgerTable(store, Log.Id);
        var ledger = new Ledger(table, TimeProvider.System, since: Log.BegunAt(Checkpoint.Stored));
        catalog.Reload();
        await ledger.SetSlosAsync(catalog.Slos, cancellation);
        var taps = new LedgerTaps(ledger, table, await SeriesBaselines.ReadAsync(store, cancellation));
        using var replay = new LogReplay(store, Log, Checkpoint, taps, collector, TimeProvider.System, loggers.CreateLogger<LogReplay>());
        await replay.RunAsync(cancellation);
    }

    public void Dispose()
    {
        Checkpoint.Dispose();
        Log.Dispose();
    }

    [LoggerMessage(EventName = "collector.log.torn", Level = LogLevel.Warning, Message = "{Bytes} bytes at the log's end were half-written, so never acknowledged: cut")]
    private static partial void LogTorn(ILogger logger, long bytes);
}
