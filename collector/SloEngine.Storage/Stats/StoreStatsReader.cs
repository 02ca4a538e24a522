using SloEngine.Storage.Chdb;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Stats;

/// <summary>Reads the engine's own account of its parts and its disk.</summary>
public static class StoreStatsReader
{
    private const string Database = EmbeddedColumnStore.Database;

    /// <summary>A part knows the span of its time only where the table is partitioned by it (otherwise it says 1970).</summary>
    private static string Tables(StoreCluster? cluster) =>
        $"""
        SELECT t.name, sum(p.rows), sum(p.bytes_on_disk), sum(p.data_uncompressed_bytes), countIf(p.active),
               toInt64(toUnixTimestamp(min(p.min_time))), toInt64(toUnixTimestamp(max(p.max_time)))
        FROM system.tables AS t LEFT JOIN (SELECT * FROM {cluster?.Parts ?? "system.parts"} WHERE active AND database = '{(cluster is null ? Database : StoreCluster.LocalDatabase)}') AS p ON p.table = t.name
        WHERE t.database = '{Database}'
        GROUP BY t.name ORDER BY sum(p.bytes_on_disk) DESC, t.name
        """;

    private const string TimesWithoutPartitions =
        """
        SELECT 'series', toInt64(toUnixTimestamp(min(first_seen))), toInt64(toUnixTimestamp(max(last_seen))) FROM series
        UNION ALL SELECT 'resources', toInt64(toUnixTimestamp(min(last_seen))), toInt64(toUnixTimestamp(max(last_seen))) FROM resources
        UNION ALL SELECT 'alerts', toInt64(toUnixTimestamp(min(active_since))), toInt64(toUnixTimestamp(max(active_since))) FROM alerts
        UNION ALL SELECT 'notifications', toInt64(toUnixTimestamp(min(created))), toInt64(toUnixTimestamp(max(created))) FROM notifications
        """;

    /// <summary>Reads the figures as they are now.</summary>
    public static async Task<StoreStats> ReadAsync(IColumnStore store, StoreCluster? cluster = null, CancellationToken cancellation = default)
    {
        Dictionary<string, (long Oldest, long Newest)> times = await TimesAsync(store, cancellation);
        var tables = new List<TableStats>();
        QueryResult result = await store.QueryAsync(new StoreQuery(Tables(cluster)), cancellation);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                string table = block.Text(0).String(row);
                (long oldest, long newest) = times.GetValueOrDefault(table, (block.Values<long>(5)[row], block.Values<long>(6)[row]));
                tables.Add(new TableStats(
                    table, StoreSignals.Of(table), (long)block.Values<ulong>(1)[row], (long)block.Values<ulong>(2)[row],
                    (long)block.Values<ulong>(3)[row], (int)block.Values<ulong>(4)[row], Time(oldest), Time(newest)));
            }
        }
        return new StoreStats(tables, await DiskAsync(store, cancellation));
    }

    /// <summary>The disk under the data.</summary>
    internal static async Task<DiskStats> DiskAsync(IColumnStore store, CancellationToken cancellation)
    {
        ResultBlock disk = (await store.QueryAsync(new StoreQuery("SELECT free_space, total_space FROM system.disks WHERE name = 'default'"), cancellation)).Blocks[0];
        return new DiskStats((long)disk.Values<ulong>(0)[0], (long)disk.Values<ulong>(1)[0]);
    }

    private static async Task<Dictionary<string, (long Oldest, long Newest)>> TimesAsync(IColumnStore store, CancellationToken cancellation)
    {
        var times = new Dictionary<string, (long Oldest, long Newest)>();
        QueryResult result = await store.QueryAsync(new StoreQuery(TimesWithoutPartitions), cancellation);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                times.Add(block.Text(0).String(row), (block.Values<long>(1)[row], block.Values<long>(2)[row]));
            }
        }
        return times;
    }

    private static DateTimeOffset? Time(long seconds) => seconds <= 0 ? null : DateTimeOffset.FromUnixTimeSeconds(seconds);
}
