using SloEngine.Storage.Retention;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Tests;

/// <summary>Which descriptions of series go, on a database of its own.</summary>
[Collection(EngineCollection.Name)]
public sealed class UnusedSeriesTests(EngineFixture engine) : IAsyncLifetime
{
    private const string Database = "unused_series";

    private static readonly DateTimeOffset Now = new(2026, 5, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly RetentionOptions Options = new() { Metrics = TimeSpan.FromDays(30), RollUps = TimeSpan.FromDays(60) };

    private readonly UnusedSeries _unused = new(engine.Store, Options, Database);

    public Task InitializeAsync() => SchemaMigration.ApplyAsync(engine.Store, Database, engine.Path, Migration.All, default);

    public async Task DisposeAsync() => await engine.Store.ExecuteAsync($"DROP DATABASE {Database} SYNC");

    [Fact]
    public async Task A_description_goes_when_it_is_older_than_any_row_is_kept_and_no_table_has_rows_of_its_series()
    {
        string[] tables = ["samples", "samples_5m", "histograms", "exponential_histograms", "float_histograms", "exemplars"];
        for (int table = 0; table < tables.Length; table++)
        {
            await DescribeAsync(table, age: 63);
            await engine.Store.ExecuteAsync($"INSERT INTO {Database}.{tables[table]} (id, {(tables[table] == "samples_5m" ? "slot" : "ts")}) VALUES ({table}, '2026-05-19 12:00:00')");
        }
        await DescribeAsync(100, age: 63);
        await DescribeAsync(101, age: 61);
        // One that came back: its old row goes, if the engine has not merged it into the new one.
        await DescribeAsync(102, age: 63);
        await DescribeAsync(102, age: 0);

        Assert.InRange(await _unused.ApplyAsync(Now, default), 1, 2);

        Assert.Equal((int[])[0, 1, 2, 3, 4, 5, 101, 102], await IdsAsync());
        Assert.Equal(0, await new UnusedSeries(engine.Store, Options, Database).ApplyAsync(Now, default));
    }

    [Fact]
    public async Task It_is_done_once_a_day_and_by_a_new_process_too_and_finds_what_lost_its_rows_since()
    {
        await DescribeAsync(1, age: 63);
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.samples (id, ts) VALUES (1, '2026-04-20 12:00:00')");
        Assert.Equal(0, await _unused.ApplyAsync(Now, default));
        await engine.Store.ExecuteAsync($"ALTER TABLE {Database}.samples DROP PARTITION ID '20260420'");

        Assert.Equal(0, await _unused.ApplyAsync(Now.AddHours(23), default));
        Assert.Equal(1, await _unused.ApplyAsync(Now.AddDays(1), default));
        Assert.Empty(await IdsAsync());

        await DescribeAsync(2, age: 63);
        Assert.Equal(1, await new UnusedSeries(engine.Store, Options, Database).ApplyAsync(Now, default));
    }

    [Fact]
    public async Task Retention_tells_how_many_went()
    {
        await DescribeAsync(1, age: 63);
        using var retention = new StoreRetention(engine.Store, Options, new At(Now), Database);

        DroppedPartition went = Assert.Single(await retention.ApplyAsync());

        Assert.Equal(("series", 1L, DropReason.Unused), (went.Table, went.Rows, went.Reason));
    }

    private ValueTask DescribeAsync(int id, int age)
    {
        string seen = $"toDateTime('{Now.AddDays(-age):yyyy-MM-dd HH:mm:ss}', 'UTC')";
        return engine.Store.ExecuteAsync($"INSERT INTO {Database}.series (tenant, metric, id, first_seen, last_seen) SELECT 'a', 'm', {id}, {seen}, {seen}");
    }

    private async Task<int[]> IdsAsync()
    {
        Results.QueryResult found = await engine.Store.QueryAsync(new StoreQuery($"SELECT DISTINCT toInt64(id) AS one FROM {Database}.series ORDER BY one"));
        return [.. found.Blocks.SelectMany(block => block.Values<long>(0).ToArray()).Select(id => (int)id)];
    }

    private sealed class At(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
