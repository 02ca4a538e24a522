using System.Globalization;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Naming;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Tests;

/// <summary>Metrics and attributes are found by their names of OpenTelemetry, though they are stored by those of Prometheus.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class OtelNameTests(MetricStore engine)
{
    private const string Duration = "http_server_request_duration_seconds";
    private const string OtelDuration = "http.server.request.duration";

    [Theory]
    // As NoTranslation of Prometheus 3 names them, and NoUTF8EscapingWithSuffixes.
    [InlineData("{\"http.server.request.duration_count\"}", Duration + "_count")]
    [InlineData("{\"http.server.request.duration_seconds_sum\"}", Duration + "_sum")]
    [InlineData("{\"http.server.request.duration_bucket\", le=\"1.0\"}", Duration + "_bucket")]
    [InlineData("{__name__=\"http.server.request.duration_bucket\", \"http.route\"=\"/x\", le=\"+Inf\"}", Duration + "_bucket")]
    [InlineData("{\"http.server.request.duration\"}")]
    [InlineData("{\"rpc.calls\"}", "rpc_calls_total")]
    [InlineData("{\"rpc.calls_total\"}", "rpc_calls_total")]
    [InlineData("{\"rpc.calls_count\"}")]
    [InlineData("{\"rpc.size\"}", "rpc_size_bytes")]
    [InlineData("{\"rpc.size_bytes\"}", "rpc_size_bytes")]
    [InlineData("{\"rpc.latency\"}", "rpc_latency_seconds{quantile=\"0.5\"}")]
    [InlineData("{\"rpc.latency_sum\"}", "rpc_latency_seconds_sum")]
    [InlineData("{\"rpc.latency_seconds_count\"}", "rpc_latency_seconds_count")]
    [InlineData("{\"rpc/calls\"}")]
    [InlineData("{\"sent.as.it.is\"}", "sent.as.it.is")]
    [InlineData("{\"2xx\"}", "_2xx")]
    [InlineData("{\"rpc.calls\", __name__=~\".*_bytes\"}")]
    public async Task A_metric_is_found_by_its_name_with_and_without_the_suffixes_of_unit_and_type(string selector, params string[] found)
    {
        await StoreAllAsync();

        Assert.Equal(found, (await SelectAsync("otel names", selector)).Select(Named));
    }

    [Fact]
    public async Task Of_two_names_that_became_one_and_of_two_tenants_the_one_that_was_asked_for_answers()
    {
        UInt128 dotted = await engine.SeriesAsync("otel twins", "queue_size", 1, "'from':'dots'", otelName: "queue.size");
        UInt128 slashed = await engine.SeriesAsync("otel twins", "queue_size", 1, "'from':'slash'", otelName: "queue/size");
        UInt128 others = await engine.SeriesAsync("otel strangers", "queue_size", 1, "'from':'others'", otelName: "queue.size");
        UInt128 elsewhere = await engine.SeriesAsync("otel strangers", "queue_size_bytes", 1, "'from':'others'", otelName: "queue.size");
        foreach (UInt128 id in (UInt128[])[dotted, slashed, others, elsewhere])
        {
            await engine.SamplesAsync(id, (1000, 1));
        }

        Assert.Equal(["dots"], await FromAsync("otel twins", "{\"queue.size\"}"));
        Assert.Equal(["slash"], await FromAsync("otel twins", "{\"queue/size\"}"));
        Assert.Equal(["dots", "slash"], await FromAsync("otel twins", "queue_size"));
        Assert.Equal(["queue_size", "queue_size_bytes"], (await SelectAsync("otel strangers", "{\"queue.size\"}")).Select(Named).Order());
        Assert.Empty(await FromAsync("otel nobody", "{\"queue.size\"}"));

        async Task<IEnumerable<string>> FromAsync(string tenant, string selector) => (await SelectAsync(tenant, selector)).Select(labels => labels["from"]);
    }

    [Fact]
    public async Task A_name_that_was_not_there_is_found_once_it_is_and_so_is_what_comes_after()
    {
        var sources = new StoredSeriesSources(engine.Store, new QueryOptions());
        Assert.Empty(await SelectAsync("otel late", "{\"jobs.done\"}", sources));

        // Written as the collector does, which tells the store's readers of it.
        await StoreAsync("jobs_done_total", "jobs.done", "a");
        Assert.Equal(["a"], await KeysAsync());
        await StoreAsync("jobs_done_total", "jobs.done", "b");
        await StoreAsync("jobs_done_seconds_total", "jobs.done", "c");
        Assert.Equal(["a", "b", "c"], await KeysAsync());

        async Task<IEnumerable<string>> KeysAsync() => (await SelectAsync("otel late", "{\"jobs.done\"}", sources)).Select(labels => labels["k"]).Order();

        async Task StoreAsync(string metric, string name, string key)
        {
            var row = new SeriesRow("otel late", metric, MetricKind.Counter, Temporality.Cumulative, [new("k", key)], []) { OtelName = name };
            using var writer = new NativeWriter();
            await engine.Store.InsertAsync(SeriesRow.Encode([row], DateTimeOffset.UnixEpoch, writer));
            await engine.SamplesAsync(row.Id, (1000, 1));
        }
    }

    [Fact]
    public async Task A_crowd_is_found_by_its_name_where_its_points_are_in_memory_and_where_they_are_stored()
    {
        UInt128[] pods = await Task.WhenAll(Enumerable.Range(0, 5).Select(pod => engine.SeriesAsync("otel crowd", "pod_up", 1, $"'pod':'{pod}'", otelName: "pod.up")));
        await engine.SamplesAsync(pods[0], (1000, 1));
        await engine.SamplesAsync(pods[1], (61_000, 1));
        RecentSamples recent = engine.Store.Recent!;
        recent.Add(MetricStore.NotStoredYet(pods[2], 62_000));
        var match = new SeriesMatch(engine.Store, new QueryOptions { MaxSeries = 3 });

        string[] asked = ["{\"pod.up\"}", "pod_up", "{\"pod.up\", \"pod\"!=\"1\"}"];
        var found = new List<string>();
        foreach (string selector in asked)
        {
            FoundSeries series = await match.FindAsync("otel crowd", PromQLParser.ParseSelector(selector).Matchers, null, new TimeRange(60_000, 120_000), default);
            found.Add(string.Concat(series.Series.Select(one => one.Named["pod"])));
        }
        recent.RemoveFirst(recent.Runs().Length);

        Assert.Equal(["12", "12", "2"], found);
    }

    [Theory]
    [InlineData("sum by (\"http.route\") ({\"rpc.calls\"})", "{http_route=\"/x\"} 1", "{http_route=\"/y\"} 2")]
    [InlineData("sum without (\"http.route\") ({\"rpc.calls\", \"http.route\"=~\"/[x]\"})", "{} 1")]
    [InlineData("{\"rpc.calls\"} * on (\"http.route\") group_left (\"peer.name\") {\"rpc.peers\"}", "{http_route=\"/x\", peer_name=\"p\"} 7")]
    [InlineData("{\"rpc.calls\"} unless ignoring (\"peer.name\") {\"rpc.peers\"}", "{__name__=\"rpc_calls_total\", http_route=\"/y\"} 2")]
    [InlineData("label_replace({\"rpc.peers\"}, \"short\", \"$1\", \"http.route\", \"/(.*)\")", "{__name__=\"rpc_peers\", http_route=\"/x\", peer_name=\"p\", short=\"x\"} 7")]
    [InlineData("label_join({\"rpc.peers\"}, \"both\", \"-\", \"http.route\", \"peer.name\")", "{__name__=\"rpc_peers\", both=\"/x-p\", http_route=\"/x\", peer_name=\"p\"} 7")]
    [InlineData("sort_by_label_desc({\"rpc.calls\"}, \"http.route\")", "{__name__=\"rpc_calls_total\", http_route=\"/y\"} 2", "{__name__=\"rpc_calls_total\", http_route=\"/x\"} 1")]
    [InlineData("sum by (\"as.sent\") (remote)", "{\"as.sent\"=\"1\"} 3")]
    [InlineData("remote{\"as.sent\"=\"1\"}", "{__name__=\"remote\", \"as.sent\"=\"1\"} 3")]
    [InlineData("remote{\"as.sent\"=\"2\"}")]
    public async Task Labels_of_a_query_may_be_attributes(string query, params string[] expected)
    {
        string tenant = $"otel {Guid.NewGuid():N}";
        UInt128 x = await engine.SeriesAsync(tenant, "rpc_calls_total", 2, "'http_route':'/x'", otelName: "rpc.calls");
        UInt128 y = await engine.SeriesAsync(tenant, "rpc_calls_total", 2, "'http_route':'/y'", otelName: "rpc.calls");
        UInt128 peers = await engine.SeriesAsync(tenant, "rpc_peers", 1, "'http_route':'/x','peer_name':'p'", otelName: "rpc.peers");
        UInt128 remote = await engine.SeriesAsync(tenant, "remote", 1, "'as.sent':'1'");
        await engine.SamplesAsync(x, (1000, 1));
        await engine.SamplesAsync(y, (1000, 2));
        await engine.SamplesAsync(peers, (1000, 7));
        await engine.SamplesAsync(remote, (1000, 3));
        var evaluation = new PromQLEngine(new EngineOptions { OtherLabel = PrometheusName.Translated });

        var result = (VectorResult)await evaluation.InstantAsync(
            PromQLParser.Parse(query, ParserOptions.All), new StoredSeriesSources(engine.Store, new QueryOptions()).Of(tenant), 2000, default);

        Assert.Equal(expected, Ordered(result.Samples.Select(sample => string.Create(CultureInfo.InvariantCulture, $"{sample.Labels} {sample.Value}"))));

        IEnumerable<string> Ordered(IEnumerable<string> samples) => query.StartsWith("sort", StringComparison.Ordinal) ? samples : samples.Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Series_and_values_of_labels_are_found_by_the_names_too()
    {
        await StoreAllAsync();
        var catalog = new LabelCatalog(engine.Store, new StoredSeriesSources(engine.Store, new QueryOptions()), new QueryOptions(), "otel names");
        IReadOnlyList<LabelMatcher>[] selectors = [PromQLParser.ParseSelector("{\"http.server.request.duration_count\"}").Matchers];

        Assert.Equal([Duration + "_count"], (await catalog.SeriesAsync(selectors, null, default)).Select(labels => labels[Labels.MetricName]));
        Assert.Equal([Duration + "_count"], (await catalog.SeriesAsync(selectors, new TimeRange(0, 5000), default)).Select(labels => labels[Labels.MetricName]));
        Assert.Empty(await catalog.SeriesAsync(selectors, new TimeRange(5000, 6000), default));
        Assert.Equal(["__name__", "http_route"], await catalog.NamesAsync(selectors, null, default));
        Assert.Equal(["/x"], await catalog.ValuesAsync("http.route", selectors, null, default));
        Assert.Equal(["/x"], await catalog.ValuesAsync("http.route", [], null, default));
        Assert.Equal(["0.5"], await catalog.ValuesAsync("quantile", [PromQLParser.ParseSelector("{\"http.route\"=\"\",quantile!=\"\"}").Matchers], null, default));
    }

    private static string Named(Labels labels) => labels["quantile"].Length == 0 ? labels[Labels.MetricName] : labels[Labels.MetricName] + labels.Where(static name => name == "quantile");

    private async Task StoreAllAsync()
    {
        if ((await SelectAsync("otel names", "rpc_size_bytes")).Count > 0)
        {
            return;
        }
        UInt128 duration = await engine.SeriesAsync("otel names", Duration, 3, "'http_route':'/x'", bounds: "0.5, 1", otelName: OtelDuration);
        await engine.InsertAsync("histograms", [$"({duration}, fromUnixTimestamp64Milli(1000), fromUnixTimestamp64Milli(0), 6, 3.5, nan, nan, [1, 2, 3])"]);
        (string Metric, int Kind, string Labels, string Name)[] plain =
        [
            ("rpc_calls_total", 2, "", "rpc.calls"), ("rpc_size_bytes", 1, "", "rpc.size"), ("rpc_latency_seconds", 5, "'quantile':'0.5'", "rpc.latency"),
            ("rpc_latency_seconds_sum", 2, "", "rpc.latency"), ("rpc_latency_seconds_count", 2, "", "rpc.latency"), ("sent.as.it.is", 1, "", "sent.as.it.is"), ("_2xx", 1, "", "2xx"),
        ];
        foreach ((string metric, int kind, string labels, string name) in plain)
        {
            await engine.SamplesAsync(await engine.SeriesAsync("otel names", metric, kind, labels, otelName: name), (1000, 1));
        }
    }

    private Task<IReadOnlyList<Labels>> SelectAsync(string tenant, string selector) => SelectAsync(tenant, selector, new StoredSeriesSources(engine.Store, new QueryOptions()));

    private static async Task<IReadOnlyList<Labels>> SelectAsync(string tenant, string selector, StoredSeriesSources sources) =>
        [.. (await sources.Of(tenant).SelectAsync(new SeriesSelection(PromQLParser.ParseSelector(selector).Matchers, 0, 5000), default)).Select(series => series.Labels)];
}
