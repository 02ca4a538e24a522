using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Retention;

/// <summary>
/// Deletes rows of a table by a condition. The engine writes their parts anew, which may take hours on a server: what is not done in a while goes on there, and
/// the table is left alone until it is.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="database">Database of the tables.</param>
/// <param name="cluster">The cluster that holds the tables; null for a single server.</param>
internal sealed class RowDeletion(IColumnStore store, string database, StoreCluster? cluster)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Whether an earlier deletion still goes on.</summary>
    /// <exception cref="StoreException">It cannot go on.</exception>
    public async Task<bool> IsRunningAsync(string table, CancellationToken cancellation)
    {
        string mutations = cluster is null ? "system.mutations" : $"cluster('{SqlText.Quote(cluster.Name)}', system.mutations)";
        QueryResult found = await store.QueryAsync(
            new StoreQuery($$"""
                SELECT mutation_id, latest_fail_reason FROM {{mutations}} WHERE database = {database:String} AND table = {table:String} AND NOT is_done
                ORDER BY latest_fail_reason = '' LIMIT 1
                """)
            {
                Parameters = new Dictionary<string, string> { ["database"] = database, ["table"] = table },
            },
            cancellation);
        if (found.Rows == 0)
        {
            return false;
        }
        ResultBlock block = found.Blocks.First(static block => block.Rows > 0);
        string reason = block.Text(1).String(0);
        return reason.Length == 0
            ? true
            : throw new StoreException(
                0, $"a deletion of rows of {table} cannot go on: {reason} (KILL MUTATION WHERE database = '{database}' AND mutation_id = '{block.Text(0).String(0)}' ends it)");
    }

    /// <summary>Deletes.</summary>
    /// <param name="table">The table.</param>
    /// <param name="rows">What follows <c>DELETE</c>.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task RunAsync(string table, string rows, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        // Each replica reads for itself what a condition reads of other tables: those of a shard hold the same.
        string settings = cluster is null ? "mutations_sync = 1" : "mutations_sync = 1, allow_nondeterministic_mutations = 1";
        try
        {
            await store.ExecuteOnAsync(table, $"ALTER TABLE {database}.{table} {cluster?.OnCluster} DELETE {rows} SETTINGS {settings}", cancellation: patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // It goes on without being waited for.
        }
    }
}
