using SloEngine.Collector.Taps;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// A stretch of the log that goes into the store as one insert a table, with what the taps counted over it. Its blocks are in memory, or,
/// while the store is behind, only in the log.
/// </summary>
/// <param name="from">Position in the log where it begins.</param>
/// <param name="blocks">Where its rows are gathered, or null when they are to be read from the log.</param>
/// <param name="began">When its first request came, as a timestamp of the clock.</param>
internal sealed class Batch(long from, SignalBlocks? blocks, long began)
{
    public long From { get; } = from;

    public long To { get; set; } = from;

    public SignalBlocks? Blocks { get; } = blocks;

    public long Began { get; } = began;

    public int Rows { get; set; }

    public long Bytes => To - From;

    /// <summary>What its columns take in memory, about, while they are there.</summary>
    public long ColumnBytes { get; set; }

    /// <summary>How many leases of each generation its blocks hold (<see cref="Expiry.ReferenceLeases"/>).</summary>
    public int[] Leases { get; } = new int[2];

    /// <summary>What the taps counted, once the batch is closed.</summary>
    public ITapCounts? Counts { get; set; }
}
