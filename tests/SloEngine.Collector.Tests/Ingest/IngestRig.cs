using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Otlp.Common;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>A collector with a log of its own on the disk, over a store that outlives it: it may be ended and begun again like a process.</summary>
internal sealed class IngestRig : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-ingest-");
    private readonly WalOptions _wal;
    private WriteAheadLog? _log;
    private IngestCheckpoints? _checkpoints;
    private WalCheckpoint? _waiting;

    public IngestRig(CollectorOptions? options = null, long segmentBytes = 1 << 20, long maxLogBytes = 1 << 30)
    {
        Options = (options ?? new CollectorOptions()) with
        {
            StopPatience = TimeSpan.FromMilliseconds(1), BatchDelay = TimeSpan.FromMilliseconds(20), CommitDelay = TimeSpan.Zero,
        };
        _wal = new WalOptions { Directory = _directory.FullName, SegmentBytes = segmentBytes, MaxBytes = maxLogBytes };
        Taps = new RecordingTaps(Store);
    }

    /// <summary>Habits of the collector that is begun next.</summary>
    public CollectorOptions Options { get; set; }

    /// <summary>Position behind the last record of the log.</summary>
    public long LogEnd => _log!.End;

    /// <summary>Whether the store is the collector's alone, so that samples are gathered.</summary>
    public bool Gathers { get; init; }

    /// <summary>What the last replay showed.</summary>
    public RecordingTaps? ReplayTaps { get; private set; }

    public RecordingStore Store { get; } = new();

    public RecordingTaps Taps { get; private set; }

    public OtlpIngest Ingest { get; private set; } = null!;

    public WriteAheadLog Log => _log!;

    /// <summary>Begins as a process does: what the log holds goes into the store first.</summary>
    /// <param name="cancellation">Ends the process while it does so.</param>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        Close();
        Store.Recent = Gathers ? new RecentSamples() : null;
        _log = WriteAheadLog.Open(_wal, TimeProvider.System, WalCheckpoint.LastIntent(_wal.Directory));
        _checkpoints = IngestCheckpoints.Open(_wal.Directory, _log);
        string waitingPath = Path.Combine(_wal.Directory, TraceWaiting.FileName);
        _waiting = File.Exists(waitingPath) ? OpenWaiting() : null;
        if (SampleReplay.IsNeeded(_log, _checkpoints))
        {
            using var replay = new SampleReplay(Store, _log, _checkpoints, Options, TimeProvider.System, NullLogger<SampleReplay>.Instance, _waiting);
            await replay.RunAsync(cancellation);
        }
        if (LogReplay.IsNeeded(_log, _checkpoints.First))
        {
            ReplayTaps = new RecordingTaps(Store);
            using var replay = new LogReplay(
                Store, _log, _checkpoints, ReplayTaps, Options, TimeProvider.System, NullLogger<LogReplay>.Instance, _waiting);
            await replay.RunAsync(cancellation);
        }
        if (Options.Pipelines.TailTraces is not null)
        {
            _waiting ??= OpenWaiting();
        }
        else if (_waiting is not null)
        {
            await new TraceWaiting(_waiting).StoreAllAsync(Store, _log, _checkpoints.First, Options, TimeProvider.System, NullLogger.Instance, cancellation);
            _waiting.Dispose();
            _waiting = null;
            File.Delete(waitingPath);
        }
        Taps = new RecordingTaps(Store) { ListensToSeries = Taps.ListensToSeries };
        Ingest = new OtlpIngest(Store, _log, _checkpoints, Taps, Options, TimeProvider.System, NullLogger<OtlpIngest>.Instance,
            _waiting is null ? null : new TraceWaiting(_waiting));
    }

    /// <summary>Ends the collector; when the store does not take what is left, the log keeps it.</summary>
    public async Task StopAsync()
    {
        await Ingest.DisposeAsync();
        Close();
    }

    private WalCheckpoint OpenWaiting() => WalCheckpoint.Open(_wal.Directory, _log!, TraceWaiting.FileName, _checkpoints!.First.Stored);

    private void Close()
    {
        _waiting?.Dispose();
        _waiting = null;
        _checkpoints?.Dispose();
        _log?.Dispose();
    }

    public async Task<DecodeResult> SendAsync(Signal signal, byte[] request, string tenant = "default") =>
        await Ingest.IngestAsync(signal, tenant, request, null, default);

    /// <summary>Flips a bit in the first record of a segment.</summary>
    public void DamageLog(int segment)
    {
        string path = Directory.GetFiles(_wal.Directory, "*.wal").Order(StringComparer.Ordinal).ElementAt(segment);
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Seek(48 + 20, SeekOrigin.Begin);
        int value = file.ReadByte();
        file.Seek(-1, SeekOrigin.Current);
        file.WriteByte((byte)(value ^ 1));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Store.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
