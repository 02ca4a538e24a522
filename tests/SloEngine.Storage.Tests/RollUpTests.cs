using System.Globalization;
using SloEngine.Storage.Results;
using SloEngine.Storage.Retention;
using SloEngine.Storage.RollUps;
using SloEngine.Storage.Schema;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Tests;

/// <summary>What days of samples become, and that they are kept until they have; on a database of its own; it is half past midnight of 2026-05-20.</summary>
[Collection(EngineCollection.Name)]
public sealed class RollUpTests(EngineFixture engine) : IAsyncLifetime, IDisposable
{
    private const string Database = "rollups";
    private const string Day = "2026-05-18";

    private static readonly FixedTime Now = new(new DateTimeOffset(2026, 5, 20, 0, 30, 0, TimeSpan.Zero));

    private readonly StoreRollUps _rollUps = new(engine.Store, Now, Database) { SamplesAtOnce = 2 };

    public async Task InitializeAsync() => await SchemaMigration.ApplyAsync(engine.Store, Database, engine.Path, Migration.All, default);

    public async Task DisposeAsync() => await engine.Store.ExecuteAsync($"DROP DATABASE {Database} SYNC");

    public void Dispose() => _rollUps.Dispose();

    [Fact]
    public async Task Five_minutes_are_a_row_that_counts_resets_and_leaves_out_repeats_and_NaN()
    {
        await InsertAsync((1, "00:00:00", "10"), (1, "00:01:00", "12"), (1, "00:02:00", "3"), (1, "00:06:00", "7"), (1, "00:07:00", "nan"), (1, "23:59:59", "8"));
        await InsertAsync((1, "00:06:00", "7"), (UInt128.MaxValue, "00:04:59.999", "-2"), (UInt128.MaxValue, "00:05:00", "4"));

        RolledUpDay day = Assert.Single(await ApplyAsync());

        Assert.Equal(new RolledUpDay(new DateOnly(2026, 5, 18), 9), day);
        Assert.Equal(
            [
                "1 00:00 n=3 sum=25 3..12 last=3@00:02:00.000 +5",
                "1 00:05 n=1 sum=7 7..7 last=7@00:06:00.000 +4",
                "1 23:55 n=1 sum=8 8..8 last=8@23:59:59.000 +1",
                $"{UInt128.MaxValue} 00:00 n=1 sum=-2 -2..-2 last=-2@00:04:59.999 +0",
                $"{UInt128.MaxValue} 00:05 n=1 sum=4 4..4 last=4@00:05:00.000 +6",
            ],
            await RowsAsync());
    }

    /// <summary>Days are rolled up and dropped each night: queries are not to read all others again for it.</summary>
    [Fact]
    public async Task What_was_read_of_other_tables_and_days_still_holds()
    {
        await InsertAsync((1, "00:00:00", "1"), (1, "12:00:00", "2"));
        SlotVersions slots = engine.Store.SampleSlots!;
        long dropped = SlotVersions.Of(new DateTimeOffset(2026, 5, 18, 12, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds());
        long left = SlotVersions.Of(new DateTimeOffset(2026, 5, 19, 12, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds());
        (long Dropped, long Left, long? Series, long? RolledUp) before = (slots[dropped], slots[left], engine.Store.Version("series"), engine.Store.Version("samples_5m"));

        Assert.Single(await ApplyAsync());

        Assert.Equal((before.Dropped, before.Left, before.Series), (slots[dropped], slots[left], engine.Store.Version("series")));
        Assert.NotEqual(before.RolledUp, engine.Store.Version("samples_5m"));

        using var retention = new StoreRetention(engine.Store, new RetentionOptions { Metrics = TimeSpan.FromDays(1), MinFreeBytes = 0 }, Now, Database, rollUps: _rollUps);
        Assert.Contains(await retention.ApplyAsync(), static partition => partition.Table == "samples");

        Assert.NotEqual(before.Dropped, slots[dropped]);
        Assert.Equal(before.Left, slots[left]);
    }

    [Fact]
    public async Task A_day_is_rolled_up_once_again_after_late_samples_and_again_after_a_crash_before_its_record()
    {
        await InsertAsync((1, "00:00:00", "1"), (1, "00:01:00", "2"), (1, "00:06:00", "9"));
        Assert.Single(await ApplyAsync());
        string[] once = await RowsAsync();
        Assert.Empty(await ApplyAsync());

        await engine.Store.ExecuteAsync($"TRUNCATE TABLE {Database}.rollup_days");
        Assert.Single(await ApplyAsync());
        Assert.Equal(once, await RowsAsync());

        await InsertAsync((1, "00:03:00", "5"));
        Assert.Equal(4, Assert.Single(await ApplyAsync()).Samples);
        Assert.Equal(["1 00:00 n=3 sum=8 1..5 last=5@00:03:00.000 +4", "1 00:05 n=1 sum=9 9..9 last=9@00:06:00.000 +4"], await RowsAsync());

        // Merges change parts, and no samples.
        await engine.Store.ExecuteAsync($"OPTIMIZE TABLE {Database}.samples FINAL");
        Assert.Empty(await ApplyAsync());
    }

    [Fact]
    public async Task A_day_that_has_just_ended_and_the_current_one_wait()
    {
        foreach (string day in (string[])["2026-05-19", "2026-05-20"])
        {
            await engine.Store.ExecuteAsync($"INSERT INTO {Database}.samples (id, ts, number) VALUES (1, '{day} 00:00:00', 1)");
        }

        Assert.Empty(await ApplyAsync());
    }

    [Fact]
    public async Task Samples_that_are_old_stay_until_they_are_rolled_up_and_those_that_come_later_replace_nothing()
    {
        await InsertAsync((1, "00:00:00", "1"), (1, "00:01:00", "2"));
        using var retention = new StoreRetention(engine.Store, new RetentionOptions { Metrics = TimeSpan.FromHours(1) }, Now, Database, rollUps: _rollUps);
        await engine.Store.ExecuteAsync($"RENAME TABLE {Database}.samples_5m TO {Database}.away");

        Assert.Empty(await retention.ApplyAsync());
        Assert.NotNull(retention.RollUpFailure);
        Assert.Equal(2UL, await CountAsync("samples"));

        await engine.Store.ExecuteAsync($"RENAME TABLE {Database}.away TO {Database}.samples_5m");
        Assert.Equal("20260518", Assert.Single(await retention.ApplyAsync()).Partition);
        Assert.Null(retention.RollUpFailure);
        Assert.Equal(1UL, await CountAsync("rollup_days FINAL WHERE dropped = 1"));
        string[] rows = await RowsAsync();
        Assert.Equal(["1 00:00 n=2 sum=3 1..2 last=2@00:01:00.000 +1"], rows);

        await InsertAsync((1, "00:02:00", "100"));
        Assert.Empty(await ApplyAsync());
        Assert.Single(await retention.ApplyAsync());
        Assert.Equal(rows, await RowsAsync());
    }

    [Fact]
    public async Task A_full_disk_takes_samples_even_if_they_cannot_be_rolled_up()
    {
        await InsertAsync((1, "00:00:00", "1"));
        using var retention = new StoreRetention(engine.Store, new RetentionOptions { MinFreeBytes = long.MaxValue / 2 }, Now, Database, rollUps: _rollUps);
        await engine.Store.ExecuteAsync($"RENAME TABLE {Database}.samples_5m TO {Database}.away");

        Assert.Equal(DropReason.Size, Assert.Single(await retention.ApplyAsync()).Reason);
        Assert.NotNull(retention.RollUpFailure);
        Assert.Equal(0UL, await CountAsync("rollup_days"));
    }

    [Fact]
    public async Task Roll_ups_go_by_the_month_once_they_are_old()
    {
        await InsertAsync((1, "00:00:00", "1"));
        await ApplyAsync();
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.samples_5m (id, slot) VALUES (1, '2025-01-31 00:00:00')");
        using var retention = new StoreRetention(engine.Store, new RetentionOptions(), Now, Database, rollUps: _rollUps);

        DroppedPartition dropped = Assert.Single(await retention.ApplyAsync());

        Assert.Equal(("samples_5m", "202501"), (dropped.Table, dropped.Partition));
    }

    private async Task<List<RolledUpDay>> ApplyAsync()
    {
        var days = new List<RolledUpDay>();
        await foreach (RolledUpDay day in _rollUps.ApplyAsync())
        {
            days.Add(day);
        }
        return days;
    }

    private async Task InsertAsync(params (UInt128 Id, string Time, string Value)[] samples)
    {
        IEnumerable<string> rows = samples.Select(sample => string.Create(CultureInfo.InvariantCulture, $"(toUInt128('{sample.Id}'), '{Day} {sample.Time}', reinterpretAsInt64(toFloat64({sample.Value})), {SampleValue.Bits})"));
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.samples (id, ts, number, scale) VALUES {string.Join(", ", rows)}");
    }

    private async Task<string[]> RowsAsync()
    {
        const string Text =
            """
            concat(toString(id), ' ', formatDateTime(slot, '%H:%i'), ' n=', toString(count), ' sum=', toString(sum), ' ', toString(min), '..', toString(max),
                   ' last=', toString(last), '@', substring(toString(last_ts), 12), ' +', toString(increase))
            """;
        QueryResult result = await engine.Store.QueryAsync(new StoreQuery($"SELECT {Text} FROM {Database}.samples_5m FINAL ORDER BY id, slot"));
        return [.. result.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows).Select(row => block.Text(0).String(row)))];
    }

    private async Task<ulong> CountAsync(string from) =>
        (await engine.Store.QueryAsync(new StoreQuery($"SELECT count() FROM {Database}.{from}"))).Blocks[0].Values<ulong>(0)[0];

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
