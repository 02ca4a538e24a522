using System.Globalization;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Schema;

/// <summary>Brings the tables to the version of this program, and refuses data that a newer program wrote.</summary>
internal static class SchemaMigration
{
    /// <summary>Applies to an engine of ours what its data has not seen yet.</summary>
    /// <exception cref="StoreException">A migration failed, or the data is newer.</exception>
    public static Task ApplyAsync(IColumnStore store, string database, string path, IReadOnlyList<Migration> migrations, CancellationToken cancellation) =>
        ApplyAsync(store, database, path, migrations, Migration.CodecBySize, cluster: null, cancellation);

    /// <summary>Applies what the data has not seen yet, in order, and records each step once it is done.</summary>
    /// <param name="store">The store.</param>
    /// <param name="database">Database of the tables.</param>
    /// <param name="path">Directory of the data, for messages.</param>
    /// <param name="migrations">Every migration, in order.</param>
    /// <param name="codec">What packs columns that are merged soon.</param>
    /// <param name="cluster">The cluster that holds the tables; null for a single server.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StoreException">A migration failed, or the data is newer.</exception>
    public static async Task ApplyAsync(
        IColumnStore store, string database, string path, IReadOnlyList<Migration> migrations, string codec, StoreCluster? cluster, CancellationToken cancellation)
    {
        ClusterSchema? schema = cluster is null ? null : new ClusterSchema(cluster, database);
        IEnumerable<string> Form(string statement) => schema?.Of(statement) ?? [statement];

        foreach (string statement in VersionTable(database).SelectMany(Form))
        {
            await store.ExecuteAsync(statement, cancellation);
        }
        uint stored = await VersionAsync(store, database, cancellation);
        uint known = migrations[^1].Version;
        if (stored > known)
        {
            throw new StoreException(
                0, string.Create(CultureInfo.InvariantCulture, $"the data in {path} has schema version {stored}, this program knows up to {known}: run the newer program"));
        }
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

    private static async Task<uint> VersionAsync(IColumnStore store, string database, CancellationToken cancellation)
    {
        QueryResult found = await store.QueryAsync(new StoreQuery($"SELECT max(version) FROM {database}.schema_version"), cancellation);
        return found.Rows == 0 ? 0 : found.Blocks[0].Values<uint>(0)[0];
    }
}
