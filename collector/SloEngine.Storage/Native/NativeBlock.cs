using System.Runtime.CompilerServices;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Native;

/// <summary>Rows for one table, encoded in ClickHouse's Native format.</summary>
/// <param name="Table">Unqualified table name.</param>
/// <param name="Columns">Column names, in the order in which the block holds them.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Data">The encoded block; owned by the writer that made it and valid until that writer is reset.</param>
public readonly record struct NativeBlock(string Table, string Columns, int Rows, ReadOnlyMemory<byte> Data)
{
    /// <summary>Its rows, when they are samples: queries keep some of them.</summary>
    public SampleRun? Samples { get; init; }

    /// <summary>
    /// The INSERT of this block, without its format. Without a token of its own the engine would take two equal blocks for one insert repeated; and it would refuse one of more than
    /// a hundred days, as history is, for good. A profile with asynchronous inserts would have it confirmed before it is stored.
    /// </summary>
    internal string Statement(string database, string? deduplicationToken) =>
        $"INSERT INTO {database}.{Table} ({Columns}) SETTINGS async_insert = 0, max_partitions_per_insert_block = 0, insert_deduplication_token = '{SqlText.Quote(deduplicationToken ?? Guid.NewGuid().ToString("N"))}'";
}

/// <summary>The stretch of time in which rows lie.</summary>
/// <param name="FirstMs">Time of the earliest, Unix milliseconds.</param>
/// <param name="LastMs">Time of the latest.</param>
public readonly record struct RowTimes(long FirstMs, long LastMs)
{
    /// <summary>That of times in Unix nanoseconds, of which there is one at least.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static RowTimes Of(ReadOnlySpan<long> nanos)
    {
        long first = long.MaxValue;
        long last = long.MinValue;
        foreach (long time in nanos)
        {
            first = Math.Min(first, time);
            last = Math.Max(last, time);
        }
        return new RowTimes(first / 1_000_000, last / 1_000_000);
    }
}
