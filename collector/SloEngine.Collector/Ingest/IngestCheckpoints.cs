using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>How far the store has a collector's log: samples are behind the rest, as they are gathered for a while.</summary>
public sealed class IngestCheckpoints : IDisposable
{
    private const string SamplesName = "checkpoint-samples";

    private IngestCheckpoints(WalCheckpoint first, WalCheckpoint samples) => (First, Samples) = (first, samples);

    /// <summary>Everything but samples.</summary>
    public WalCheckpoint First { get; }

    /// <summary>Samples; never ahead of the rest.</summary>
    public WalCheckpoint Samples { get; }

    /// <summary>Opens the checkpoints of a log.</summary>
    public static IngestCheckpoints Open(string directory, WriteAheadLog log)
    {
        var first = WalCheckpoint.Open(directory, log);
        return new IngestCheckpoints(first, WalCheckpoint.Open(directory, log, SamplesName, first.Stored));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        First.Dispose();
        Samples.Dispose();
    }
}
