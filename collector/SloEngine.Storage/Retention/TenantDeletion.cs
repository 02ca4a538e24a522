using SloEngine.Storage.Schema;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Retention;

/// <summary>
/// Deletes the rows of tenants with a shorter retention out of days that are older. The engine writes such a day anew, so it is done once a
/// day and table, and again only when late rows have changed it.
/// </summary>
internal sealed class TenantDeletion(IColumnStore store, IReadOnlyList<TenantRetention> tenants, string database, StoreCluster? cluster = null)
{
    private readonly Dictionary<(string Table, string Partition), (long Rows, int Tenants)> _clean = [];
    private readonly RowDeletion _deletion = new(store, database, cluster);

    /// <summary>Deletes what is due in partitions of a table.</summary>
    /// <param name="partitions">The partitions.</param>
    /// <param name="now">The time by which ages are measured.</param>
    /// <param name="deleted">Takes what was deleted.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="StoreException">The engine refused.</exception>
    public async Task ApplyAsync(IEnumerable<StorePartition> partitions, DateTimeOffset now, ICollection<DroppedPartition> deleted, CancellationToken cancellation)
    {
        foreach (StorePartition partition in partitions)
        {
            string[] due = [.. tenants.Where(tenant => tenant.Signal == Named(partition.Signal) && now - partition.Until >= tenant.Keep).Select(tenant => tenant.Tenant)];
            if (due.Length == 0
                || _clean.GetValueOrDefault((partition.Table, partition.Id)) == (partition.Rows, due.Length)
                || await _deletion.IsRunningAsync(partition.Table, cancellation))
            {
                continue;
            }
            long rows = await DeleteAsync(partition, Condition(partition.Signal, due), cancellation);
            _clean[(partition.Table, partition.Id)] = (partition.Rows - rows, due.Length);
            if (rows > 0)
            {
                deleted.Add(new DroppedPartition(partition.Table, partition.Id, rows, 0, DropReason.Tenant));
            }
        }
    }

    private async Task<long> DeleteAsync(StorePartition partition, string condition, CancellationToken cancellation)
    {
        string id = $"'{SqlText.Quote(partition.Id)}'";
        Results.QueryResult found = await store.QueryAsync(
            new StoreQuery($"SELECT count() FROM {All(partition.Table)} WHERE _partition_id = {id} AND {condition}"), cancellation);
        long rows = (long)found.Blocks[0].Values<ulong>(0)[0];
        if (rows > 0)
        {
            await _deletion.RunAsync(partition.Table, $"IN PARTITION ID {id} WHERE {condition}", cancellation);
        }
        return rows;
    }

    private string All(string table) => cluster is null ? $"{database}.{table}" : $"cluster('{SqlText.Quote(cluster.Name)}', {database}.{table})";

    /// <summary>Roll-ups of a tenant are of its metrics.</summary>
    private static StoreSignal Named(StoreSignal signal) => signal == StoreSignal.RollUps ? StoreSignal.Metrics : signal;

    /// <summary>Rows of metrics know their tenant by their series.</summary>
    private string Condition(StoreSignal signal, string[] due)
    {
        string named = $"tenant IN ({string.Join(", ", due.Select(tenant => $"'{SqlText.Quote(tenant)}'"))})";
        return Named(signal) == StoreSignal.Metrics ? $"id IN (SELECT id FROM {database}.series WHERE {named})" : named;
    }
}
