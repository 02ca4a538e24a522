using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;

namespace SloEngine.Query.Tests;

/// <summary>Histograms with explicit bounds are shown as the classic series that Prometheus would have of them, in the order of labels.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class ClassicSeriesTests(MetricStore engine)
{
    /// <summary>Labels that stand before and behind <c>le</c> and <c>__name__</c>, that some lack, and bounds that differ.</summary>
    private static readonly (string Labels, string Bounds)[] Histograms =
    [
        ("'job':'a','zone':'1'", "0.1, 5, 10"),
        ("'job':'a','zone':'2'", "0.1, 5, 10"),
        ("'job':'b','zone':'1'", "0.1, 0.25"),
        ("'job':'a'", "0.1, 5, 10"),
        ("'zone':'1'", "0.1, 5, 10"),
        ("'job':'a','A':'1','zone':'1'", "0.1, 5, 10"),
        ("'A':'1'", "2"),
        ("", "0.1, 5, 10"),
        ("'kind':'x','path':'/'", "1"),
        ("'kind':'x','lf':'/'", "1"),
        ("'ld':'x','path':'/'", "1"),
    ];

    [Theory]
    [InlineData("h_bucket")]
    [InlineData("h_bucket{le=~\"5.0|10.0|.Inf\"}")]
    [InlineData("h_sum")]
    [InlineData("h_count{job!=\"b\"}")]
    [InlineData("{__name__=~\"h_.*\"}")]
    [InlineData("{__name__=~\"h_(sum|bucket)\",le!=\"5.0\"}")]
    public async Task Classic_series_have_the_values_of_their_histograms_and_the_order_of_their_labels(string selector)
    {
        string tenant = "classic-" + selector;
        var expected = new List<string>();
        for (int index = 0; index < Histograms.Length; index++)
        {
            (string labels, string bounds) = Histograms[index];
            UInt128 id = await engine.SeriesAsync(tenant, "h", 3, labels, bounds: bounds);
            double[] limits = [.. bounds.Split(", ").Select(double.Parse)];
            // Each point in a part of its own, the second late, the third sent again.
            foreach (int second in (int[])[2, 1, 2, 3])
            {
                await engine.InsertAsync("histograms", [Row(id, second, index, limits.Length + 1)]);
            }
            expected.AddRange(Expected(labels, limits, index));
        }
        List<LabelPattern> all = [.. PromQLParser.ParseSelector(selector).Matchers.Select(LabelPattern.Of)];
        string[] names = [.. PromQLParser.ParseSelector(selector).Matchers.Select(static matcher => matcher.Label)];

        IReadOnlyList<SeriesData> found = await SelectAsync(tenant, selector);

        Assert.NotEmpty(found);
        Assert.Equal(expected.Where(Matches).Order(StringComparer.Ordinal), found.Select(Text).Order(StringComparer.Ordinal));
        Assert.All(Enumerable.Range(1, found.Count - 1), index => Assert.True(found[index - 1].Labels.CompareTo(found[index].Labels) < 0));
        Assert.Equal(found.Sum(static series => series.Count), found is IUnmadeSeries unmade ? unmade.Samples : 3 * found.Count);

        bool Matches(string series) => all.Select((pattern, index) => pattern.Matches(Value(series, names[index]))).All(static matches => matches);
    }

    [Fact]
    public async Task Series_of_one_name_are_made_when_they_are_looked_at()
    {
        UInt128 id = await engine.SeriesAsync("classic-unmade", "h", 3, bounds: "1");
        await engine.InsertAsync("histograms", [Row(id, 1, 1, 2)]);

        Assert.IsAssignableFrom<IUnmadeSeries>(await SelectAsync("classic-unmade", "h_bucket"));
    }

    [Theory]
    [InlineData("'k':'1'", "'k':'1'", "1, 2", "1, 3", 4)]
    [InlineData("'le':'1'", "'le':'9'", "1", "1", 2)]
    public async Task Histograms_whose_series_have_equal_labels_are_joined(string labels, string others, string bounds, string otherBounds, int series)
    {
        string tenant = $"classic-joined-{series}";
        UInt128 one = await engine.SeriesAsync(tenant, "h", 3, labels, bounds: bounds);
        UInt128 other = await engine.SeriesAsync(tenant, "h", 3, others, bounds: otherBounds);
        await engine.InsertAsync("histograms", [Row(one, 1, 1, bounds.Split(',').Length + 1), Row(other, 2, 2, otherBounds.Split(',').Length + 1)]);

        IReadOnlyList<SeriesData> found = await SelectAsync(tenant, "h_bucket");

        Assert.Equal(series, found.Count);
        SeriesData shared = found.Single(static one => one.Labels["le"] == "1.0");
        Assert.Equal([1000, 2000], shared.TimesMs);
        Assert.Equal([1, 2], shared.Values);
    }

    [Fact]
    public async Task A_plain_series_of_the_same_labels_is_joined_with_a_classic_one()
    {
        UInt128 histogram = await engine.SeriesAsync("classic-plain", "h", 3, bounds: "1");
        UInt128 plain = await engine.SeriesAsync("classic-plain", "h_bucket", 2, "'le':'1.0'");
        await engine.InsertAsync("histograms", [Row(histogram, 1, 1, 2)]);
        await engine.SamplesAsync(plain, (2000, 5));

        IReadOnlyList<SeriesData> found = await SelectAsync("classic-plain", "h_bucket");

        Assert.Equal(["+Inf", "1.0"], found.Select(static series => series.Labels["le"]));
        Assert.Equal([1, 5], found[1].Values);
    }

    [Fact]
    public async Task What_was_not_recorded_is_stale_in_every_classic_series_and_rows_without_buckets_have_none_filled()
    {
        UInt128 id = await engine.SeriesAsync("classic-stale", "h", 3, bounds: "1");
        await engine.InsertAsync("histograms",
        [
            $"({id}, fromUnixTimestamp64Milli(1000), fromUnixTimestamp64Milli(0), 0, reinterpretAsFloat64(toUInt64(0x7FF0000000000002)), nan, nan, [])",
            $"({id}, fromUnixTimestamp64Milli(2000), fromUnixTimestamp64Milli(0), 7, 3.5, nan, nan, [])",
        ]);

        foreach (string name in (string[])["h_bucket", "h_sum", "h_count"])
        {
            Assert.All(await SelectAsync("classic-stale", name), static series => Assert.True(StaleMarker.Is(series.Values[0])));
        }
        Assert.Equal([0, 0], (await SelectAsync("classic-stale", "h_bucket")).Select(static series => series.Values[1]));
        Assert.Equal(7, (await SelectAsync("classic-stale", "h_count"))[0].Values[1]);
    }

    /// <summary>Bucket counts of 1, 2, 3, ... times a factor.</summary>
    private static string Row(UInt128 id, int second, int factor, int buckets) =>
        $"({id}, fromUnixTimestamp64Milli({second * 1000}), fromUnixTimestamp64Milli(0), {factor * buckets}, {second + factor}.5, nan, nan, [{string.Join(", ", Enumerable.Range(1, buckets).Select(bucket => bucket * factor))}])";

    private static IEnumerable<string> Expected(string labels, double[] bounds, int factor)
    {
        Labels own = Labels.Of(labels.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static pair => pair.Replace("'", "", StringComparison.Ordinal).Split(':')).Select(static pair => KeyValuePair.Create(pair[0], pair[1])));
        int sum = 0;
        for (int bucket = 0; bucket <= bounds.Length; bucket++)
        {
            sum += (bucket + 1) * factor;
            string bound = bucket < bounds.Length ? FormattableString.Invariant($"{bounds[bucket]:0.0##}") : "+Inf";
            yield return Text(own.With(Labels.MetricName, "h_bucket").With("le", bound), sum, sum, sum);
        }
        yield return Text(own.With(Labels.MetricName, "h_sum"), 1.5 + factor, 2.5 + factor, 3.5 + factor);
        int count = factor * (bounds.Length + 1);
        yield return Text(own.With(Labels.MetricName, "h_count"), count, count, count);
    }

    private static string Text(SeriesData series)
    {
        Assert.Equal([1000, 2000, 3000], series.TimesMs);
        return Text(series.Labels, series.Values);
    }

    private static string Text(Labels labels, params double[] values) => $"{labels} {string.Join(' ', values)}";

    private static string Value(string series, string label)
    {
        int at = series.IndexOf($"{label}=\"", StringComparison.Ordinal);
        return at < 0 ? "" : series[(at + label.Length + 2)..series.IndexOf('"', at + label.Length + 2)];
    }

    private async Task<IReadOnlyList<SeriesData>> SelectAsync(string tenant, string selector) =>
        await new StoredSeriesSources(engine.Store, new QueryOptions()).Of(tenant).SelectAsync(new SeriesSelection(PromQLParser.ParseSelector(selector).Matchers, 0, 60_000), default);
}
