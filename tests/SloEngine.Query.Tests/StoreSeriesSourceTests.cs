using SloEngine.Otlp.Metrics;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Tests;

/// <summary>Samples come out of the store by series and in order, however its parts hold them.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class StoreSeriesSourceTests(MetricStore engine)
{
    private const long DayMs = 86_400_000;

    [Fact]
    public async Task Samples_of_several_parts_and_days_are_put_in_order_and_repeated_times_count_once()
    {
        UInt128 one = await engine.SeriesAsync("parts", "m", 1, "'k':'1'");
        UInt128 two = await engine.SeriesAsync("parts", "m", 1, "'k':'2'");
        // Late ones, ones that lie between others, and ones sent again, each in a part of its own.
        await engine.SamplesAsync(one, (DayMs + 1000, 4), (DayMs + 2000, 5));
        await engine.SamplesAsync(one, (1000, 1), (3000, 3));
        await engine.SamplesAsync(one, (2000, 2), (3000, 3), (DayMs - 1, 3.5));
        await engine.SamplesAsync(two, (500, 9), (1500, 8));

        IReadOnlyList<SeriesData> all = await SelectAsync("parts", "m", 0, 2 * DayMs);

        Assert.Equal(["1", "2"], all.Select(series => series.Labels["k"]));
        Assert.Equal([1000, 2000, 3000, DayMs - 1, DayMs + 1000, DayMs + 2000], all[0].TimesMs);
        Assert.Equal([1, 2, 3, 3.5, 4, 5], all[0].Values);
        Assert.Equal([500, 1500], all[1].TimesMs);
        // The start is left out, the end is not.
        SeriesData between = Assert.Single(await SelectAsync("parts", "m{k=\"1\"}", 1000, 3000));
        Assert.Equal([2000, 3000], between.TimesMs);
    }

    [Fact]
    public async Task Series_with_equal_labels_are_one()
    {
        UInt128 gauge = await engine.SeriesAsync("kinds", "m", 1, "'k':'1'");
        UInt128 counter = await engine.SeriesAsync("kinds", "m", 2, "'k':'1'");
        await engine.SamplesAsync(gauge, (1000, 1), (3000, 3));
        await engine.SamplesAsync(counter, (2000, 2), (4000, 4));

        SeriesData series = Assert.Single(await SelectAsync("kinds", "m", 0, DayMs));

        Assert.Equal([1000, 2000, 3000, 4000], series.TimesMs);
    }

    [Fact]
    public async Task Series_that_were_stored_meanwhile_are_found()
    {
        var sources = new StoredSeriesSources(engine.Store, new QueryOptions());
        ISeriesSource source = sources.Of("meanwhile");
        SeriesRow[] rows = [.. Enumerable.Range(0, 3).Select(index => Row("meanwhile", "m", $"{index}"))];
        for (int stored = 0; stored < rows.Length; stored++)
        {
            await engine.Store.InsertAsync(SeriesRow.Encode([rows[stored]], DateTimeOffset.UnixEpoch, new NativeWriter()));
            await engine.InsertAsync("samples", [$"({rows[stored].Id}, fromUnixTimestamp64Milli(1000), fromUnixTimestamp64Milli(0), {stored}, 0)"]);

            IReadOnlyList<SeriesData> all = await source.SelectAsync(new SeriesSelection(PromQLParser.ParseSelector("m").Matchers, 0, 2000), default);

            Assert.Equal(Enumerable.Range(0, stored + 1).Select(index => $"{index}"), all.Select(series => series.Labels["k"]));
            Assert.Equal(Enumerable.Range(0, stored + 1).Select(index => (double)index), all.Select(series => series.Values[0]));
        }
        IReadOnlyList<SeriesData> some = await source.SelectAsync(new SeriesSelection(PromQLParser.ParseSelector("m{k!=\"1\",k=~\"1|2\"}").Matchers, 0, 2000), default);
        Assert.Equal("2", Assert.Single(some).Labels["k"]);
    }

    [Fact]
    public async Task Of_more_series_than_a_query_may_ask_for_those_count_that_have_points_in_its_time()
    {
        // Pods that came and went: five in all, two of them in the second minute.
        for (int pod = 0; pod < 5; pod++)
        {
            UInt128 id = await engine.SeriesAsync("churn", "m", 1, $"'pod':'{pod}'");
            await engine.SamplesAsync(id, (1000, pod));
            if (pod > 2)
            {
                await engine.SamplesAsync(id, (61_000, pod));
            }
        }
        ISeriesSource source = new StoredSeriesSources(engine.Store, new QueryOptions { MaxSeries = 3 }).Of("churn");

        Assert.Equal(["3", "4"], (await Select("m", 60_000, 120_000)).Select(series => series.Labels["pod"]));
        Assert.Equal(["0", "1", "2"], (await Select("m{pod=~\"0|1|2\"}", 0, 120_000)).Select(series => series.Labels["pod"]));
        Assert.Contains(
            "more than 3 series", (await Assert.ThrowsAsync<PromQL.Evaluation.PromQLEvaluationException>(async () => await Select("m", 0, 120_000))).Message, StringComparison.Ordinal);

        async Task<IReadOnlyList<SeriesData>> Select(string selector, long start, long end) =>
            await source.SelectAsync(new SeriesSelection(PromQLParser.ParseSelector(selector).Matchers, start, end), default);
    }

    [Fact]
    public async Task Of_a_crowd_those_with_points_in_a_time_are_found_in_the_order_of_their_labels_wherever_the_points_are()
    {
        var match = new SeriesMatch(engine.Store, new QueryOptions { MaxSeries = 4 });
        SeriesRow[] pods = [.. "hgfedcba".Select(pod => Row("crowded", "busy", $"{pod}"))];
        using var writer = new NativeWriter();
        await engine.Store.InsertAsync(SeriesRow.Encode(pods, DateTimeOffset.UnixEpoch, writer));
        await engine.SamplesAsync(pods[0].Id, (1_000, 1), (61_000, 1));
        await engine.SamplesAsync(pods[1].Id, (1_000, 1));
        await engine.SamplesAsync(pods[6].Id, (1_000, 1));
        await engine.SamplesAsync(pods[4].Id, (61_000, 1), (121_000, 1));
        await engine.InsertAsync("histograms", [$"({pods[2].Id}, fromUnixTimestamp64Milli(62000), fromUnixTimestamp64Milli(0), 6, 3.5, nan, nan, [6])"]);
        // One of which a sample is not in the table yet, one whose sample there is of another time, and a stranger's.
        RecentSamples recent = engine.Store.Recent!;
        recent.Add(SampleOf(pods[3], 63_000));
        recent.Add(SampleOf(pods[5], 200_000));
        recent.Add(SampleOf(Row("crowded", "other", "x"), 63_000));

        IReadOnlyList<StoredSeries> first = await FindAsync(60_000, 120_000);
        IReadOnlyList<StoredSeries> then = await FindAsync(0, 70_000, "k=~\"d|f|h\"");
        recent.RemoveFirst(recent.Runs().Length);

        Assert.Equal(["d", "e", "f", "h"], first.Select(series => series.Named["k"]));
        Assert.Equal(["d", "f", "h"], then.Select(series => series.Named["k"]).Order());
        Assert.Equal([pods[4].Id, pods[0].Id], (await FindAsync(61_000, 61_000)).Select(series => series.Id));
        Assert.Same(first[0], (await FindAsync(121_000, 121_000))[0]);
        Assert.Same(first[2], Assert.Single(await FindAsync(62_000, 62_000)));
        Assert.Equal(5, (await FindAsync(0, 121_000, "k!=\"x\"", most: 5)).Count);
        Assert.Contains("more than 4 series", (await Assert.ThrowsAsync<PromQL.Evaluation.PromQLEvaluationException>(async () => await FindAsync(0, 121_000))).Message, StringComparison.Ordinal);

        async Task<IReadOnlyList<StoredSeries>> FindAsync(long start, long end, string others = "", int? most = null) =>
            (await (most is { } limit ? new SeriesMatch(engine.Store, new QueryOptions { MaxSeries = limit }) : match).FindAsync(
                "crowded", PromQLParser.ParseSelector($"busy{{{others}}}").Matchers, null, new TimeRange(start, end), default)).Series;

        static SampleRun SampleOf(SeriesRow series, long timeMs) => MetricStore.NotStoredYet(series.Id, timeMs);
    }

    [Fact]
    public async Task Names_that_no_series_has_do_not_pile_up_in_memory()
    {
        UInt128 id = await engine.SeriesAsync("names", "m", 1);
        await engine.SamplesAsync(id, (1000, 1));
        var match = new SeriesMatch(engine.Store, new QueryOptions { MaxKnownSeries = 10 });
        for (int asked = 0; asked < 50; asked++)
        {
            Assert.Empty((await match.FindAsync("names", PromQLParser.ParseSelector($"nothing_{asked}").Matchers, null, null, default)).Series);
            Assert.InRange(match.KnownNames, 1, 10);
        }
        Assert.Single((await match.FindAsync("names", PromQLParser.ParseSelector("m").Matchers, null, null, default)).Series);
    }

    [Fact]
    public async Task Series_that_come_and_go_are_found_beside_those_that_are_known()
    {
        var match = new SeriesMatch(engine.Store, new QueryOptions());
        UInt128 stays = await engine.SeriesAsync("pods", "p", 1, labels: "'pod', 'a'");
        UInt128 goes = await engine.SeriesAsync("pods", "p", 1, labels: "'pod', 'b'");
        IReadOnlyList<StoredSeries> first = await FindAsync();
        UInt128 comes = await engine.SeriesAsync("pods", "p", 1, labels: "'pod', 'c'");
        await engine.Store.ExecuteAsync($"ALTER TABLE sloengine.series DELETE WHERE id = toUInt128('{goes}') SETTINGS mutations_sync = 1");

        IReadOnlyList<StoredSeries> then = await FindAsync();

        Assert.Equal([stays, goes], first.Select(series => series.Id));
        Assert.Equal([(stays, "a"), (comes, "c")], then.Select(series => (series.Id, series.Named["pod"])));
        Assert.Same(first[0], then[0]);

        async Task<IReadOnlyList<StoredSeries>> FindAsync() =>
            (await match.FindAsync("pods", PromQLParser.ParseSelector("p").Matchers, null, null, default)).Series;
    }

    /// <summary>The engine took a minute over as many ids in a literal.</summary>
    [Fact]
    public async Task Of_a_hundred_thousand_series_some_thousands_are_asked_for_by_their_ids_in_no_time()
    {
        string id = $"toUInt128('{SeriesRow.IdsOf("crowd", "crowd_total").First}') + bitShiftLeft(toUInt128(number), 64)";
        await engine.Store.ExecuteAsync(
            $"INSERT INTO sloengine.series SELECT 'crowd', 'crowd_total', {id}, 1, 0, '', '', 'crowd_total', map('n', toString(number), 'even', toString(number % 2)), [], now(), now() FROM numbers(140000)");
        await engine.Store.ExecuteAsync(
            $"INSERT INTO sloengine.samples SELECT {id}, fromUnixTimestamp64Milli(1000), fromUnixTimestamp64Milli(0), number, 0 FROM numbers(140000)");
        ISeriesSource source = new StoredSeriesSources(engine.Store, new QueryOptions { Timeout = TimeSpan.FromSeconds(20) }).Of("crowd");

        IReadOnlyList<SeriesData> even = await source.SelectAsync(new SeriesSelection(PromQLParser.ParseSelector("crowd_total{even=\"0\"}").Matchers, 0, 2000), default);

        Assert.Equal(70_000, even.Count);
        Assert.Equal(70_000L * 69_999, even.Sum(static series => series.Values[0]));
    }

    [Fact]
    public async Task A_row_of_a_histogram_counts_for_each_series_that_it_is_shown_as()
    {
        UInt128 id = await engine.SeriesAsync("classic", "h", 3, bounds: "0.1, 0.5, 1");
        await engine.InsertAsync("histograms", Enumerable.Range(1, 20).Select(minute => $"({id}, fromUnixTimestamp64Milli({minute * 60_000}), fromUnixTimestamp64Milli(0), 6, 3.5, nan, nan, [1, 2, 3, 0])"));
        ISeriesSource source = new StoredSeriesSources(engine.Store, new QueryOptions { MaxSamples = 40 }).Of("classic");

        // Four buckets of twenty rows are 80 samples, and ten rows just fit.
        Assert.Equal(396, (await Assert.ThrowsAsync<Storage.StoreException>(async () => await Select("h_bucket", 20))).Code);
        Assert.Equal(40, (await Select("h_bucket", 10)).Sum(series => series.Count));
        Assert.Equal(20, (await Select("h_count", 20)).Sum(series => series.Count));

        async Task<IReadOnlyList<SeriesData>> Select(string selector, int minutes) =>
            await source.SelectAsync(new SeriesSelection(PromQLParser.ParseSelector(selector).Matchers, 0, minutes * 60_000), default);
    }

    [Fact]
    public void Series_of_one_metric_lie_side_by_side()
    {
        SeriesRow[] metric = [.. Enumerable.Range(0, 20).Select(index => Row("t", "m", $"{index}"))];

        Assert.Single(metric.Select(row => SeriesRow.FamilyOf(row.Id)).Distinct());
        Assert.Equal(20, metric.Select(row => row.Id).Distinct().Count());
        Assert.NotEqual(SeriesRow.FamilyOf(metric[0].Id), SeriesRow.FamilyOf(Row("t", "n", "0").Id));
        Assert.NotEqual(SeriesRow.FamilyOf(metric[0].Id), SeriesRow.FamilyOf(Row("u", "m", "0").Id));
    }

    private static SeriesRow Row(string tenant, string metric, string value) =>
        new(tenant, metric, MetricKind.Gauge, Temporality.Unspecified, [new("k", value)], []);

    private async Task<IReadOnlyList<SeriesData>> SelectAsync(string tenant, string selector, long start, long end) =>
        await new StoredSeriesSources(engine.Store, new QueryOptions()).Of(tenant).SelectAsync(new SeriesSelection(PromQLParser.ParseSelector(selector).Matchers, start, end), default);
}
