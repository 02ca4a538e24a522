using System.Globalization;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;

namespace SloEngine.Query.Tests;

/// <summary>Exponential histograms of the store, as PromQL sees them.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class NativeHistogramTests(MetricStore engine)
{
    private const string Stale = "reinterpretAsFloat64(toUInt64(9218868437227405314))";
    private const long Minute = 60_000;

    private readonly PromQLEngine _promql = new(new EngineOptions());

    [Fact]
    public async Task A_stored_exponential_histogram_is_a_native_one_of_its_base_name()
    {
        UInt128 id = await engine.SeriesAsync("shape", "latency_seconds", 4, "'job':'a'");
        await PointsAsync(Row(id, Minute, count: 10, sum: 21.5, scale: 1, zero: 1, positive: (-2, "1, 0, 4"), negative: (0, "4")));

        SeriesData series = Assert.Single(await SelectAsync("shape", "latency_seconds"));

        Assert.Equal("{__name__=\"latency_seconds\", job=\"a\"}", series.Labels.ToString());
        FloatHistogram histogram = series.Histograms![0]!;
        Assert.Equal((1, 10d, 21.5, 1d, 1e-128), (histogram.Schema, histogram.Count, histogram.Sum, histogram.ZeroCount, histogram.ZeroThreshold));
        Assert.Equal([-1, 1], histogram.Positive.Indexes.ToArray());
        Assert.Equal([1d, 4d], histogram.Positive.Counts.ToArray());
        Assert.Equal([1], histogram.Negative.Indexes.ToArray());
        // OpenTelemetry's bucket 0 of scale 1 covers (1, sqrt 2].
        HistogramBucket last = HistogramBuckets.All(histogram)[^1];
        Assert.Equal((1, Math.Sqrt(2), 4), (last.Lower, last.Upper, last.Count));
    }

    [Fact]
    public async Task Its_classic_names_are_no_series()
    {
        UInt128 id = await engine.SeriesAsync("names", "latency_seconds", 4);
        await PointsAsync(Row(id, Minute, 1, 1, 0, 0, (0, "1")));

        Assert.Empty(await SelectAsync("names", "latency_seconds_count"));
        Assert.Equal(["{__name__=\"latency_seconds\"}"], (await LabelsAsync("names", "{__name__=~\"latency.*\"}")).Select(labels => labels.ToString()));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(12)]
    [InlineData(20)]
    public async Task A_scale_finer_than_8_is_merged_without_moving_an_observation_out_of_its_bounds(int scale)
    {
        string tenant = string.Create(CultureInfo.InvariantCulture, $"fine{scale}");
        UInt128 id = await engine.SeriesAsync(tenant, "x", 4);
        int perBucket = 1 << (scale - 8);
        // Counts on both sides of the bound 1: buckets -perBucket..-1 merge into one, 0..perBucket-1 into the next.
        string counts = string.Join(", ", Enumerable.Repeat("1", 2 * perBucket));
        await PointsAsync(Row(id, Minute, 2 * perBucket, 1, scale, 0, (-perBucket, counts)));

        FloatHistogram histogram = Assert.Single(await SelectAsync(tenant, "x")).Histograms![0]!;

        Assert.Equal(8, histogram.Schema);
        Assert.Equal([0, 1], histogram.Positive.Indexes.ToArray());
        Assert.Equal([perBucket, perBucket], histogram.Positive.Counts.ToArray());
        Assert.Equal(1, HistogramBuckets.All(histogram)[0].Upper);
    }

    [Fact]
    public async Task Cumulative_ones_have_rates_and_quantiles_over_resets()
    {
        UInt128 id = await engine.SeriesAsync("rates", "x", 4);
        await PointsAsync(
            Row(id, 1 * Minute, 10, 15, 0, 0, (0, "10")),
            Row(id, 2 * Minute, 20, 30, 0, 0, (0, "20")),
            Row(id, 3 * Minute, 5, 7.5, 0, 0, (0, "5")),
            Row(id, 4 * Minute, 15, 22.5, 0, 0, (0, "15")));

        Assert.Equal(25, await NumberAsync("rates", "histogram_count(increase(x[3m1s]))", 4 * Minute), 0.2);
        Assert.Equal(Math.Sqrt(2), await NumberAsync("rates", "histogram_quantile(0.5, rate(x[5m]))", 4 * Minute), 1e-9);
    }

    [Fact]
    public async Task Points_of_delta_temporality_are_summed()
    {
        UInt128 id = await engine.SeriesAsync("delta", "x", 4, temporality: 1);
        await PointsAsync(
            Row(id, 1 * Minute, 10, 15, 2, 0, (0, "10")),
            Row(id, 2 * Minute, 4, 6, 1, 1, (0, "3")),
            Row(id, 3 * Minute, 6, 9, 2, 0, (0, "6")));

        VectorResult increase = await InstantAsync("delta", "increase(x[5m])", 4 * Minute);

        FloatHistogram sum = Assert.Single(increase.Samples).Histogram!;
        Assert.Equal((20d, 30d, 1d, 1), (sum.Count, sum.Sum, sum.ZeroCount, sum.Schema));
        Assert.Empty(increase.Annotations);
        Assert.Equal(20 / 300d, await NumberAsync("delta", "histogram_count(rate(x[5m]))", 4 * Minute), 1e-12);
        Assert.Equal(0.1, await NumberAsync("delta", "histogram_count(irate(x[5m]))", 4 * Minute), 1e-12);
    }

    [Fact]
    public async Task A_stale_marker_ends_it()
    {
        UInt128 id = await engine.SeriesAsync("stale", "x", 4);
        await PointsAsync(
            Row(id, 1 * Minute, 10, 15, 0, 0, (0, "10")),
            $"({id}, fromUnixTimestamp64Milli({2 * Minute}), fromUnixTimestamp64Milli(0), 0, {Stale}, nan, nan, 0, 0, 0, 0, [], 0, [])");

        Assert.Single((await InstantAsync("stale", "x", Minute + 1)).Samples);
        Assert.Empty((await InstantAsync("stale", "x", 2 * Minute)).Samples);
        Assert.Equal(1, await NumberAsync("stale", "count_over_time(x[5m])", 2 * Minute));
    }

    [Fact]
    public async Task Explicit_bounds_stay_classic_series()
    {
        UInt128 id = await engine.SeriesAsync("classic", "x", 3, bounds: "0.5, 1");
        await engine.InsertAsync("histograms", [$"({id}, fromUnixTimestamp64Milli({Minute}), fromUnixTimestamp64Milli(0), 6, 3.5, nan, nan, [1, 2, 3])"]);

        IReadOnlyList<SeriesData> all = await SelectAsync("classic", "{__name__=~\"x.*\"}");

        Assert.Equal(
            ["{__name__=\"x_bucket\", le=\"+Inf\"} 6", "{__name__=\"x_bucket\", le=\"0.5\"} 1", "{__name__=\"x_bucket\", le=\"1.0\"} 3", "{__name__=\"x_count\"} 6", "{__name__=\"x_sum\"} 3.5"],
            all.Select(series => string.Create(CultureInfo.InvariantCulture, $"{series.Labels} {series.Values[0]}")).Order(StringComparer.Ordinal));
    }

    private static string Row(UInt128 id, long timeMs, int count, double sum, int scale, int zero, (int Offset, string Counts) positive, (int Offset, string Counts) negative = default) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"({id}, fromUnixTimestamp64Milli({timeMs}), fromUnixTimestamp64Milli(0), {count}, {sum}, nan, nan, {scale}, {zero}, 0, {positive.Offset}, [{positive.Counts}], {negative.Offset}, [{negative.Counts}])");

    private Task PointsAsync(params string[] rows) => engine.InsertAsync("exponential_histograms", rows);


    private StoreSeriesSource Source(string tenant) => new StoredSeriesSources(engine.Store, new QueryOptions()).Stored(tenant);

    private async Task<IReadOnlyList<SeriesData>> SelectAsync(string tenant, string selector) =>
        await Source(tenant).SelectAsync(new SeriesSelection(PromQLParser.ParseSelector(selector).Matchers, 0, 60 * Minute), CancellationToken.None);

    private async Task<IReadOnlyCollection<Labels>> LabelsAsync(string tenant, string selector) =>
        await Source(tenant).LabelsAsync(PromQLParser.ParseSelector(selector).Matchers, null, CancellationToken.None);

    private async Task<VectorResult> InstantAsync(string tenant, string query, long timeMs) =>
        (VectorResult)await _promql.InstantAsync(PromQLParser.Parse(query), Source(tenant), timeMs, CancellationToken.None);

    private async Task<double> NumberAsync(string tenant, string query, long timeMs) => Assert.Single((await InstantAsync(tenant, query, timeMs)).Samples).Value;
}
