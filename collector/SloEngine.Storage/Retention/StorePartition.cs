using System.Globalization;
using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Retention;

/// <summary>A day, or for the ledger a month, of one table: what the engine drops at once, without reading it.</summary>
/// <param name="Table">The table.</param>
/// <param name="Signal">What the table belongs to.</param>
/// <param name="Id">The engine's name of the partition: <c>yyyyMMdd</c> or <c>yyyyMM</c>.</param>
/// <param name="From">Its first moment.</param>
/// <param name="Until">The first moment after it.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Bytes">Its bytes on disk.</param>
internal sealed record StorePartition(string Table, StoreSignal Signal, string Id, DateTimeOffset From, DateTimeOffset Until, long Rows, long Bytes)
{
    /// <summary>The partitions of every table that has any, the oldest first, from <c>system.parts</c> or what stands for it.</summary>
    public static async Task<IReadOnlyList<StorePartition>> ReadAsync(IColumnStore store, string database, string parts, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery(
                $$"""
                SELECT table, partition_id, sum(rows), sum(bytes_on_disk) FROM {{parts}}
                WHERE active AND database = {database:String} AND partition_id != 'all' GROUP BY table, partition_id
                """)
            {
                Parameters = new Dictionary<string, string> { ["database"] = database },
            },
            cancellation);
        var partitions = new List<StorePartition>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                partitions.Add(Of(block.Text(0).String(row), block.Text(1).String(row), (long)block.Values<ulong>(2)[row], (long)block.Values<ulong>(3)[row]));
            }
        }
        return [.. partitions.OrderBy(partition => partition.From).ThenBy(partition => partition.Table, StringComparer.Ordinal)];
    }

    private static StorePartition Of(string table, string id, long rows, long bytes)
    {
        bool isMonth = id.Length == 6;
        DateTimeOffset from = DateTimeOffset.ParseExact(isMonth ? id + "01" : id, "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        return new StorePartition(table, StoreSignals.Of(table), id, from, isMonth ? from.AddMonths(1) : from.AddDays(1), rows, bytes);
    }
}
