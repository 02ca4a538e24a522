using System.Globalization;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Retention;

/// <summary>
/// Deletes events that are too old, once a day. They are few, and lie by id, so that what is told again replaces what was told, whatever its time: there are
/// no days of them to drop. Of each service the latest version stays: by it a version that comes up is known to be new.
/// </summary>
internal sealed class EventDeletion(IColumnStore store, TimeSpan keep, string database, StoreCluster? cluster = null)
{
    private readonly RowDeletion _deletion = new(store, database, cluster);
    private DateTimeOffset _done;

    /// <summary>Deletes the days that are over for as long as events are kept; null when there was nothing to delete.</summary>
    public async Task<DroppedPartition?> ApplyAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var before = new DateTimeOffset((now - keep).UtcDateTime.Date, TimeSpan.Zero);
        if (before == _done || await _deletion.IsRunningAsync("events", cancellation))
        {
            return null;
        }
        string condition = await ConditionAsync(before, cancellation);
        QueryResult found = await store.QueryAsync(new StoreQuery($"SELECT count() FROM {All} WHERE {condition}"), cancellation);
        long rows = (long)found.Blocks[0].Values<ulong>(0)[0];
        if (rows > 0)
        {
            await _deletion.RunAsync("events", "WHERE " + condition, cancellation);
        }
        _done = before;
        return rows > 0 ? new DroppedPartition("events", "all", rows, 0, DropReason.AgeOfRows) : null;
    }

    private string All => cluster is null ? $"{database}.events" : $"cluster('{SqlText.Quote(cluster.Name)}', {database}.events)";

    private async Task<string> ConditionAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        string old = string.Create(CultureInfo.InvariantCulture, $"time < fromUnixTimestamp64Milli({before.ToUnixTimeMilliseconds()})");
        QueryResult versions = await store.QueryAsync(
            new StoreQuery($"""
                SELECT toString(tenant), argMax(id, time) FROM {All} WHERE source = 'service.version'
                GROUP BY tenant, service, environment HAVING max(time) < fromUnixTimestamp64Milli({before.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)})
                """),
            cancellation);
        string[] kept = [.. versions.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows)
            .Select(row => $"('{SqlText.Quote(block.Text(0).String(row))}', '{SqlText.Quote(block.Text(1).String(row))}')"))];
        return kept.Length == 0 ? old : $"{old} AND (tenant, id) NOT IN ({string.Join(", ", kept)})";
    }
}
