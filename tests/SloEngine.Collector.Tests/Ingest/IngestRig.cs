using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>A collector with a log of its own on the disk, over a store that outlives it: it may be ended and begun again like a process.</summary>
internal sealed class IngestRig : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-ingest-");
    private readonly CollectorOptions _options;
    private readonly WalOptions _wal;
    private WriteAheadLog? _log;
    private WalCheckpoint? _checkpoint;

    public IngestRig(CollectorOptions? options = null, long segmentBytes = 1 << 20, long maxLogBytes = 1 << 30)
    {
        _options = (options ?? new CollectorOptions()) with
        {
            StopPatience = TimeSpan.FromMilliseconds(1), BatchDelay = TimeSpan.FromMilliseconds(20), CommitDelay = TimeSpan.Zero,
        };
        _wal = new WalOptions { Directory = _directory.FullName, SegmentBytes = segmentBytes, MaxBytes = maxLogBytes };
        Taps = new RecordingTaps(Store);
    }

    public RecordingStore Store { get; } = new();

    public RecordingTaps Taps { get; private set; }

    public OtlpIngest Ingest { get; private set; } = null!;

    public WriteAheadLog Log => _log!;

    /// <summary>Begins as a process does: what the log holds goes into the store first.</summary>
    /// <param name="cancellation">Ends the process while it does so.</param>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        Close();
        _log = WriteAheadLog.Open(_wal, TimeProvider.System, WalCheckpoint.LastIntent(_wal.Directory));
        _checkpoint = WalCheckpoint.Open(_wal.Directory, _log);
        if (LogReplay.IsNeeded(_log, _checkpoint))
        {
            using var replay = new LogReplay(
                Store, _log, _checkpoint, new RecordingTaps(Store), _options, TimeProvider.System, NullLogger<LogReplay>.Instance);
            await replay.RunAsync(cancellation);
        }
        Taps = new RecordingTaps(Store) { ListensToSeries = Taps.ListensToSeries };
        Ingest = new OtlpIngest(Store, _log, _checkpoint, Taps, _options, TimeProvider.System, NullLogger<OtlpIngest>.Instance);
    }

    /// <summary>Ends the collector; when the store does not take what is left, the log keeps it.</summary>
    public async Task StopAsync()
    {
        await Ingest.DisposeAsync();
        Close();
    }

    private void Close()
    {
        _checkpoint?.Dispose();
        _log?.Dispose();
    }

    public async Task<DecodeResult> SendAsync(Signal signal, byte[] request, string tenant = "default") =>
        await Ingest.IngestAsync(signal, tenant, request, default);

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
