using System.Globalization;
using System.Text.Json;

namespace SloEngine.EndToEnd.Differential;

/// <summary>The same exemplars by remote write, here and in the real Prometheus, and what query_exemplars says of them.</summary>
public sealed class ExemplarComparisonTests
{
    private static readonly KeyValuePair<string, string>[] Span =
        [new("span_id", "b7ad6b7169203331"), new("trace_id", "0af7651916cd43dd8448eb211c80319c")];

    /// <summary>STARTED is the time of the first exemplar.</summary>
    private static readonly string[] Requests =
    [
        "query=orders_total", "query=rate(orders_total{kind=\"b\"}[5m])", "query=latency_seconds_bucket", "query=latency_seconds_bucket{le=\"0.5\"}",
        "query=histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m]))) %2B on() sum(orders_total offset 1m)", "query=latency_seconds_count",
        "query=latency_seconds", "query=histogram_sum(size_bytes)", "query={__name__=~\".%2B\"}", "query={__name__!=\"orders_total\",job=\"shop\"}", "query=nothing",
        "query=1%2B1", "query=\"text\"", "query=orders_total&start=1&end=2", "query=orders_total&end=1", "query=orders_total&start=2&end=1",
        "query=orders_total&start=x", "query=orders_total&end=x", "query=orders_total{", "query=", "query=orders_total&start=STARTED&end=STARTED",
        "query=orders_total&start=STARTED", "query=orders_total&end=STARTED",
    ];

    [PrometheusFact]
    public async Task Answers_are_those_of_Prometheus()
    {
        using var files = new TemporaryDirectory();
        await using PrometheusProcess prometheus = await PrometheusProcess.StartAsync(files);
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        long started = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - 60_000;
        foreach (RemoteWrite request in (RemoteWrite[])[Samples(started), Exemplars(started), Exemplars(started)])
        {
            await request.SendAsync(prometheus.Http);
            await request.SendAsync(server.Http);
        }
        await server.StoredAsync();

        string seconds = (started / 1000m).ToString("0.000", CultureInfo.InvariantCulture);
        foreach (string request in Requests.Select(request => request.Replace("STARTED", seconds, StringComparison.Ordinal)))
        {
            Assert.Equal(await AskAsync(prometheus.Http, request), await AskAsync(server.Http, request));
        }
        Assert.Contains("\"value\":\"0.25\"", await AskAsync(server.Http, "query=latency_seconds_bucket"), StringComparison.Ordinal);
    }

    private static RemoteWrite Samples(long timeMs)
    {
        var request = new RemoteWrite();
        request.Sample(Labels("orders_total", ("kind", "a")), timeMs, 7);
        request.Sample(Labels("orders_total", ("kind", "b")), timeMs, 3);
        request.Sample(Labels("latency_seconds_bucket", ("le", "0.5")), timeMs, 2);
        request.Sample(Labels("latency_seconds_bucket", ("le", "+Inf")), timeMs, 4);
        request.Sample(Labels("latency_seconds_count"), timeMs, 4);
        request.Histogram(Labels("size_bytes"), timeMs, schema: 0, zeroThreshold: 0, zeros: 0, firstIndex: 1, [1], sum: 3);
        return request;
    }

    /// <summary>Sent twice: the second time each is one that is there already.</summary>
    private static RemoteWrite Exemplars(long timeMs)
    {
        var request = new RemoteWrite();
        request.Exemplar(Labels("orders_total", ("kind", "a")), timeMs, 1, Span);
        request.Exemplar(Labels("orders_total", ("kind", "a")), timeMs + 1_001, 2, [.. Span, new("user", "ü \"1\"")]);
        request.Exemplar(Labels("orders_total", ("kind", "b")), timeMs + 2, 1e21, [new("traceID", "0AF7651916CD43DD")]);
        request.Exemplar(Labels("latency_seconds_bucket", ("le", "0.5")), timeMs + 3, 0.25, Span);
        request.Exemplar(Labels("latency_seconds_bucket", ("le", "+Inf")), timeMs + 4, double.PositiveInfinity);
        request.Exemplar(Labels("size_bytes"), timeMs + 5, 3, [new("trace_id", "0AF7651916CD43DD8448EB211C80319C")]);
        return request;
    }

    private static KeyValuePair<string, string>[] Labels(string name, params (string Name, string Value)[] labels) =>
        [new("__name__", name), new("job", "shop"), .. labels.Select(label => KeyValuePair.Create(label.Name, label.Value))];

    private static async Task<string> AskAsync(Uri address, string request)
    {
        using var http = new HttpClient { BaseAddress = address };
        using HttpResponseMessage response = await http.GetAsync(new Uri("/api/v1/query_exemplars?" + request, UriKind.Relative));
        string text = await response.Content.ReadAsStringAsync();
        return $"{request}: {(int)response.StatusCode} {(text.Length == 0 ? "" : JsonSerializer.Serialize(JsonSerializer.Deserialize<JsonElement>(text)))}";
    }
}
