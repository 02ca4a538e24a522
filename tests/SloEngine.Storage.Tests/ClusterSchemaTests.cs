using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Tests;

/// <summary>The tables of a cluster: every statement is one that the engine understands, and says what that of a single server says.</summary>
[Collection(EngineCollection.Name)]
public sealed class ClusterSchemaTests(EngineFixture engine)
{
    private static readonly StoreCluster Cluster = new("blue'green");

    private static readonly string[] All = [.. ClusterSchema.Everything(Cluster, "sloengine", Migration.All)];

    [Fact]
    public async Task Every_statement_parses_and_keeps_its_meaning_when_printed_and_parsed_again()
    {
        foreach (string statement in All)
        {
            string once = await FormatAsync(statement);
            Assert.Equal(once, await FormatAsync(once));
            if (!statement.StartsWith("INSERT", StringComparison.Ordinal))
            {
                Assert.Matches("ON CLUSTER .blue", once);
            }
        }
    }

    [Fact]
    public async Task Replicated_tables_have_the_columns_order_and_partitions_of_the_single_servers_after_all_migrations()
    {
        // The same tables on a single server: what differs is the engine, which needs a keeper, and where the statement runs.
        await ApplyAsync("cluster_single", Migration.All.SelectMany(migration => migration.Statements("cluster_single", Migration.CodecOfServers)));
        var schema = new ClusterSchema(Cluster, "cluster_form");
        await ApplyAsync("cluster_form", Migration.All.SelectMany(migration => migration.Statements("cluster_form", Migration.CodecOfServers)).SelectMany(schema.Of)
            .Where(static statement => !statement.Contains("ENGINE = Distributed", StringComparison.Ordinal) && !ReadsDistributed(statement)).Select(AsSingle));

        const string Shape = """
            SELECT concat(table, ' ', toString(position), ' ', name, ' ', type, ' ', compression_codec, ' ', default_expression, ' ', toString(is_in_sorting_key)) FROM system.columns
            WHERE database = {database:String} ORDER BY table, position
            """;
        string[] single = await TextsAsync(Shape, "cluster_single");
        Assert.NotEmpty(single);
        Assert.Equal(single, await TextsAsync(Shape, "cluster_form_local"));
        const string Engines = "SELECT concat(name, ' ', engine, ' ', partition_key, ' ', sorting_key) FROM system.tables WHERE database = {database:String} ORDER BY name";
        Assert.Equal(await TextsAsync(Engines, "cluster_single"), await TextsAsync(Engines, "cluster_form_local"));
    }

    [Fact]
    public void Each_table_is_replicated_by_shard_and_has_a_distributed_one_in_front_with_a_shard_for_what_belongs_together()
    {
        Assert.Contains(All, statement => statement.Contains("""
            ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/sloengine_local/sli_buckets', '{replica}', (good, total))
            """, StringComparison.Ordinal));
        Assert.Contains(All, statement => statement.Contains("ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/sloengine_local/alerts', '{replica}', version)", StringComparison.Ordinal));
        Dictionary<string, string> shards = All.Where(statement => statement.Contains("ENGINE = Distributed", StringComparison.Ordinal))
            .Select(statement => statement.Split('\n')).GroupBy(lines => lines[0].Split('.', ' ').SkipWhile(word => word != "sloengine").ElementAt(1))
            .ToDictionary(table => table.Key, table => Assert.Single(table.Select(lines => lines[1]).Distinct()));
        Assert.Equal("ENGINE = Distributed('blue\\'green', 'sloengine_local', 'samples', sipHash64(id))", shards["samples"]);
        Assert.EndsWith("'series', sipHash64(id))", shards["series"], StringComparison.Ordinal);
        Assert.EndsWith("'spans', sipHash64(trace_id))", shards["spans"], StringComparison.Ordinal);
        Assert.EndsWith("'logs', sipHash64(tenant, service, toUnixTimestamp(ts)))", shards["logs"], StringComparison.Ordinal);
        Assert.EndsWith("'sli_buckets', sipHash64(slo, `group`, minute))", shards["sli_buckets"], StringComparison.Ordinal);
        Assert.EndsWith("'schema_version', sipHash64(version))", shards["schema_version"], StringComparison.Ordinal);
        Assert.DoesNotContain(All, statement => statement.Contains("non_replicated_deduplication_window", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_backup_of_a_clusters_tables_is_refused_with_what_makes_one()
    {
        StoreException refused = await Assert.ThrowsAsync<StoreException>(() => new Backup.StoreBackups(engine.Store, "backups", (_, _) => Task.CompletedTask, Cluster).StartAsync("a", null));

        Assert.Contains("BACKUP DATABASE sloengine_local ON CLUSTER", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_column_is_changed_on_the_shards_and_then_in_front_and_a_setting_on_the_shards_alone()
    {
        var schema = new ClusterSchema(new StoreCluster("c"), "d");
        _ = schema.Of("CREATE TABLE IF NOT EXISTS d.t (a UInt8) ENGINE = MergeTree ORDER BY a").ToArray();
        _ = schema.Of("CREATE TABLE IF NOT EXISTS d.u (a UInt8, c String) ENGINE = MergeTree ORDER BY a").ToArray();

        string[] column = [.. schema.Of("ALTER TABLE d.t\n    ADD COLUMN IF NOT EXISTS b String DEFAULT '--',   -- a text\n    MODIFY ORDER BY (a, b)")];
        string[] setting = [.. schema.Of("ALTER TABLE d.t MODIFY SETTING non_replicated_deduplication_window = 7")];
        string[] view = [.. schema.Of("CREATE MATERIALIZED VIEW IF NOT EXISTS d.v TO d.t AS SELECT a FROM d.s")];

        Assert.Equal(
            ["ALTER TABLE d_local.t ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS b String DEFAULT '--',\n    MODIFY ORDER BY (a, b)",
             "CREATE OR REPLACE TABLE d.t ON CLUSTER 'c' AS d_local.t\nENGINE = Distributed('c', 'd_local', 't', sipHash64(a))"],
            column);
        Assert.Equal(
            ["ALTER TABLE d_local.t ON CLUSTER 'c' MODIFY SETTING replicated_deduplication_window = 7, replicated_deduplication_window_seconds = 604800"], setting);
        Assert.Equal(["CREATE MATERIALIZED VIEW IF NOT EXISTS d_local.v ON CLUSTER 'c' TO d_local.t AS SELECT a FROM d_local.s"], view);
        Assert.Equal(
            ["EXCHANGE TABLES d_local.t AND d_local.u ON CLUSTER 'c'",
             "CREATE OR REPLACE TABLE d.t ON CLUSTER 'c' AS d_local.t\nENGINE = Distributed('c', 'd_local', 't', sipHash64(a))",
             "CREATE OR REPLACE TABLE d.u ON CLUSTER 'c' AS d_local.u\nENGINE = Distributed('c', 'd_local', 'u', sipHash64(a))"],
            schema.Of("EXCHANGE TABLES d.t AND d.u"));
        Assert.Equal(["DROP TABLE IF EXISTS d.t ON CLUSTER 'c' SYNC", "DROP TABLE IF EXISTS d_local.t ON CLUSTER 'c' SYNC"], schema.Of("DROP TABLE IF EXISTS d.t"));
        Assert.Throws<NotSupportedException>(() => schema.Of("RENAME TABLE d.t TO d.u").ToArray());
    }

    /// <summary>Rows are copied through the distributed tables, which this server does not have.</summary>
    private static bool ReadsDistributed(string statement) => statement.StartsWith("INSERT INTO", StringComparison.Ordinal) && statement.Contains("FROM cluster_form.", StringComparison.Ordinal);

    /// <summary>A statement of a cluster as one server without a keeper takes it.</summary>
    private static string AsSingle(string statement) => System.Text.RegularExpressions.Regex.Replace(statement, "Replicated(\\w*MergeTree)\\('[^']*', '[^']*'(?:, )?", "$1(")
        .Replace("ON CLUSTER 'blue\\'green'", "", StringComparison.Ordinal).Replace("replicated_deduplication_window =", "non_replicated_deduplication_window =", StringComparison.Ordinal);

    private async Task ApplyAsync(string database, IEnumerable<string> statements)
    {
        await engine.Store.ExecuteAsync($"CREATE DATABASE IF NOT EXISTS {database}");
        foreach (string statement in statements)
        {
            await engine.Store.ExecuteAsync(statement);
        }
    }

    private async Task<string> FormatAsync(string statement) => (await engine.Store.QueryAsync(
        new StoreQuery("SELECT formatQuery({statement:String})") { Parameters = new Dictionary<string, string> { ["statement"] = statement } })).Blocks[0].Text(0).String(0);

    private async Task<string[]> TextsAsync(string sql, string database)
    {
        QueryResult result = await engine.Store.QueryAsync(new StoreQuery(sql) { Parameters = new Dictionary<string, string> { ["database"] = database } });
        return [.. result.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows).Select(row => block.Text(0).String(row)))];
    }
}
