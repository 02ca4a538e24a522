using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Stats;

/// <summary>What the store holds, and the room that is left.</summary>
/// <param name="Tables">Every table, the largest first.</param>
/// <param name="Disk">The disk under the data.</param>
public sealed record StoreStats(IReadOnlyList<TableStats> Tables, DiskStats Disk)
{
    /// <summary>Rows of all tables.</summary>
    public long Rows => Tables.Sum(table => table.Rows);

    /// <summary>Compressed bytes on disk of all tables.</summary>
    public long Bytes => Tables.Sum(table => table.Bytes);
}

/// <summary>What one table holds.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Signal">What its rows belong to.</param>
/// <param name="Rows">Rows, before merges collapse any.</param>
/// <param name="Bytes">Compressed bytes on disk.</param>
/// <param name="UncompressedBytes">Bytes of the columns before compression.</param>
/// <param name="Parts">Active parts: many say that merges do not keep up.</param>
/// <param name="Oldest">Time of the oldest row; null when there is none, or rows have no time.</param>
/// <param name="Newest">Time of the newest row.</param>
public sealed record TableStats(
    string Table, StoreSignal Signal, long Rows, long Bytes, long UncompressedBytes, int Parts, DateTimeOffset? Oldest, DateTimeOffset? Newest)
{
    /// <summary>Compressed bytes a row; null without rows.</summary>
    public double? BytesPerRow => Rows == 0 ? null : (double)Bytes / Rows;
}

/// <summary>A disk.</summary>
/// <param name="FreeBytes">Bytes that can still be written.</param>
/// <param name="TotalBytes">Bytes it has.</param>
public sealed record DiskStats(long FreeBytes, long TotalBytes);
