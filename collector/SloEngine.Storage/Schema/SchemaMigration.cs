using System.Globalization;

namespace SloEngine.Storage.Schema;

/// <summary>Creates the tables and refuses data that a newer program wrote.</summary>
internal static class SchemaMigration
{
    /// <summary>Version of schema.sql.</summary>
    private const int Version = 1;

    public static async Task ApplyAsync(IColumnStore store, string database, string path, CancellationToken cancellation)
    {
        await store.ExecuteAsync($"CREATE DATABASE IF NOT EXISTS {database}", cancellation);
        await store.ExecuteAsync(
            $"CREATE TABLE IF NOT EXISTS {database}.schema_version (version UInt32, applied DateTime) ENGINE = MergeTree ORDER BY version", cancellation);
        Results.QueryResult found = await store.QueryAsync(new StoreQuery($"SELECT max(version) FROM {database}.schema_version"), cancellation);
        uint stored = found.Rows == 0 ? 0 : found.Blocks[0].Values<uint>(0)[0];
        if (stored > Version)
        {
            throw new StoreException(
                0, string.Create(CultureInfo.InvariantCulture, $"the data in {path} has schema version {stored}, this program knows up to {Version}: run the newer program"));
        }
        foreach (string statement in Statements(database))
        {
            await store.ExecuteAsync(statement, cancellation);
        }
        if (stored < Version)
        {
            await store.ExecuteAsync(
                string.Create(CultureInfo.InvariantCulture, $"INSERT INTO {database}.schema_version VALUES ({Version}, now())"), cancellation);
        }
    }

    private static IEnumerable<string> Statements(string database)
    {
        using Stream stream = typeof(SchemaMigration).Assembly.GetManifestResourceStream("schema.sql")
            ?? throw new InvalidOperationException("schema.sql is not in the assembly");
        using var reader = new StreamReader(stream);
        string text = reader.ReadToEnd().Replace("{database}", database);
        return text.Split(";\n").Select(statement => statement.Trim()).Where(statement => statement.Contains("CREATE", StringComparison.Ordinal));
    }
}
