using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Tests;

/// <summary>Data of an older program is brought up to date, once and in order. Each test has a database of its own.</summary>
[Collection(EngineCollection.Name)]
public sealed class MigrationTests(EngineFixture engine)
{
    [Fact]
    public async Task Data_of_version_1_is_there_after_all_later_migrations()
    {
        await ApplyAsync("migration_old", [Migration.All[0]]);
        await engine.Store.ExecuteAsync("INSERT INTO migration_old.samples (id, ts, value) SELECT number, now64(3), number / 2 FROM numbers(1000)");
        double[] values = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0, double.MaxValue, double.Epsilon, 9e15, -1e300, 1.0 / 3, 0.1 + 0.2, -4.125, 1e12 + 0.001];
        await engine.Store.ExecuteAsync(
            $"INSERT INTO migration_old.samples (id, ts, value) SELECT 7777, fromUnixTimestamp64Milli(number), arrayElement([{string.Join(", ", values.Select(Value))}], number + 1) FROM numbers({values.Length})");
        await engine.Store.ExecuteAsync("INSERT INTO migration_old.alerts (fingerprint, state, version) VALUES ('f', 'firing', 3)");
        await engine.Store.ExecuteAsync("INSERT INTO migration_old.sli_buckets (slo, minute, good, total) VALUES ('checkout', now(), 9, 10)");

        await engine.Store.ExecuteAsync(
            "INSERT INTO migration_old.spans (tenant, ts, name, events.ts, events.name, events.attributes, events.attribute_types, links.trace_id, links.span_id, links.trace_state, "
            + "links.attributes, links.attribute_types) VALUES ('t', now64(9), 'n', [now64(9), now64(9)], ['a', 'b'], [map(), map('k', 'v')], ['', 's'], ['0123456789abcdef'], ['01234567'], ['x=y'], [map()], [''])");
        await engine.Store.ExecuteAsync("INSERT INTO migration_old.resources (tenant, id) VALUES ('t', 1)");

        await ApplyAsync("migration_old", Migration.All);

        await AreKeptAsync(values);
        // What broke off before it was recorded begins anew, with samples that are decimals already.
        foreach (string statement in Migration.All.Single(static one => one.Name == "samples-as-decimals").Statements("migration_old", Migration.CodecBySize))
        {
            await engine.Store.ExecuteAsync(statement);
        }
        await AreKeptAsync(values);
        Assert.Equal(1, await NumberAsync("SELECT toFloat64(count()) FROM migration_old.alerts WHERE fingerprint = 'f' AND state = 'firing' AND version = 3"));
        Assert.Equal(9, await NumberAsync("SELECT sum(good) FROM migration_old.sli_buckets"));
        Assert.Equal(1, await NumberAsync(
            "SELECT toFloat64(count()) FROM migration_old.spans WHERE events.name = ['a', 'b'] AND events.dropped_attributes_count = [0, 0] AND links.trace_state = ['x=y'] "
            + "AND links.flags = [0] AND links.dropped_attributes_count = [0] AND dropped_attributes_count + dropped_events_count + dropped_links_count = 0"));
        Assert.Equal(1, await NumberAsync("SELECT toFloat64(count()) FROM migration_old.resources WHERE dropped_attributes_count = 0 AND scope_dropped_attributes_count = 0"));
        Assert.Equal(0, await NumberAsync("SELECT toFloat64(count()) FROM migration_old.exemplars"));
    }

    [Fact]
    public async Task Each_migration_is_applied_once_and_recorded()
    {
        await ApplyAsync("migration_once", Migration.All);
        await ApplyAsync("migration_once", Migration.All);

        QueryResult recorded = await engine.Store.QueryAsync(new StoreQuery("SELECT version FROM migration_once.schema_version ORDER BY version"));

        Assert.Equal(Migration.All.Select(migration => migration.Version), recorded.Blocks.SelectMany(block => block.Values<uint>(0).ToArray()));
        Assert.Equal(Enumerable.Range(1, Migration.All.Count).Select(number => (uint)number), Migration.All.Select(migration => migration.Version));
    }

    /// <summary>Also in what an older program has written and this one merges.</summary>
    [Theory]
    [InlineData("logs", "body")]
    [InlineData("spans", "status_message")]
    public async Task Events_are_packed_quickly_in_small_parts_and_well_in_large_ones(string table, string text)
    {
        string database = "migration_codec_" + table;
        string insert = $"INSERT INTO {database}.{table} (tenant, ts, {text}) SELECT 't', fromUnixTimestamp64Milli(1795000000000 + number), 'a text' FROM numbers(1000)";
        await ApplyAsync(database, [.. Migration.All.TakeWhile(static one => one.Name != "fresh-events-pack-quickly")]);
        await engine.Store.ExecuteAsync(insert);

        await ApplyAsync(database, Migration.All);
        await engine.Store.ExecuteAsync(insert);
        Assert.Equal(0, await NumberAsync($"SELECT toFloat64(countIf(compression_codec LIKE '%ZSTD%')) FROM system.columns WHERE database = '{database}' AND table = '{table}'"));
        Assert.Equal(2, await PartsAsync("LZ4"));

        await engine.Store.ExecuteAsync($"OPTIMIZE TABLE {database}.{table} FINAL");
        Assert.Equal(1, await PartsAsync("LZ4"));

        await engine.Store.ExecuteAsync(insert.Replace("'a text'", "randomString(150000)", StringComparison.Ordinal));
        await engine.Store.ExecuteAsync($"OPTIMIZE TABLE {database}.{table} FINAL");
        Assert.Equal(0, await PartsAsync("LZ4"));
        Assert.Equal(1, await PartsAsync("ZSTD(1)"));
        Assert.Equal(3000, await NumberAsync($"SELECT toFloat64(count()) FROM {database}.{table}"));

        Task<double> PartsAsync(string codec) => NumberAsync(
            $"SELECT toFloat64(count()) FROM system.parts WHERE active AND database = '{database}' AND table = '{table}' AND default_compression_codec = '{codec}'");
    }

    [Fact]
    public async Task A_failed_migration_stops_with_its_number_and_the_engines_message_and_is_tried_again()
    {
        Migration first = new(1, "first", "CREATE TABLE IF NOT EXISTS {database}.t (a UInt8) ENGINE = MergeTree ORDER BY a;\n");
        Migration broken = new(2, "broken", "ALTER TABLE {database}.t ADD COLUMN IF NOT EXISTS b UInt8;\n\nALTER TABLE {database}.no_such_table ADD COLUMN c UInt8;\n");
        Migration third = new(3, "third", "CREATE TABLE {database}.never (a UInt8) ENGINE = Memory;\n");

        StoreException failure = await Assert.ThrowsAsync<StoreException>(() => ApplyAsync("migration_broken", [first, broken, third]));

        Assert.StartsWith($"migration 2 (broken) of the data in {engine.Path} failed: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no_such_table", failure.Message, StringComparison.Ordinal);
        Assert.Equal(60, failure.Code);
        Assert.Equal(1, await NumberAsync("SELECT toFloat64(max(version)) FROM migration_broken.schema_version"));

        Migration repaired = broken with { Sql = "ALTER TABLE {database}.t ADD COLUMN IF NOT EXISTS b UInt8;\n" };
        await ApplyAsync("migration_broken", [first, repaired, third]);

        Assert.Equal(3, await NumberAsync("SELECT toFloat64(max(version)) FROM migration_broken.schema_version"));
    }

    private async Task AreKeptAsync(double[] values)
    {
        Assert.Equal(1000, await NumberAsync("SELECT toFloat64(count()) FROM migration_old.samples WHERE id != 7777"));
        Assert.Equal(249750, await NumberAsync("SELECT sum(value) FROM migration_old.samples WHERE id != 7777"));
        QueryResult kept = await engine.Store.QueryAsync(new StoreQuery("SELECT value, scale FROM migration_old.samples WHERE id = 7777 ORDER BY ts"));
        Assert.Equal(values.Select(BitConverter.DoubleToInt64Bits), kept.Blocks[0].Values<double>(0).ToArray().Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal([255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 3, 3], kept.Blocks[0].Values<byte>(1).ToArray());
    }

    private static string Value(double value) => $"reinterpretAsFloat64(toInt64({BitConverter.DoubleToInt64Bits(value)}))";

    private Task ApplyAsync(string database, IReadOnlyList<Migration> migrations) =>
        SchemaMigration.ApplyAsync(engine.Store, database, engine.Path, migrations, default);

    private async Task<double> NumberAsync(string sql) =>
        (await engine.Store.QueryAsync(new StoreQuery(sql))).Blocks[0].Values<double>(0)[0];
}
