using SloEngine.Storage.Chdb;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Tests;

/// <summary>What an operator reads when the data directory cannot be used.</summary>
[Collection(EngineCollection.Name)]
public sealed class OpeningTests(EngineFixture engine)
{
    [Fact]
    public async Task A_directory_in_use_is_named_as_such()
    {
        StoreException failure = await FailureAsync(engine.Path);

        Assert.Contains($"the data directory {engine.Path} is in use by another process", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_path_below_a_file_is_named_with_the_reason()
    {
        string below = Path.Combine(engine.Path, "sloengine.lock", "data");

        StoreException failure = await FailureAsync(below);

        Assert.Contains($"the data directory {below} cannot be made", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_of_a_newer_program_is_refused_with_both_versions()
    {
        await engine.Store.ExecuteAsync("INSERT INTO sloengine.schema_version VALUES (4711, now())");
        try
        {
            StoreException failure = await Assert.ThrowsAsync<StoreException>(() =>
                SchemaMigration.ApplyAsync(engine.Store, EmbeddedColumnStore.Database, engine.Path, Migration.All, default));

            Assert.Contains($"the data in {engine.Path} has schema version 4711", failure.Message, StringComparison.Ordinal);
        }
        finally
        {
            await engine.Store.ExecuteAsync("DELETE FROM sloengine.schema_version WHERE version = 4711");
        }
    }

    [Fact]
    public async Task The_engine_keeps_no_logs_of_its_own_and_its_caches_are_bounded()
    {
        QueryResult logs = await engine.Store.QueryAsync(new StoreQuery("SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'"));
        QueryResult caches = await engine.Store.QueryAsync(new StoreQuery(
            """
            SELECT sum(toUInt64(value)) FROM system.server_settings
            WHERE name IN ('mark_cache_size', 'index_mark_cache_size', 'primary_index_cache_size', 'query_condition_cache_size', 'uncompressed_cache_size')
            """));

        Assert.Equal(0, logs.Rows);
        Assert.Equal(608UL << 20, caches.Blocks[0].Values<ulong>(0)[0]);
    }

    [Theory]
    [InlineData("opt.percpu_arena: \"disabled\"")]
    [InlineData("opt.oversize_threshold: 0")]
    [InlineData("opt.dirty_decay_ms: 120000")]
    public async Task Memory_that_an_insert_frees_is_kept_for_the_next_one(string setting)
    {
        QueryResult statistics = await engine.Store.QueryAsync(new StoreQuery("SELECT stats FROM system.jemalloc_stats"));

        Assert.Contains($"{setting} ", statistics.Blocks[0].Text(0).String(0).ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    private static Task<StoreException> FailureAsync(string path) =>
        Assert.ThrowsAsync<StoreException>(() => EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = path }));
}
