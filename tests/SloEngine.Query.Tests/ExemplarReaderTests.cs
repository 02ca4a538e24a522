using System.Globalization;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;

namespace SloEngine.Query.Tests;

/// <summary>Which exemplars a query finds, and under which series.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class ExemplarReaderTests(MetricStore engine)
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";
    private const string Span = "b7ad6b7169203331";

    [Fact]
    public async Task Exemplars_of_a_histogram_belong_to_the_first_bucket_that_they_fit_into()
    {
        UInt128 id = await engine.SeriesAsync("buckets", "latency", 3, "'job':'a'", bounds: "0.5, 1");
        await ExemplarsAsync(id, (1_000, 0.5), (2_000, 0.7), (3_000, 3), (4_000, 0.1), (5_000, double.NaN));

        Assert.Equal(
            [
                "{__name__=\"latency_bucket\", job=\"a\", le=\"+Inf\"}: 3@3000 NaN@5000",
                "{__name__=\"latency_bucket\", job=\"a\", le=\"0.5\"}: 0.5@1000 0.1@4000",
                "{__name__=\"latency_bucket\", job=\"a\", le=\"1.0\"}: 0.7@2000",
            ],
            await SelectAsync("buckets", "histogram_quantile(0.9, sum(rate(latency_bucket[5m])) by (le))"));
        Assert.Equal(["{__name__=\"latency_bucket\", job=\"a\", le=\"1.0\"}: 0.7@2000"], await SelectAsync("buckets", "latency_bucket{le=\"1.0\"} + latency_count"));
        Assert.Empty(await SelectAsync("buckets", "latency_count"));
        Assert.Empty(await SelectAsync("buckets", "latency"));
    }

    [Fact]
    public async Task Every_selector_counts_and_each_exemplar_once_within_the_time_both_ends_included()
    {
        UInt128 requests = await engine.SeriesAsync("selectors", "requests_total", 2, "'code':'200'");
        UInt128 errors = await engine.SeriesAsync("selectors", "requests_total", 2, "'code':'500'");
        UInt128 size = await engine.SeriesAsync("selectors", "size", 4);
        UInt128 other = await engine.SeriesAsync("somebody", "requests_total", 2);
        foreach (UInt128 id in new[] { requests, errors, size, other })
        {
            // SDKs send an exemplar again with each export until they have another.
            await ExemplarsAsync(id, (2_000, 2), (1_000, 1));
            await ExemplarsAsync(id, (2_000, 2), (3_000, 3));
        }

        Assert.Equal(
            ["{__name__=\"requests_total\", code=\"200\"}: 1@1000 2@2000 3@3000", "{__name__=\"requests_total\", code=\"500\"}: 1@1000 2@2000 3@3000"],
            await SelectAsync("selectors", "rate(requests_total{code=\"500\"}[5m]) / rate(requests_total[5m])"));
        Assert.Equal(["{__name__=\"size\"}: 2@2000 3@3000"], await SelectAsync("selectors", "histogram_sum(size)", 2_000, 3_000));
        Assert.Equal(["{__name__=\"size\"}: 1@1000 2@2000"], await SelectAsync("selectors", "size", 0, 2_999));
        Assert.Equal(["{__name__=\"size\"}: 1@1000 2@2000 3@3000"], await SelectAsync("selectors", "{__name__=~\"s.*\"}", 0, long.MaxValue));
    }

    [Fact]
    public async Task Ids_of_the_span_stand_among_the_labels_and_no_attribute_in_their_place()
    {
        UInt128 id = await engine.SeriesAsync("ids", "requests_total", 2);
        await engine.InsertAsync("exemplars", [
            $"({id}, fromUnixTimestamp64Milli(1000), 1, unhex('{Trace}'), unhex('{Span}'), map('trace_id', 'x', 'user', 'u1'), 'ss')",
            $"({id}, fromUnixTimestamp64Milli(2000), 2, '', '', map('trace_id', 'x'), 's')"]);

        SeriesExemplars series = Assert.Single(await ReadAsync("ids", "requests_total", 0, 9_000));

        Assert.Equal(
            [$"{{span_id=\"{Span}\", trace_id=\"{Trace}\", user=\"u1\"}}", "{trace_id=\"x\"}"], series.Exemplars.Select(exemplar => exemplar.Labels.ToString()));
    }

    [Fact]
    public async Task More_exemplars_than_a_query_may_read_are_an_error()
    {
        UInt128 id = await engine.SeriesAsync("many", "requests_total", 2);
        await ExemplarsAsync(id, (1_000, 1), (2_000, 2), (3_000, 3));
        var reader = new ExemplarReader(engine.Store, new QueryOptions { MaxSamples = 2 }, "many");

        StoreException failure = await Assert.ThrowsAsync<StoreException>(
            async () => await reader.SelectAsync([PromQLParser.ParseSelector("requests_total").Matchers], new TimeRange(0, 9_000), default));

        Assert.Equal(396, failure.Code);
    }

    private Task ExemplarsAsync(UInt128 id, params (long TimeMs, double Value)[] exemplars) => engine.InsertAsync("exemplars", exemplars.Select(exemplar =>
        string.Create(CultureInfo.InvariantCulture, $"({id}, fromUnixTimestamp64Milli({exemplar.TimeMs}), {exemplar.Value}, unhex('{Trace}'), unhex('{Span}'), map(), '')")));

    private async Task<string[]> SelectAsync(string tenant, string query, long startMs = 0, long endMs = 9_000) =>
        [.. (await ReadAsync(tenant, query, startMs, endMs)).Select(series =>
            $"{series.Series}: {string.Join(' ', series.Exemplars.Select(exemplar => string.Create(CultureInfo.InvariantCulture, $"{exemplar.Value}@{exemplar.TimeMs}")))}")];

    private async Task<IReadOnlyList<SeriesExemplars>> ReadAsync(string tenant, string query, long startMs, long endMs) =>
        await new ExemplarReader(engine.Store, new QueryOptions(), tenant).SelectAsync(
            [.. Selectors.In(PromQLParser.Parse(query)).Select(selector => selector.Matchers)], new TimeRange(startMs, endMs), default);
}
