using System.Globalization;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Schema;

/// <summary>Brings the tables to the version of this program, and refuses data that a newer program wrote.</summary>
internal static class SchemaMigration
{
    private const int UnknownTable = 60;
    private const int UnknownDatabase = 81;

    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    /// <summary>Applies to an engine of ours, which no other process has open, what its data has not seen yet.</summary>
    /// <exception cref="StoreException">A migration failed, or the data is newer.</exception>
    public static async Task ApplyAsync(IColumnStore store, string database, string path, IReadOnlyList<Migration> migrations, CancellationToken cancellation)
    {
        if (await IsBehindAsync(store, database, path, migrations, cancellation))
        {
            await ApplyAsync(store, database, path, migrations, Migration.CodecBySize, cluster: null, mayGoOn: null, cancellation);
        }
    }

    /// <summary>Applies to a store that nodes share what its data has not seen yet. One node at a time does so, and the others wait for it.</summary>
    /// <param name="store">The store.</param>
    /// <param name="database">Database of the tables.</param>
    /// <param name="path">Address of the store, for messages.</param>
    /// <param name="migrations">Every migration, in order.</param>
    /// <param name="cluster">The cluster that holds the tables; null for a single server.</param>
    /// <param name="notice">Told what it waits for.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="lease">Time without a sign of life after which a node that migrates is taken for dead; a minute if not given.</param>
    /// <exception cref="StoreException">A migration failed, or the data is newer.</exception>
    public static async Task ApplySharedAsync(
        IColumnStore store, string database, string path, IReadOnlyList<Migration> migrations, StoreCluster? cluster, Action<string>? notice, CancellationToken cancellation,
        TimeSpan? lease = null)
    {
        if (!await IsBehindAsync(store, database, path, migrations, cancellation))
        {
            return;
        }
        ClusterSchema? schema = cluster is null ? null : new ClusterSchema(cluster, database);
        foreach (string statement in VersionTable(database).SelectMany(statement => schema?.Of(statement) ?? [statement]))
        {
            await store.ExecuteAsync(statement, cancellation);
        }
        await using MigrationLock taken = await MigrationLock.TakeAsync(store, database, cluster, lease ?? Lease, notice, cancellation);
        if (await IsBehindAsync(store, database, path, migrations, cancellation))
        {
            await ApplyAsync(store, database, path, migrations, Migration.CodecOfServers, cluster, taken.EnsureHeldAsync, cancellation);
        }
    }

    private static async Task ApplyAsync(
        IColumnStore store, string database, string path, IReadOnlyList<Migration> migrations, string codec, StoreCluster? cluster,
        Func<CancellationToken, Task>? mayGoOn, CancellationToken cancellation)
    {
        ClusterSchema? schema = cluster is null ? null : new ClusterSchema(cluster, database);
        IEnumerable<string> Form(string statement) => schema?.Of(statement) ?? [statement];

        foreach (string statement in VersionTable(database).SelectMany(Form))
        {
            await store.ExecuteAsync(statement, cancellation);
        }
        uint stored = await VersionAsync(store, database, cancellation);
        foreach (Migration migration in migrations)
        {
            // The forms of a cluster's later statements follow from the earlier ones.
            string[] statements = [.. migration.Statements(database, codec).Append(Record(database, migration)).SelectMany(Form)];
            if (migration.Version <= stored)
            {
                continue;
            }
            try
            {
                foreach (string statement in statements)
                {
                    await (mayGoOn?.Invoke(cancellation) ?? Task.CompletedTask);
                    await store.ExecuteAsync(statement, cancellation);
                }
            }
            catch (StoreException failure)
            {
                throw new StoreException(
                    failure.Code,
                    string.Create(CultureInfo.InvariantCulture, $"migration {migration.Version} ({migration.Name}) of the data in {path} failed: {failure.Message}"));
            }
        }
    }

    /// <summary>Makes the table that says which migrations the data has seen.</summary>
    internal static IEnumerable<string> VersionTable(string database) =>
    [
        $"CREATE DATABASE IF NOT EXISTS {database}",
        $"CREATE TABLE IF NOT EXISTS {database}.schema_version (version UInt32, applied DateTime) ENGINE = MergeTree ORDER BY version",
    ];

    /// <summary>Says that the data has seen a migration.</summary>
    internal static string Record(string database, Migration migration) =>
        string.Create(CultureInfo.InvariantCulture, $"INSERT INTO {database}.schema_version VALUES ({migration.Version}, now())");

    /// <summary>Whether there are migrations that the data has not seen.</summary>
    /// <exception cref="StoreException">The data is newer than this program.</exception>
    private static async Task<bool> IsBehindAsync(IColumnStore store, string database, string path, IReadOnlyList<Migration> migrations, CancellationToken cancellation)
    {
        uint stored = await VersionAsync(store, database, cancellation);
        uint known = migrations[^1].Version;
        return stored <= known
            ? stored < known
            : throw new StoreException(
                0, string.Create(CultureInfo.InvariantCulture, $"the data in {path} has schema version {stored}, this program knows up to {known}: run the newer program"));
    }

    private static async Task<uint> VersionAsync(IColumnStore store, string database, CancellationToken cancellation)
    {
        try
        {
            QueryResult found = await store.QueryAsync(new StoreQuery($"SELECT max(version) FROM {database}.schema_version"), cancellation);
            return found.Rows == 0 ? 0 : found.Blocks[0].Values<uint>(0)[0];
        }
        catch (StoreException failure) when (failure.Code is UnknownTable or UnknownDatabase)
        {
            return 0;
        }
    }
}
