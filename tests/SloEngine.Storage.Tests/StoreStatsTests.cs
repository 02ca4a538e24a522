using SloEngine.Storage.Stats;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Tests;

[Collection(EngineCollection.Name)]
public sealed class StoreStatsTests(EngineFixture engine)
{
    [Fact]
    public async Task Tables_tell_rows_bytes_parts_and_their_span_of_time()
    {
        await engine.Store.ExecuteAsync("TRUNCATE TABLE sloengine.logs");
        await engine.Store.ExecuteAsync(
            "INSERT INTO sloengine.logs (tenant, ts, body) SELECT 'default', toDateTime64('2026-03-01 10:00:00', 9, 'UTC') + toIntervalHour(number), 'text' FROM numbers(48)");

        StoreStats stats = await StoreStatsReader.ReadAsync(engine.Store);

        TableStats logs = stats.Tables.Single(table => table.Table == "logs");
        Assert.Equal((StoreSignal.Logs, 48, 3), (logs.Signal, logs.Rows, logs.Parts));
        Assert.Equal(new DateTimeOffset(2026, 3, 1, 10, 0, 0, TimeSpan.Zero), logs.Oldest);
        Assert.Equal(new DateTimeOffset(2026, 3, 3, 9, 0, 0, TimeSpan.Zero), logs.Newest);
        Assert.InRange(logs.Bytes, 1, 1 << 20);
        Assert.InRange(logs.UncompressedBytes, 48 * 4, 1 << 20);
        Assert.Equal(logs.Bytes / 48d, logs.BytesPerRow);
        Assert.InRange(stats.Disk.FreeBytes, 1, stats.Disk.TotalBytes);
        Assert.Equal(stats.Tables.Sum(table => table.Bytes), stats.Bytes);
    }

    [Fact]
    public async Task Tables_without_rows_are_there_without_times()
    {
        await engine.Store.ExecuteAsync("TRUNCATE TABLE sloengine.notifications");
        await engine.Store.ExecuteAsync("TRUNCATE TABLE sloengine.sli_buckets");

        StoreStats stats = await StoreStatsReader.ReadAsync(engine.Store);

        foreach (string table in new[] { "notifications", "sli_buckets" })
        {
            TableStats empty = stats.Tables.Single(found => found.Table == table);
            Assert.Equal((0L, 0L, 0, null, null, null), (empty.Rows, empty.Bytes, empty.Parts, empty.Oldest, empty.Newest, empty.BytesPerRow));
        }
    }

    [Fact]
    public async Task Tables_that_are_not_partitioned_tell_their_times_too()
    {
        await engine.Store.ExecuteAsync("TRUNCATE TABLE sloengine.series");
        await engine.Store.ExecuteAsync(
            "INSERT INTO sloengine.series (tenant, metric, id, first_seen, last_seen) VALUES ('default', 'stats', 815, '2020-01-01 00:00:00', '2099-01-01 00:00:00')");

        StoreStats stats = await StoreStatsReader.ReadAsync(engine.Store);

        TableStats series = stats.Tables.Single(table => table.Table == "series");
        Assert.Equal(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), series.Oldest);
        Assert.Equal(new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero), series.Newest);
    }
}
