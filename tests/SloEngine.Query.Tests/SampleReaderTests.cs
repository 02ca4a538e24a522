using SloEngine.Otlp.Metrics;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Tests;

/// <summary>What queries keep in memory is what the store has: a query that comes again finds what was written, removed and came late meanwhile.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class SampleReaderTests(MetricStore engine)
{
    private const long Slot = SlotVersions.SlotMs;

    /// <summary>The slot before this time is under way, those before it are over.</summary>
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds((100 * Slot) + 3_600_000);

    [Fact]
    public async Task Any_stretch_of_time_of_any_series_is_answered_as_by_the_store_before_and_after_samples_that_come_late()
    {
        const string Tenant = "kept";
        var random = new Random(7);
        SeriesRow[] rows = [.. Enumerable.Range(0, 12).Select(index => Row(Tenant, index))];
        await engine.Store.InsertAsync(SeriesRow.Encode(rows, Now, new NativeWriter()));
        var all = rows.Select(static _ => new SortedDictionary<long, double>()).ToArray();
        ISeriesSource kept = Source(512L << 20).Of(Tenant);
        ISeriesSource bounded = Source(60_000).Of(Tenant);
        for (int round = 0; round < 25; round++)
        {
            await WriteAsync(rows, all, random, (int)(round < 5 ? 400 : 3), gathers: true);
            for (int query = 0; query < 8; query++)
            {
                (long start, long end) = Stretch(random);
                string selector = random.Next(3) switch { 0 => "m", 1 => "m{k=~\"1.*|3\"}", _ => $"m{{k=\"{random.Next(12)}\"}}" };
                var selection = new SeriesSelection(PromQLParser.ParseSelector(selector).Matchers, start, end);
                string[] expected =
                [
                    .. rows.Select((row, index) => (Key: row.Labels[0].Value, Samples: all[index].Where(sample => sample.Key > start && sample.Key <= end)))
                        .Where(series => series.Samples.Any() && selection.Matchers.All(matcher => matcher.Label != "k" || LabelPattern.Of(matcher).Matches(series.Key)))
                        .OrderBy(series => series.Key, StringComparer.Ordinal).Select(series => Text(series.Key, series.Samples)),
                ];

                Assert.Equal(expected, Samples(await kept.SelectAsync(selection, default)));
                Assert.Equal(expected, Samples(await bounded.SelectAsync(selection, default)));
            }
        }
    }

    [Fact]
    public async Task What_is_stored_while_a_query_reads_is_found_by_it_or_by_the_next_one()
    {
        const string Tenant = "live";
        SeriesRow[] rows = [.. Enumerable.Range(0, 12).Select(index => Row(Tenant, index))];
        await engine.Store.InsertAsync(SeriesRow.Encode(rows, Now, new NativeWriter()));
        var all = rows.Select(static _ => new SortedDictionary<long, double>()).ToArray();
        ISeriesSource source = Source(512L << 20).Of(Tenant);
        var selection = new SeriesSelection(PromQLParser.ParseSelector("m").Matchers, 100 * Slot, Now.ToUnixTimeMilliseconds());
        var random = new Random(3);
        long before = 0;
        for (int round = 0; round < 40; round++)
        {
            Task writing = WriteAsync(rows, all, random, 50);
            IReadOnlyList<SeriesData> meanwhile = await source.SelectAsync(selection, default);
            await writing;

            long found = meanwhile.Sum(static series => (long)series.Count);
            string[] expected =
            [
                .. rows.Select((row, index) => (Key: row.Labels[0].Value, Samples: all[index].Where(sample => sample.Key > selection.StartMs && sample.Key <= selection.EndMs)))
                    .Where(static series => series.Samples.Any()).OrderBy(static series => series.Key, StringComparer.Ordinal).Select(series => Text(series.Key, series.Samples)),
            ];
            Assert.InRange(found, before, all.Sum(series => series.Count(sample => sample.Key > selection.StartMs)));
            Assert.Equal(expected, Samples(await source.SelectAsync(selection, default)));
            before = found;
        }
    }

    [Fact]
    public void Samples_of_the_slot_under_way_are_forgotten_when_rows_were_lost_when_they_are_too_many_and_when_nobody_asked_for_a_slot()
    {
        var live = new LiveSamples(100_000);
        UInt128[] one = [1];
        var range = new TimeRange(0, 1_000);
        bool Knows(UInt128[] ids, long start) => live.Take(ids, start, new TimeRange(start, start + 1), []).Ids.Count == 0;
        void Learn(UInt128[] ids, long start, int samples)
        {
            LackingSeries lacking = live.Take(ids, start, range, []);
            live.Keep(lacking, new TimeRange(start, start + Slot), ids.ToDictionary(static id => id, id => new SampleStretch(id, [.. Enumerable.Range(1, samples).Select(at => start + at)], new double[samples])));
        }

        Learn(one, 0, 10);
        Assert.True(Knows(one, 0));
        live.Lost();
        Assert.False(Knows(one, 0));

        Learn(one, 0, 10);
        Learn([2], 0, 10_000);
        Assert.False(Knows(one, 0));

        Learn(one, 0, 10);
        Learn([2], Slot, 10);
        Assert.True(Knows([2], Slot));
        Learn([2], 2 * Slot, 10);
        using var points = new NumberPoints();
        points.Series.Append(0);
        points.TimeNanos.Append(0);
        points.StartNanos.Append(0);
        points.Values.Append(0);
        using var order = new RowOrder();
        using var run = SampleRun.Of(points, [3], new byte[1], order);
        live.Added(run);
        Assert.False(Knows(one, 2 * Slot));
    }

    [Fact]
    public void What_was_read_before_rows_were_lost_is_not_taken_for_all_there_is_afterwards()
    {
        var live = new LiveSamples(100_000);
        var range = new TimeRange(0, 1_000);
        LackingSeries before = live.Take([1], 0, range, []);
        live.Lost();
        LackingSeries after = live.Take([1], 0, range, []);

        live.Keep(before, range, new Dictionary<UInt128, SampleStretch>());
        Assert.Single(live.Take([1], 0, range, []).Ids);

        live.Keep(after, range, new Dictionary<UInt128, SampleStretch>());
        Assert.Empty(live.Take([1], 0, range, []).Ids);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(480)]
    public void Series_of_the_slot_under_way_take_as_many_bytes_as_is_reckoned_with(int samples)
    {
        var live = new LiveSamples(1 << 20);
        UInt128[] ids = [1, 2, 3];
        var stretch = new SampleStretch(1, [.. Enumerable.Range(1, samples)], new double[samples]);

        live.Keep(live.Take(ids, 0, new TimeRange(0, 1_000), []), new TimeRange(0, 1_000), ids.ToDictionary(static id => id, _ => stretch));

        Assert.Equal(LiveSamples.BytesOf(3, samples), live.Bytes);
    }

    [Fact]
    public async Task A_query_of_more_series_than_there_is_room_for_forgets_none_that_are_known()
    {
        var now = DateTimeOffset.FromUnixTimeMilliseconds((100 * Slot) + 61_000);
        var live = new LiveSamples(8_000);
        var reader = new SampleReader(engine.Store, new SampleCache(1 << 20), live, new QueryOptions(), new FixedTime(now));
        var range = new TimeRange(100 * Slot, now.ToUnixTimeMilliseconds());
        UInt128[] ids = [.. Enumerable.Range(0, 12).Select(static index => Row("room", index).Id).Order()];
        using var points = new NumberPoints();
        using var writer = new NativeWriter();
        for (int series = 0; series < ids.Length; series++)
        {
            points.Series.Append(series);
            points.TimeNanos.Append(((100 * Slot) + 1) * 1_000_000);
            points.StartNanos.Append(0);
            points.Values.Append(series);
        }
        await engine.Store.InsertAsync(MetricTables.Encode(points, ids, writer));

        Assert.Single(await reader.ReadAsync(ids[..1], isWhole: false, range, default));
        Assert.Equal(12, (await reader.ReadAsync(ids, isWhole: false, range, default)).Count);

        Assert.Empty(live.Take(ids[..1], 100 * Slot, range, []).Ids);
    }

    [Fact]
    public async Task Samples_that_were_deleted_are_not_answered_out_of_memory()
    {
        SeriesRow row = Row("deleted", 1);
        await engine.Store.InsertAsync(SeriesRow.Encode([row], Now, new NativeWriter()));
        await WriteAsync([row], [[]], new Random(1), 50);
        ISeriesSource source = Source(1L << 20).Of("deleted");
        var selection = new SeriesSelection(PromQLParser.ParseSelector("m").Matchers, 0, Now.ToUnixTimeMilliseconds());
        Assert.Single(await source.SelectAsync(selection, default));

        await engine.Store.ExecuteAsync($"ALTER TABLE sloengine.samples DELETE WHERE id = toUInt128('{row.Id}') SETTINGS mutations_sync = 1");

        Assert.Empty(await source.SelectAsync(selection, default));
    }

    [Fact]
    public async Task A_selector_that_reads_too_much_is_refused_and_one_that_just_fits_is_not_also_out_of_memory()
    {
        SeriesRow row = Row("limit", 1);
        await engine.Store.InsertAsync(SeriesRow.Encode([row], Now, new NativeWriter()));
        SortedDictionary<long, double>[] all = [[]];
        await WriteAsync([row], all, new Random(1), 300);
        long[] times = [.. all[0].Keys];
        var sources = new StoredSeriesSources(engine.Store, new QueryOptions { MaxSamples = 100 }, new FixedTime(Now));

        for (int time = 0; time < 2; time++)
        {
            StoreException refused = await Assert.ThrowsAsync<StoreException>(async () => await SelectAsync(times[0], times[^1]));
            Assert.Equal(396, refused.Code);
            Assert.Equal(100, Assert.Single(await SelectAsync(times[0], times[100])).Count);
        }

        ValueTask<IReadOnlyList<SeriesData>> SelectAsync(long start, long end) =>
            sources.Of("limit").SelectAsync(new SeriesSelection(PromQLParser.ParseSelector("m").Matchers, start, end), default);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 1)]
    [InlineData(0, Slot)]
    [InlineData(1, Slot + 1)]
    public void Slots_exclude_their_start(long slot, long timeMs) => Assert.Equal(slot, SlotVersions.Of(timeMs));

    [Fact]
    public void A_slot_changes_with_rows_of_it_alone_or_with_everything()
    {
        var slots = new SlotVersions();
        long[] Versions() => [.. Enumerable.Range(0, 5).Select(slot => slots[slot])];
        long[] before = Versions();

        slots.Change(new RowTimes(Slot + 1, 3 * Slot));
        long[] some = Versions();
        slots.Change(new RowTimes(0, long.MaxValue / 2));
        long[] all = Versions();

        Assert.Equal([false, true, true, false, false], some.Zip(before, static (now, then) => now != then));
        Assert.All(all.Zip(some), static pair => Assert.NotEqual(pair.First, pair.Second));
    }

    [Fact]
    public void A_series_that_is_asked_for_at_times_far_apart_takes_no_memory_for_what_lies_between()
    {
        var chunks = new SeriesChunks();
        byte[]?[] read = new byte[]?[1];
        foreach (long slot in (long[])[0, 250_000, 249_990, 3])
        {
            chunks.Keep(slot, 1, new byte[100]);

            Assert.True(chunks.Read(slot, [1], read));
            Assert.InRange(chunks.Bytes, 100, 2_000);
        }
        Assert.False(chunks.Read(250_000, [1], read));
        Assert.False(chunks.Read(3, [2], read));
    }

    private StoredSeriesSources Source(long cacheBytes) => new(engine.Store, new QueryOptions { SampleCacheBytes = cacheBytes }, new FixedTime(Now));

    /// <summary>Some samples, mostly of late, often at the very ends of slots; also into memory.</summary>
    private async Task WriteAsync(SeriesRow[] rows, SortedDictionary<long, double>[] all, Random random, int count, bool gathers = false)
    {
        using var points = new NumberPoints();
        using var writer = new NativeWriter();
        for (int index = 0; index < count; index++)
        {
            int series = random.Next(rows.Length);
            long time = random.Next(4) == 0 ? (random.Next(90, 101) * Slot) + random.Next(2) : random.NextInt64(90 * Slot, Now.ToUnixTimeMilliseconds());
            if (all[series].TryAdd(time, index))
            {
                points.Series.Append(series);
                points.TimeNanos.Append(time * 1_000_000);
                points.StartNanos.Append(0);
                points.Values.Append(index);
            }
        }
        UInt128[] ids = [.. rows.Select(static row => row.Id)];
        if (points.Count == 0)
        {
            return;
        }
        // In the table at once, or later, or in both.
        var run = SampleRun.Of(points, ids, new byte[ids.Length], writer.Order);
        if (!gathers || random.Next(3) == 0)
        {
            await engine.Store.InsertAsync(MetricTables.Encode([run], writer) with { Samples = run });
            run.Dispose();
            return;
        }
        RecentSamples recent = engine.Store.Recent!;
        recent.Add(run);
        SampleRun[] gathered = recent.Runs();
        if (gathered.Length > random.Next(8))
        {
            await engine.Store.InsertAsync(MetricTables.Encode(gathered, writer));
            recent.RemoveFirst(random.Next(4) == 0 ? 0 : gathered.Length);
        }
    }

    private static (long Start, long End) Stretch(Random random)
    {
        long start = random.Next(2) == 0 ? random.Next(89, 101) * Slot : random.NextInt64(89 * Slot, Now.ToUnixTimeMilliseconds());
        long length = random.Next(3) switch { 0 => 300_000, 1 => Slot * random.Next(1, 9), _ => random.NextInt64(1, 10 * Slot) };
        return (start, start + length);
    }

    private static string[] Samples(IReadOnlyList<SeriesData> all) =>
        [.. all.Select(series => Text(series.Labels["k"], series.TimesMs.Zip(series.Values, static (time, value) => KeyValuePair.Create(time, value))))];

    private static string Text(string key, IEnumerable<KeyValuePair<long, double>> samples) => $"{key}: {string.Join(' ', samples)}";

    private static SeriesRow Row(string tenant, int key) => new(tenant, "m", MetricKind.Gauge, Temporality.Unspecified, [new("k", $"{key}")], []);

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
