using System.Globalization;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Schema;

/// <summary>Brings the tables to the version of this program, and refuses data that a newer program wrote.</summary>
internal static class SchemaMigration
{
    /// <summary>Applies what the data has not seen yet, in order, and records each step once it is done.</summary>
    /// <param name="store">The store.</param>
    /// <param name="database">Database of the tables.</param>
    /// <param name="path">Directory of the data, for messages.</param>
    /// <param name="migrations">Every migration, in order.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StoreException">A migration failed, or the data is newer.</exception>
    public static async Task ApplyAsync(
        IColumnStore store, string database, string path, IReadOnlyList<Migration> migrations, CancellationToken cancellation)
    {
        uint stored = await VersionAsync(store, database, cancellation);
        uint known = migrations[^1].Version;
        if (stored > known)
        {
            throw new StoreException(
                0, string.Create(CultureInfo.InvariantCulture, $"the data in {path} has schema version {stored}, this program knows up to {known}: run the newer program"));
        }
        foreach (Migration migration in migrations.Where(migration => migration.Version > stored))
        {
            try
            {
                await ApplyAsync(store, database, migration, cancellation);
            }
            catch (StoreException failure)
            {
                throw new StoreException(
                    failure.Code,
                    string.Create(CultureInfo.InvariantCulture, $"migration {migration.Version} ({migration.Name}) of the data in {path} failed: {failure.Message}"));
            }
        }
    }

    private static async Task<uint> VersionAsync(IColumnStore store, string database, CancellationToken cancellation)
    {
        await store.ExecuteAsync($"CREATE DATABASE IF NOT EXISTS {database}", cancellation);
        await store.ExecuteAsync(
            $"CREATE TABLE IF NOT EXISTS {database}.schema_version (version UInt32, applied DateTime) ENGINE = MergeTree ORDER BY version", cancellation);
        QueryResult found = await store.QueryAsync(new StoreQuery($"SELECT max(version) FROM {database}.schema_version"), cancellation);
        return found.Rows == 0 ? 0 : found.Blocks[0].Values<uint>(0)[0];
    }

    private static async Task ApplyAsync(IColumnStore store, string database, Migration migration, CancellationToken cancellation)
    {
        foreach (string statement in migration.Statements(database))
        {
            await store.ExecuteAsync(statement, cancellation);
        }
        await store.ExecuteAsync(
            string.Create(CultureInfo.InvariantCulture, $"INSERT INTO {database}.schema_version VALUES ({migration.Version}, now())"), cancellation);
    }
}
