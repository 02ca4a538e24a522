using System.Diagnostics;
using System.Globalization;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Schema;

/// <summary>
/// The right to bring the tables of a shared store up to date, which one node has at a time: a table <c>migrating_N</c>, which only one can create. Its rows
/// are signs of life. Where none came for the length of a lease, its holder died, and another node creates the table of the next number.
/// </summary>
internal sealed class MigrationLock : IAsyncDisposable
{
    private const string Prefix = "migrating_";
    private const int TableAlreadyExists = 57;

    /// <summary>Signs of life within a lease.</summary>
    private const int Beats = 6;

    private static readonly TimeSpan ReleaseTimeout = TimeSpan.FromSeconds(30);

    private readonly IColumnStore _store;
    private readonly string _database;
    private readonly StoreCluster? _cluster;
    private readonly int _number;
    private readonly string _holder;
    private readonly CancellationTokenSource _released = new();
    private readonly Task _beating;

    private MigrationLock(IColumnStore store, string database, StoreCluster? cluster, int number, string holder, TimeSpan lease)
    {
        (_store, _database, _cluster, _number, _holder) = (store, database, cluster, number, holder);
        _beating = BeatAsync(lease / Beats, _released.Token);
    }

    /// <summary>Waits until no other node has the lock, and takes it. The database is to be there.</summary>
    /// <param name="store">The store.</param>
    /// <param name="database">Database of the tables.</param>
    /// <param name="cluster">The cluster that holds the tables; null for a single server.</param>
    /// <param name="lease">Time without a sign of life after which a holder is taken for dead.</param>
    /// <param name="notice">Told whom it waits for.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StoreException">The store refused.</exception>
    public static async Task<MigrationLock> TakeAsync(
        IColumnStore store, string database, StoreCluster? cluster, TimeSpan lease, Action<string>? notice, CancellationToken cancellation)
    {
        // Numbers come again once nobody holds the lock: who held one before knows by this that it is another's.
        string holder = string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName} (process {Environment.ProcessId}) {Guid.NewGuid():N}");
        Claim? seen = null;
        long seenAt = 0;
        while (true)
        {
            Claim? latest = await LatestAsync(store, database, cluster, cancellation);
            if (latest is null || (latest == seen && Stopwatch.GetElapsedTime(seenAt) >= lease))
            {
                int number = (latest?.Number ?? 0) + 1;
                if (await TryCreateAsync(store, database, cluster, number, holder, cancellation))
                {
                    return new MigrationLock(store, database, cluster, number, holder, lease);
                }
                continue;
            }
            if (latest.Holder != seen?.Holder)
            {
                notice?.Invoke(string.Create(
                    CultureInfo.InvariantCulture,
                    $"waiting for {latest.Holder}, which brings the store's tables up to date (table {database}.{Prefix}{latest.Number}; without a sign of life for {lease.TotalSeconds:0} s this node does it)"));
            }
            if (latest != seen)
            {
                (seen, seenAt) = (latest, Stopwatch.GetTimestamp());
            }
            await Task.Delay(lease / Beats, cancellation);
        }
    }

    /// <summary>Ends in an error if another node took this one for dead: it may be at work on the same tables.</summary>
    /// <exception cref="StoreException">Another node has the lock.</exception>
    public async Task EnsureHeldAsync(CancellationToken cancellation)
    {
        Claim? latest = await LatestAsync(_store, _database, _cluster, cancellation);
        if (!IsOurs(latest))
        {
            throw new StoreException(0, $"{latest?.Holder ?? "another node"} brings the store's tables up to date: this node gave no sign of life for too long. Start it again");
        }
    }

    /// <summary>Gives the lock back; where the store is away it ends with its lease.</summary>
    public async ValueTask DisposeAsync()
    {
        await _released.CancelAsync();
        await _beating;
        _released.Dispose();
        using var limit = new CancellationTokenSource(ReleaseTimeout);
        try
        {
            bool isOurs = IsOurs(await LatestAsync(_store, _database, _cluster, limit.Token));
            for (int number = 1; isOurs && number <= _number; number++)
            {
                await _store.ExecuteAsync($"DROP TABLE IF EXISTS {Table(_database, number)} {_cluster?.OnCluster}", limit.Token);
            }
        }
        catch (Exception away) when (away is StoreException or OperationCanceledException)
        {
            // Nobody adds signs of life any more.
        }
    }

    private bool IsOurs(Claim? latest) => latest?.Number == _number && latest.Holder == _holder;

    private async Task BeatAsync(TimeSpan interval, CancellationToken released)
    {
        while (!released.IsCancellationRequested)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(released);
            limit.CancelAfter(interval);
            try
            {
                await _store.ExecuteAsync($"INSERT INTO {Table(_database, _number)} VALUES (now())", limit.Token);
            }
            catch (Exception failure) when (failure is StoreException or OperationCanceledException)
            {
                // The statements of the migration say what is wrong with the store.
            }
            await Task.Delay(interval, released).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<bool> TryCreateAsync(IColumnStore store, string database, StoreCluster? cluster, int number, string holder, CancellationToken cancellation)
    {
        try
        {
            await store.ExecuteAsync($"CREATE TABLE {Table(database, number)} {cluster?.OnCluster} (beat DateTime) ENGINE = Memory COMMENT '{SqlText.Quote(holder)}'", cancellation);
            return true;
        }
        catch (StoreException taken) when (taken.Code == TableAlreadyExists)
        {
            return false;
        }
    }

    /// <summary>The claim of the highest number; null if there is none.</summary>
    private static async Task<Claim?> LatestAsync(IColumnStore store, string database, StoreCluster? cluster, CancellationToken cancellation)
    {
        // Signs of life are on that server of a cluster which their node talks to.
        string tables = cluster is null ? "system.tables" : $"clusterAllReplicas('{SqlText.Quote(cluster.Name)}', system.tables)";
        QueryResult found = await store.QueryAsync(
            new StoreQuery($$"""
                SELECT toInt32(substring(name, {{Prefix.Length + 1}})) AS number, any(comment), toUInt64(sum(ifNull(total_rows, 0))) FROM {{tables}}
                WHERE database = {database:String} AND match(name, '^{{Prefix}}[0-9]+$') GROUP BY number ORDER BY number DESC LIMIT 1
                """)
            {
                Parameters = new Dictionary<string, string> { ["database"] = database },
            },
            cancellation);
        return found.Rows == 0
            ? null
            : found.Blocks.Where(static block => block.Rows > 0).Select(static block => new Claim(block.Values<int>(0)[0], block.Text(1).String(0), block.Values<ulong>(2)[0])).First();
    }

    private static string Table(string database, int number) => string.Create(CultureInfo.InvariantCulture, $"{database}.{Prefix}{number}");

    private sealed record Claim(int Number, string Holder, ulong Beats);
}
