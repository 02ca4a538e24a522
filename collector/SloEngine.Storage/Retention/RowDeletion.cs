using System.Diagnostics;
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
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestBetweenLooks = TimeSpan.FromSeconds(2);

    /// <summary>Whether an earlier deletion still goes on.</summary>
    /// <exception cref="StoreException">It has failed, and the engine tries it again.</exception>
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
                0,
                $"a deletion of rows of {table} fails, and the store tries it again: {reason} "
                + $"(KILL MUTATION {cluster?.OnCluster}{(cluster is null ? "" : " ")}WHERE database = '{database}' AND table = '{table}' AND mutation_id = '{block.Text(0).String(0)}' gives it up)");
    }

    /// <summary>Deletes, and waits for it for a while.</summary>
    /// <param name="table">The table.</param>
    /// <param name="rows">What follows <c>DELETE</c>.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StoreException">The engine refused, or failed at it and tries again.</exception>
    public async Task RunAsync(string table, string rows, CancellationToken cancellation)
    {
        // Each replica reads for itself what a condition reads of other tables: those of a shard hold the same.
        string settings = cluster is null ? "mutations_sync = 0" : "mutations_sync = 0, allow_nondeterministic_mutations = 1";
        await store.ExecuteOnAsync(table, $"ALTER TABLE {database}.{table} {cluster?.OnCluster} DELETE {rows} SETTINGS {settings}", cancellation: cancellation);
        long since = Stopwatch.GetTimestamp();
        for (TimeSpan wait = FirstLook; await IsRunningAsync(table, cancellation) && Stopwatch.GetElapsedTime(since) < Patience; wait = wait * 2 < LongestBetweenLooks ? wait * 2 : LongestBetweenLooks)
        {
            await Task.Delay(wait, cancellation);
        }
    }
}
