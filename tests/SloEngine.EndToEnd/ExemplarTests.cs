using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace SloEngine.EndToEnd;

/// <summary>Exemplars, and what senders say that they have left out, against the real process: from the wire to the query APIs.</summary>
public sealed class ExemplarTests
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";
    private const string Span = "b7ad6b7169203331";

    [Theory]
    [InlineData(OtlpExportProtocol.Grpc)]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    public async Task Exemplars_of_the_SDK_lead_from_a_metric_to_the_span_that_was_measured(OtlpExportProtocol protocol)
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        string name = "exemplars-" + protocol;
        using var meter = new Meter(name);
        using var source = new ActivitySource(name);
        string traceId;
        string spanId;
        using (Sdk.CreateTracerProviderBuilder().AddSource(name).SetSampler(new AlwaysOnSampler()).Build())
        using (MeterProvider metrics = Sdk.CreateMeterProviderBuilder().AddMeter(name).SetExemplarFilter(ExemplarFilterType.TraceBased)
            .AddView("latency", new ExplicitBucketHistogramConfiguration { Boundaries = [0.1, 1], TagKeys = ["path"] })
            .AddView("size", new Base2ExponentialBucketHistogramConfiguration())
            .AddOtlpExporter(options =>
            {
                options.Protocol = protocol;
                options.Endpoint = protocol == OtlpExportProtocol.Grpc ? server.Grpc : new Uri(server.OtlpHttp, "/v1/metrics");
            }).Build())
        {
            Counter<long> requests = meter.CreateCounter<long>("requests");
            Histogram<double> latency = meter.CreateHistogram<double>("latency", "s");
            Histogram<double> size = meter.CreateHistogram<double>("size", "By");
            requests.Add(1);
            latency.Record(0.05, new KeyValuePair<string, object?>("path", "/"), new KeyValuePair<string, object?>("user", "u0"));
            using (Activity activity = source.StartActivity("request")!)
            {
                (traceId, spanId) = (activity.TraceId.ToHexString(), activity.SpanId.ToHexString());
                requests.Add(2);
                latency.Record(0.5, new KeyValuePair<string, object?>("path", "/"), new KeyValuePair<string, object?>("user", "u1"));
                size.Record(3);
            }
            // Twice, so that the same exemplars come again.
            Assert.True(metrics.ForceFlush(10_000));
            Assert.True(metrics.ForceFlush(10_000));
        }
        await server.StoredAsync();

        JsonElement counter = Only(await ExemplarsAsync(server, "rate(requests_total[5m])"));
        Assert.Equal("requests_total", counter.GetProperty("seriesLabels").GetProperty("__name__").GetString());
        AssertExemplar(counter, "2", null);
        JsonElement bucket = Only(await ExemplarsAsync(server, "histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))"));
        Assert.Equal(("latency_seconds_bucket", "1.0", "/"), (Label(bucket, "__name__"), Label(bucket, "le"), Label(bucket, "path")));
        AssertExemplar(bucket, "0.5", "u1");
        JsonElement native = Only(await ExemplarsAsync(server, "histogram_quantile(0.5, rate(size_bytes[5m]))"));
        Assert.Equal("size_bytes", Label(native, "__name__"));
        AssertExemplar(native, "3", null);
        Assert.Equal(1, await server.SqlNumberAsync($"SELECT uniqExact(trace_id) FROM exemplars WHERE lower(hex(trace_id)) = '{traceId}'"));

        void AssertExemplar(JsonElement series, string value, string? user)
        {
            JsonElement exemplar = Assert.Single(series.GetProperty("exemplars").EnumerateArray());
            Assert.Equal(value, exemplar.GetProperty("value").GetString());
            JsonElement labels = exemplar.GetProperty("labels");
            Assert.Equal((traceId, spanId), (labels.GetProperty("trace_id").GetString(), labels.GetProperty("span_id").GetString()));
            Assert.Equal(user, labels.TryGetProperty("user", out JsonElement given) ? given.GetString() : null);
        }
    }

    [Fact]
    public async Task Exemplars_outlive_kill_9_and_the_answer_has_the_shape_of_Prometheus()
    {
        using var files = new TemporaryDirectory();
        string data = Path.Combine(files.Path, "data");
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        string time = now.ToString(CultureInfo.InvariantCulture) + "000000";
        await using (ServerProcess server = await ServerProcess.StartAsync(data, "--self-telemetry", "off"))
        {
            (HttpStatusCode status, string answer) = await PostAsync(server, "/v1/metrics", $$$"""
                {"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"metrics":[
                {"name":"orders","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"timeUnixNano":"{{{time}}}","asInt":"7","exemplars":[
                {"timeUnixNano":"{{{time}}}","asInt":"1","traceId":"{{{Trace}}}","spanId":"{{{Span}}}","filteredAttributes":[{"key":"user.id","value":{"intValue":"42"}}]},
                {"timeUnixNano":"{{{time}}}","asInt":"1","traceId":"00","spanId":"{{{Span}}}"}]}]}}]}]}]}
                """);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(
                "1 exemplars were dropped: resource_metrics[0].scope_metrics[0].metrics[0].data_points[0]: the trace_id of an exemplar is not 16 bytes",
                JsonDocument.Parse(answer).RootElement.GetProperty("partialSuccess").GetProperty("errorMessage").GetString());
            await server.KillAsync();
        }

        await using ServerProcess restarted = await ServerProcess.StartAsync(data, "--self-telemetry", "off");
        await restarted.StoredAsync();
        string seconds = (now / 1000m).ToString(now % 1000 == 0 ? "0" : "0.000", CultureInfo.InvariantCulture);
        string labels = $$$"""{"span_id":"{{{Span}}}","trace_id":"{{{Trace}}}","user.id":"42"}""";
        Assert.Equal(
            """{"status":"success","data":[{"seriesLabels":{"__name__":"orders_total","job":"shop","service_name":"shop"},"exemplars":[{"labels":"""
            + labels + ",\"value\":\"1\",\"timestamp\":" + seconds + "}]}]}",
            (await restarted.GetAsync($"/api/v1/query_exemplars?query=orders_total%2Borders_total&start={seconds}&end={seconds}")).GetRawText());
        Assert.Equal(
            """{"status":"success","data":[]}""", (await restarted.GetAsync("/api/v1/query_exemplars?query=orders_total&start=0&end=1")).GetRawText());
        // As Prometheus: without a selector there is nothing to answer.
        using var http = new HttpClient { BaseAddress = restarted.Http };
        Assert.Equal(HttpStatusCode.NoContent, (await http.GetAsync(new Uri("/api/v1/query_exemplars?query=1%2B1", UriKind.Relative))).StatusCode);
        Assert.Equal(1, await restarted.SqlNumberAsync("SELECT count() FROM exemplars"));
    }

    [Fact]
    public async Task A_trace_tells_what_its_senders_have_left_out()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        string time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture) + "000000";
        (HttpStatusCode status, _) = await PostAsync(server, "/v1/traces", $$$"""
            {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}],"droppedAttributesCount":1},"scopeSpans":[{"scope":
            {"name":"lib","attributes":[{"key":"a","value":{"stringValue":"b"}}],"droppedAttributesCount":2},"spans":[{"traceId":"{{{Trace}}}","spanId":"{{{Span}}}","name":"GET","startTimeUnixNano":"{{{time}}}",
            "endTimeUnixNano":"{{{time}}}","flags":257,"droppedAttributesCount":3,"droppedEventsCount":4,"droppedLinksCount":5,
            "events":[{"timeUnixNano":"{{{time}}}","name":"e","droppedAttributesCount":6}],
            "links":[{"traceId":"{{{Trace}}}","spanId":"{{{Span}}}","traceState":"k=v","flags":769,"droppedAttributesCount":7}]}]}]}]}
            """);
        Assert.Equal(HttpStatusCode.OK, status);
        (status, _) = await PostAsync(server, "/v1/logs", $$$"""
            {"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[
            {"timeUnixNano":"{{{time}}}","body":{"stringValue":"x"},"eventName":"order","flags":1,"droppedAttributesCount":8}]}]}]}
            """);
        Assert.Equal(HttpStatusCode.OK, status);
        await server.StoredAsync();

        JsonElement resource = (await server.GetAsync($"/api/v2/traces/{Trace}")).GetProperty("trace").GetProperty("resourceSpans")[0];
        JsonElement scope = resource.GetProperty("scopeSpans")[0];
        JsonElement span = scope.GetProperty("spans")[0];
        JsonElement link = span.GetProperty("links")[0];

        Assert.Equal(1, Count(resource.GetProperty("resource")));
        Assert.Equal(2, Count(scope.GetProperty("scope")));
        Assert.Equal("a", scope.GetProperty("scope").GetProperty("attributes")[0].GetProperty("key").GetString());
        Assert.Equal((257, 3, 4, 5), (Count(span, "flags"), Count(span), Count(span, "droppedEventsCount"), Count(span, "droppedLinksCount")));
        Assert.Equal(6, Count(span.GetProperty("events")[0]));
        Assert.Equal((769, 7, "k=v"), (Count(link, "flags"), Count(link), link.GetProperty("traceState").GetString()));
        Assert.Equal(1, await server.SqlNumberAsync("SELECT count() FROM logs WHERE event_name = 'order' AND flags = 1 AND dropped_attributes_count = 8"));

        static int Count(JsonElement message, string name = "droppedAttributesCount") => message.GetProperty(name).GetInt32();
    }

    private static async Task<JsonElement> ExemplarsAsync(ServerProcess server, string query) =>
        (await server.GetAsync("/api/v1/query_exemplars?query=" + Uri.EscapeDataString(query))).GetProperty("data");

    private static JsonElement Only(JsonElement series) => Assert.Single(series.EnumerateArray());

    private static string? Label(JsonElement series, string name) => series.GetProperty("seriesLabels").GetProperty(name).GetString();

    private static async Task<(HttpStatusCode Status, string Answer)> PostAsync(ServerProcess server, string path, string body)
    {
        using var http = new HttpClient { BaseAddress = server.OtlpHttp };
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri(path, UriKind.Relative), content);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
