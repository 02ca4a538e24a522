using System.Diagnostics.Metrics;
using System.Globalization;
using SloEngine.Storage.Results;
using SloEngine.Storage.Retention;
using SloEngine.Storage.Schema;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Tests;

/// <summary>What retention drops, on a database of its own; it is noon of 2026-05-20.</summary>
[Collection(EngineCollection.Name)]
public sealed class RetentionTests(EngineFixture engine) : IAsyncLifetime
{
    private const string Database = "retention";

    private static readonly DateTimeOffset Now = new(2026, 5, 20, 12, 0, 0, TimeSpan.Zero);

    public async Task InitializeAsync()
    {
        await SchemaMigration.ApplyAsync(engine.Store, Database, engine.Path, Migration.All, default);
        for (int day = 0; day < 10; day++)
        {
            string ts = Now.AddDays(-day).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            await engine.Store.ExecuteAsync($"INSERT INTO {Database}.samples (id, ts, number) SELECT number, '{ts}', 1 FROM numbers(100)");
            await engine.Store.ExecuteAsync($"INSERT INTO {Database}.histograms (id, ts, count) SELECT number, '{ts}', 1 FROM numbers(10)");
            await engine.Store.ExecuteAsync($"INSERT INTO {Database}.exemplars (id, ts, value) SELECT number, '{ts}', 1 FROM numbers(20)");
            await engine.Store.ExecuteAsync($"INSERT INTO {Database}.spans (tenant, ts, name) SELECT 'a', '{ts}', 'n' FROM numbers(10)");
            await engine.Store.ExecuteAsync($"INSERT INTO {Database}.logs (tenant, ts, body) SELECT 'a', '{ts}', randomPrintableASCII(100) FROM numbers(1000)");
        }
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.sli_buckets (slo, minute, good, total) VALUES ('s', '2025-02-28 23:59:00', 1, 1), ('s', '2025-04-20 00:00:00', 1, 1), ('s', '2026-05-20 00:00:00', 1, 1)");
    }

    public async Task DisposeAsync() => await engine.Store.ExecuteAsync($"DROP DATABASE {Database} SYNC");

    [Fact]
    public async Task Days_older_than_their_signals_retention_are_dropped_and_no_others()
    {
        IReadOnlyList<DroppedPartition> dropped = await ApplyAsync(new RetentionOptions
        {
            Metrics = TimeSpan.FromDays(30), Logs = TimeSpan.FromDays(7), Traces = TimeSpan.FromDays(2), Slo = TimeSpan.FromDays(400),
        });

        Assert.All(dropped, partition => Assert.Equal(DropReason.Age, partition.Reason));
        Assert.Equal(["20260511", "20260512"], dropped.Where(partition => partition.Table == "logs").Select(partition => partition.Partition));
        Assert.Equal(2000, dropped.Where(partition => partition.Table == "logs").Sum(partition => partition.Rows));
        Assert.Equal(8, await DaysAsync("logs"));
        Assert.Equal(3, await DaysAsync("spans"));
        Assert.Equal(10, await DaysAsync("samples"));
        Assert.Equal(10, await DaysAsync("histograms"));
        Assert.Equal(10, await DaysAsync("exemplars"));
        // The whole month has to be older.
        Assert.Equal(["202502"], dropped.Where(partition => partition.Table == "sli_buckets").Select(partition => partition.Partition));
        Assert.Empty(await ApplyAsync(new RetentionOptions()));
    }

    [Fact]
    public async Task A_shorter_setting_takes_effect_with_the_next_pass()
    {
        Assert.DoesNotContain(await ApplyAsync(new RetentionOptions { Logs = TimeSpan.FromDays(30) }), partition => partition.Table == "logs");

        Assert.Equal(9, (await ApplyAsync(new RetentionOptions { Logs = TimeSpan.FromHours(1) })).Count(partition => partition.Table == "logs"));
    }

    [Fact]
    public async Task Over_the_limit_the_biggest_signals_oldest_days_go_until_the_rest_fits()
    {
        IReadOnlyList<StorePartition> before = await StorePartition.ReadAsync(engine.Store, Database, "system.parts", default);
        long limit = before.Sum(partition => partition.Bytes) - before.First(partition => partition.Table == "logs").Bytes - 1;

        IReadOnlyList<DroppedPartition> dropped = await ApplyAsync(Forever with { MaxBytes = limit });

        Assert.Equal([("logs", "20260511", DropReason.Size), ("logs", "20260512", DropReason.Size)], dropped.Select(partition => (partition.Table, partition.Partition, partition.Reason)));
        Assert.True((await StorePartition.ReadAsync(engine.Store, Database, "system.parts", default)).Sum(partition => partition.Bytes) <= limit);
    }

    [Fact]
    public async Task A_full_disk_never_takes_today_nor_the_ledger_and_is_told_as_a_metric()
    {
        long counted = 0;
        using var listener = new MeterListener { InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Name == "sloengine.store.dropped.partitions")
            {
                listening.EnableMeasurementEvents(instrument);
            }
        } };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => counted += tags.ToArray().Contains(new("reason", "size")) ? value : 0);
        listener.Start();

        IReadOnlyList<DroppedPartition> dropped = await ApplyAsync(Forever with { MinFreeBytes = long.MaxValue / 2 });

        Assert.Equal(5 * 9, dropped.Count);
        Assert.Equal(5 * 9, counted);
        foreach (string table in new[] { "samples", "histograms", "exemplars", "spans", "logs" })
        {
            Assert.Equal(1, await DaysAsync(table));
        }
        Assert.Equal(3, await DaysAsync("sli_buckets", "minute"));
    }

    [Fact]
    public async Task Rows_of_a_tenant_with_a_shorter_retention_go_and_those_of_others_stay()
    {
        const string Old = "2026-05-16 08:00:00";
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.logs (tenant, ts, body) SELECT 'bri''ef', arrayJoin(['{Old}', '2026-05-20 08:00:00']), 'x' FROM numbers(5)");
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.series (tenant, metric, id) SELECT 'bri''ef', 'm', number FROM numbers(30)");
        RetentionOptions options = Forever with
        {
            Tenants = [new("bri'ef", StoreSignal.Logs, TimeSpan.FromDays(3)), new("bri'ef", StoreSignal.Metrics, TimeSpan.FromDays(8)), new("nobody", StoreSignal.Traces, TimeSpan.FromDays(1))],
        };
        using var retention = new StoreRetention(engine.Store, options, new FixedTime(Now), Database);

        IReadOnlyList<DroppedPartition> deleted = await retention.ApplyAsync();

        Assert.Equal(
            [("exemplars", "20260511", 20L), ("histograms", "20260511", 10L), ("logs", "20260516", 5L), ("samples", "20260511", 30L)],
            deleted.Select(one => (one.Table, one.Partition, one.Rows)).Order());
        Assert.All(deleted, one => Assert.Equal(DropReason.Tenant, one.Reason));
        Assert.Equal(5UL, await CountAsync("logs WHERE tenant = 'bri''ef'"));
        Assert.Equal(10_000UL, await CountAsync("logs WHERE tenant = 'a'"));
        Assert.Equal(970UL, await CountAsync("samples"));
        Assert.Empty(await retention.ApplyAsync());

        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.logs (tenant, ts, body) VALUES ('bri''ef', '{Old}', 'late')");
        Assert.Equal(1, Assert.Single(await retention.ApplyAsync()).Rows);
    }

    [Fact]
    public async Task A_table_is_left_alone_while_an_earlier_deletion_goes_on_and_one_that_cannot_is_told_and_keeps_no_other_table()
    {
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.logs (tenant, ts, body) VALUES ('brief', '2026-05-16 08:00:00', 'x')");
        await engine.Store.ExecuteAsync($"INSERT INTO {Database}.events (tenant, id, time, kind, source) VALUES ('a', 'told', '2025-01-01 00:00:00', 'policy', 'api')");
        string span = $"INSERT INTO {Database}.spans (tenant, ts, name) VALUES ('brief', '2026-05-16 08:00:00', 'x')";
        using var retention = new StoreRetention(
            engine.Store,
            Forever with { Tenants = [new("brief", StoreSignal.Logs, TimeSpan.FromDays(3)), new("brief", StoreSignal.Traces, TimeSpan.FromDays(3))], Events = TimeSpan.FromDays(10) },
            new FixedTime(Now), Database);
        await engine.Store.ExecuteAsync($"SYSTEM STOP MERGES {Database}.logs");
        await engine.Store.ExecuteAsync($"ALTER TABLE {Database}.logs DELETE WHERE throwIf(tenant = 'brief') SETTINGS mutations_sync = 0");

        Assert.Equal("events", Assert.Single(await retention.ApplyAsync()).Table);
        Assert.Null(retention.DeletionFailure);

        await engine.Store.ExecuteAsync($"SYSTEM START MERGES {Database}.logs");
        string stuck = $"SELECT count() FROM system.mutations WHERE database = '{Database}' AND latest_fail_reason != '' AND NOT is_done";
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while ((await engine.Store.QueryAsync(new StoreQuery(stuck))).Blocks[0].Values<ulong>(0)[0] == 0)
        {
            await Task.Delay(20, patience.Token);
        }
        await engine.Store.ExecuteAsync(span);
        Assert.Equal("spans", Assert.Single(await retention.ApplyAsync()).Table);
        Assert.Contains("a deletion of rows of logs fails, and the store tries it again: Code: 395", retention.DeletionFailure!.Message, StringComparison.Ordinal);
        Assert.Contains($"KILL MUTATION WHERE database = '{Database}' AND table = 'logs' AND mutation_id = 'mutation_", retention.DeletionFailure.Message, StringComparison.Ordinal);

        await engine.Store.ExecuteAsync($"KILL MUTATION WHERE database = '{Database}' SYNC");
        Assert.Equal(("logs", 1L), Assert.Single((await retention.ApplyAsync()).Select(static one => (one.Table, one.Rows))));
        Assert.Null(retention.DeletionFailure);
    }

    [Fact]
    public void Room_is_made_where_most_is_taken_at_that_point()
    {
        StorePartition[] partitions =
        [
            Day("logs", StoreSignal.Logs, -2, 60), Day("samples", StoreSignal.Metrics, -2, 30), Day("histograms", StoreSignal.Metrics, -2, 10),
            Day("logs", StoreSignal.Logs, -1, 20), Day("samples", StoreSignal.Metrics, -1, 30), Day("logs", StoreSignal.Logs, 0, 1000), Day("logs", StoreSignal.Logs, 1, 5),
        ];

        List<StorePartition> chosen = StoreRetention.ToMakeRoom(partitions[..5], 61, Today);

        Assert.Equal([("logs", 60L), ("samples", 30L), ("histograms", 10L)], chosen.Select(partition => (partition.Table, partition.Bytes)));
        Assert.Empty(StoreRetention.ToMakeRoom(partitions, 0, Today));
        Assert.Equal(5, StoreRetention.ToMakeRoom(partitions, long.MaxValue, Today).Count);
    }

    [Fact]
    public async Task Events_older_than_their_retention_are_deleted_but_for_the_latest_version_of_each_service()
    {
        await engine.Store.ExecuteAsync($"""
            INSERT INTO {Database}.events (tenant, id, time, kind, service, version, source) VALUES
            ('a', 'told', '2026-05-09 23:59:59', 'policy', '', '', 'api'), ('a', 'told today', '2026-05-20 01:00:00', 'policy', '', '', 'api'), ('a', 'younger', '2026-05-10 00:00:00', 'policy', '', '', 'api'),
            ('a', 'shop 1', '2026-01-01 00:00:00', 'discovery', 'shop', '1', 'service.version'), ('a', 'shop 2', '2026-02-01 00:00:00', 'deployment', 'shop', '2', 'service.version'),
            ('b''s', 'shop''s', '2026-01-01 00:00:00', 'discovery', 'shop', '1', 'service.version'),
            ('a', 'pay 1', '2026-01-01 00:00:00', 'discovery', 'pay', '1', 'service.version'), ('a', 'pay 2', '2026-05-19 00:00:00', 'deployment', 'pay', '2', 'service.version')
            """);
        using var retention = new StoreRetention(engine.Store, Forever with { Events = TimeSpan.FromDays(10) }, new FixedTime(Now), Database);

        Assert.Equal(new DroppedPartition("events", "all", 3, 0, DropReason.AgeOfRows), Assert.Single(await retention.ApplyAsync()));
        QueryResult left = await engine.Store.QueryAsync(new StoreQuery($"SELECT id FROM {Database}.events ORDER BY id"));
        Assert.Equal(["pay 2", "shop 2", "shop's", "told today", "younger"], left.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows).Select(row => block.Text(0).String(row))));
        Assert.Empty(await retention.ApplyAsync());
    }

    private static RetentionOptions Forever => new()
    {
        Metrics = TimeSpan.FromDays(9999), Logs = TimeSpan.FromDays(9999), Traces = TimeSpan.FromDays(9999), Slo = TimeSpan.FromDays(9999),
    };

    private static DateTimeOffset Today => new(Now.Date, TimeSpan.Zero);

    private static StorePartition Day(string table, StoreSignal signal, int day, long bytes) =>
        new(table, signal, Today.AddDays(day).ToString("yyyyMMdd", CultureInfo.InvariantCulture), Today.AddDays(day), Today.AddDays(day + 1), 1, bytes);

    [Fact]
    public async Task A_clock_that_is_set_ahead_is_followed_by_a_day_an_hour_and_one_that_is_set_back_at_once()
    {
        var clock = new SetTime { Now = Now };
        using var retention = new StoreRetention(engine.Store, Forever with { Logs = TimeSpan.FromDays(9) }, clock, Database);
        Assert.DoesNotContain(await retention.ApplyAsync(), partition => partition.Table == "logs");

        clock.Now = Now.AddYears(10);
        Assert.Empty(await retention.ApplyAsync());
        Assert.InRange(retention.BehindClock, TimeSpan.FromDays(3600), TimeSpan.FromDays(3700));
        clock.Elapsed = TimeSpan.FromHours(2);
        Assert.Equal(["20260511", "20260512"], (await retention.ApplyAsync()).Select(partition => partition.Partition));
        clock.Now = Now.AddHours(2);
        Assert.Empty(await retention.ApplyAsync());

        Assert.Equal(TimeSpan.Zero, retention.BehindClock);
        Assert.Equal(8, await DaysAsync("logs"));
    }

    [Fact]
    public async Task A_start_under_a_clock_that_is_far_ahead_drops_what_is_old_by_the_newest_telemetry()
    {
        using var retention = new StoreRetention(engine.Store, Forever with { Logs = TimeSpan.FromDays(7) }, new FixedTime(Now.AddYears(10)), Database);

        // The newest day ends with 20 May, and a day of silence is believed: 14 May is over for 7 days then.
        Assert.Equal(["20260511", "20260512", "20260513", "20260514"], (await retention.ApplyAsync()).Select(partition => partition.Partition));
    }

    private async Task<IReadOnlyList<DroppedPartition>> ApplyAsync(RetentionOptions options)
    {
        using var retention = new StoreRetention(engine.Store, options, new FixedTime(Now), Database);
        return await retention.ApplyAsync();
    }

    private async Task<int> DaysAsync(string table, string time = "ts")
    {
        QueryResult result = await engine.Store.QueryAsync(new StoreQuery($"SELECT uniqExact(toDate({time})) FROM {Database}.{table}"));
        return (int)result.Blocks[0].Values<ulong>(0)[0];
    }

    private async Task<ulong> CountAsync(string from) =>
        (await engine.Store.QueryAsync(new StoreQuery($"SELECT count() FROM {Database}.{from}"))).Blocks[0].Values<ulong>(0)[0];

    /// <summary>A clock that is set apart from the time that passes.</summary>
    private sealed class SetTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public TimeSpan Elapsed { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Elapsed.Ticks;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
