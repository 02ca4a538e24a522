using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;

namespace SloEngine.Query.Tests;

/// <summary>Which series and labels there are, and limits on reading them.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class LabelCatalogTests(MetricStore engine)
{
    private static readonly string[] Selectors = ["", "{__name__=~\"l.*\"}", "{__name__!=\"up\",job!=\"\"}", "{le=\"1.0\"}", "{job=~\"a|b\"}", "{zone=\"\",job!=\"\"}", "latency_bucket{le!=\"+Inf\"}"];

    [Fact]
    public async Task Names_and_values_are_those_of_the_matching_series()
    {
        await engine.SeriesAsync("labels", "up", 1, "'job':'a','zone':'z'");
        await engine.SeriesAsync("labels", "up", 1, "'job':'b'");
        await engine.SeriesAsync("labels", "latency", 3, "'job':'b','path':'/'", bounds: "0.5, 1");
        await engine.SeriesAsync("labels", "size", 4, "'job':'c'");
        await engine.SeriesAsync("somebody else", "secret", 1, "'hidden':'x'");
        var catalog = new LabelCatalog(engine.Store, new StoredSeriesSources(engine.Store, new QueryOptions()), new QueryOptions(), "labels");

        foreach (string text in Selectors)
        {
            IReadOnlyList<LabelMatcher>[] selectors = text.Length == 0 ? [] : [PromQLParser.ParseSelector(text).Matchers];
            IReadOnlyCollection<Labels> series = await catalog.SeriesAsync(selectors.Length == 0 ? [[]] : selectors, null, default);

            Assert.Equal(
                series.SelectMany(labels => labels.Pairs.ToArray().Select(pair => pair.Key)).Distinct().Order(StringComparer.Ordinal),
                await catalog.NamesAsync(selectors, null, default));
            foreach (string name in (string[])["__name__", "job", "le", "path", "zone", "hidden"])
            {
                Assert.Equal(
                    series.Select(labels => labels[name]).Where(value => value.Length > 0).Distinct().Order(StringComparer.Ordinal),
                    await catalog.ValuesAsync(name, selectors, null, default));
            }
        }
    }

    [Fact]
    public async Task A_selector_that_would_read_too_much_is_stopped_in_the_store()
    {
        UInt128 id = await engine.SeriesAsync("much", "x", 1);
        await engine.SamplesAsync(id, (1000, 1), (2000, 2), (3000, 3));
        var source = new StoredSeriesSources(engine.Store, new QueryOptions { MaxSamples = 2 }).Of("much");

        StoreException failure = await Assert.ThrowsAsync<StoreException>(
            async () => await source.SelectAsync(new SeriesSelection(PromQLParser.ParseSelector("x").Matchers, 0, 5000), default));

        // The code that the API takes for Prometheus' error about too many samples.
        Assert.Equal(396, failure.Code);
    }
}
