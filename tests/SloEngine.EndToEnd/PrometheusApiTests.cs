using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>A server with a few metrics.</summary>
public sealed class MetricServer : IAsyncLifetime, IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public ServerProcess Server { get; private set; } = null!;

    public HttpClient Http { get; } = new(new HttpClientHandler { AutomaticDecompression = DecompressionMethods.None });

    /// <summary>Time of the last points, Unix seconds.</summary>
    public long Now { get; } = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 10;

    public async Task InitializeAsync()
    {
        Server = await ServerProcess.StartAsync(Path.Combine(_files.Path, "data"), "--self-telemetry", "off");
        Http.BaseAddress = Server.Http;
        var metrics = new OtlpMetricsJson("shop");
        for (int step = 0; step < 20; step++)
        {
            long time = (Now - 285 + (15 * step)) * 1000;
            metrics.Counter("http.requests", [new("code", "200")], time, 100 + (step * 3));
            metrics.Counter("http.requests", [new("code", "500")], time, step);
            metrics.Gauge("room.temperature", [new("room", "a.b")], time, 20 + (step / 10d));
            metrics.Histogram("latency", [], time, [0.5, 1, 2_000_000], [step, step, 2, 0], step);
            metrics.Exponential("size", [], time, 3, 1, 0, [step, 2, 1], step);
        }
        await metrics.SendAsync(Server.OtlpHttp);
        await Server.StoredAsync();
    }

    public async Task DisposeAsync() => await Server.DisposeAsync();

    public void Dispose()
    {
        Http.Dispose();
        _files.Dispose();
    }
}

/// <summary>The API of Prometheus as its clients use it. Texts and codes of errors are those of Prometheus 3.5 for the same requests.</summary>
public sealed class PrometheusApiTests(MetricServer metrics) : IClassFixture<MetricServer>
{
    private const string Wrong = "unexpected end of input inside braces";

    [Theory]
    [InlineData("query", 400, "bad_data", "invalid parameter \"query\": unknown position: parse error: no expression found in input")]
    [InlineData("query?query=up%7B", 400, "bad_data", "invalid parameter \"query\": 1:4: parse error: " + Wrong)]
    [InlineData("query?query=up&time=abc", 400, "bad_data", "invalid parameter \"time\": invalid time value for 'time': cannot parse \"abc\" to a valid timestamp")]
    [InlineData("query?query=up&timeout=abc", 400, "bad_data", "invalid parameter \"timeout\": cannot parse \"abc\" to a valid duration")]
    [InlineData("query?query=up&timeout=0.0000001", 503, "timeout", "query timed out in expression evaluation")]
    [InlineData("query?query=up&lookback_delta=x", 400, "bad_data", "error parsing lookback delta duration: cannot parse \"x\" to a valid duration")]
    [InlineData("query?query=up&limit=x", 400, "bad_data", "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax")]
    [InlineData("query?query=up&limit=-1", 400, "bad_data", "invalid parameter \"limit\": limit must be non-negative")]
    [InlineData("query?query=vector(1)[10000d:1ms]", 422, "execution", "query processing would load too many samples into memory in query execution")]
    [InlineData("query?query=label_replace(http_requests_total,\"code\",\"\",\"code\",\".*\")", 422, "execution", "vector cannot contain metrics with the same labelset")]
    [InlineData("query_range", 400, "bad_data", "invalid parameter \"start\": cannot parse \"\" to a valid timestamp")]
    [InlineData("query_range?query=up&start=1", 400, "bad_data", "invalid parameter \"end\": cannot parse \"\" to a valid timestamp")]
    [InlineData("query_range?query=up&start=1&end=0", 400, "bad_data", "invalid parameter \"end\": end timestamp must not be before start time")]
    [InlineData("query_range?query=up&start=1&end=2", 400, "bad_data", "invalid parameter \"step\": cannot parse \"\" to a valid duration")]
    [InlineData("query_range?query=up&start=1&end=2&step=0", 400, "bad_data", "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer")]
    [InlineData("query_range?query=up&start=1&end=11002&step=1", 400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")]
    [InlineData("query_range?query=up[5m]&start=1&end=2&step=1", 400, "bad_data", "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector")]
    [InlineData("query_exemplars?query=up&start=3&end=2", 400, "bad_data", "end timestamp must not be before start timestamp")]
    [InlineData("query_exemplars?query=up%7B", 400, "bad_data", "1:4: parse error: " + Wrong)]
    [InlineData("format_query?query=up%7B", 400, "bad_data", "invalid parameter \"query\": 1:4: parse error: " + Wrong)]
    [InlineData("series", 400, "bad_data", "no match[] parameter provided")]
    [InlineData("series?match[]=up%7B", 400, "bad_data", "invalid parameter \"match[]\": 1:4: parse error: " + Wrong)]
    [InlineData("series?match[]=%7B%7D", 400, "bad_data", "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher")]
    [InlineData("labels?match[]=%7B%7D", 400, "bad_data", "match[] must contain at least one non-empty matcher")]
    [InlineData("labels?start=x", 400, "bad_data", "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp")]
    [InlineData("metadata?limit=x", 400, "bad_data", "limit must be a number")]
    [InlineData("rules?type=x", 400, "bad_data", "invalid parameter \"type\": not supported value \"x\"")]
    [InlineData("status/tsdb?limit=x", 400, "bad_data", "limit must be a positive number")]
    public async Task A_wrong_request_is_answered_as_Prometheus_does(string request, int status, string type, string message)
    {
        using HttpResponseMessage response = await metrics.Http.GetAsync(new Uri("/api/v1/" + request, UriKind.Relative));
        JsonElement answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(("error", type, message), (answer.GetProperty("status").GetString(), answer.GetProperty("errorType").GetString(), answer.GetProperty("error").GetString()));
    }

    /// <summary>What Grafana's Prometheus data source sends: its health check, the query builder, variables, panels and Explore.</summary>
    [Fact]
    public async Task Requests_of_Grafana_are_answered_in_shape()
    {
        (long start, long end) = (metrics.Now - 300, metrics.Now);
        string range = string.Create(CultureInfo.InvariantCulture, $"start={start}&end={end}");

        Assert.StartsWith("3.", (await GetAsync("status/buildinfo")).GetProperty("version").GetString(), StringComparison.Ordinal);
        Assert.Equal("2", (await PostAsync("query", $"query=1%2B1&time={end}")).GetProperty("result")[1].GetString());
        Assert.Equal(["__name__", "code", "job", "le", "room", "service_name"], Texts(await PostAsync("labels", range)));
        Assert.Equal(
            ["http_requests_total", "latency_bucket", "latency_count", "latency_sum", "room_temperature", "size"], Texts(await GetAsync($"label/__name__/values?{range}")));
        Assert.Equal(["200", "500"], Texts(await GetAsync($"label/code/values?{range}&match[]=http_requests_total")));
        Assert.Equal(["+Inf", "0.5", "1.0", "2e+06"], Texts(await GetAsync("label/le/values")));
        Assert.Empty(Texts(await GetAsync("label/code/values?start=1&end=2")));
        JsonElement series = await PostAsync("series", $"match[]=http_requests_total&{range}");
        Assert.Equal(["200", "500"], series.EnumerateArray().Select(one => one.GetProperty("code").GetString()));
        Assert.Equal("counter", (await GetAsync("metadata?limit_per_metric=1")).GetProperty("http_requests_total")[0].GetProperty("type").GetString());
        Assert.Equal("{\"groups\":[]}", (await GetAsync("rules")).GetRawText());
        Assert.Equal("{\"groups\":[]}", (await GetAsync("rules?type=alert")).GetRawText());
        Assert.Equal("{\"groups\":[]}", (await GetAsync("rules?type=record")).GetRawText());
        Assert.Equal(["http_requests_total"], Texts(await GetAsync($"label/__name__/values?{range}&match[]=%7Bcode%3D%22200%22%7D&limit=40000")));
        Assert.Equal(["__name__", "code", "job", "service_name"], Texts(await PostAsync("labels", $"{range}&match[]=http_requests_total")));
        Assert.Equal(["http_requests_total"], (await GetAsync("metadata?metric=http_requests_total")).EnumerateObject().Select(metric => metric.Name));
        Assert.Equal(JsonValueKind.Array, (await GetAsync("alerts")).GetProperty("alerts").ValueKind);
        Assert.Equal("[]", (await GetAsync($"query_exemplars?query=size&{range}")).GetRawText());

        JsonElement panel = await PostAsync("query_range", $"query=sum+by+(code)+(rate(http_requests_total[1m]))&{range}&step=15");
        Assert.Equal("matrix", panel.GetProperty("resultType").GetString());
        Assert.Equal(0.2, Number(panel.GetProperty("result")[0].GetProperty("values").EnumerateArray().Last()[1]), 1e-9);
        JsonElement heat = await PostAsync("query_range", $"query=size&{range}&step=15");
        JsonElement histogram = heat.GetProperty("result")[0].GetProperty("histograms").EnumerateArray().Last()[1];
        Assert.Equal("23", histogram.GetProperty("count").GetString());
        Assert.Equal([0, 1, 1.0905077326652577, 19], histogram.GetProperty("buckets")[1].EnumerateArray().Select(Number));
        JsonElement table = await GetAsync($"query?query=http_requests_total&time={end}.5&stats=all&lookback_delta=1m");
        Assert.Equal(decimal.Parse($"{end}.5", CultureInfo.InvariantCulture), table.GetProperty("result")[0].GetProperty("value")[0].GetDecimal());
        Assert.True(table.GetProperty("stats").GetProperty("timings").GetProperty("evalTotalTime").GetDouble() > 0);
        Assert.Equal(2, table.GetProperty("stats").GetProperty("samples").GetProperty("totalQueryableSamples").GetInt64());
    }

    /// <summary>Names as OTLP brought them, in each place that takes a selector or a label.</summary>
    [Fact]
    public async Task Metrics_and_attributes_are_found_by_their_names_of_OpenTelemetry()
    {
        (long start, long end) = (metrics.Now - 300, metrics.Now);
        string range = string.Create(CultureInfo.InvariantCulture, $"start={start}&end={end}");
        string requests = Uri.EscapeDataString("{\"http.requests\", \"service.name\"=\"shop\"}");

        JsonElement now = await GetAsync($"query?query=sum+by+(\"service.name\")+({requests})&time={end}");
        Assert.Equal("shop", Assert.Single(now.GetProperty("result").EnumerateArray()).GetProperty("metric").GetProperty("service_name").GetString());
        JsonElement then = await PostAsync("query_range", $"query=rate({requests}[1m])&{range}&step=15");
        Assert.Equal(["200", "500"], then.GetProperty("result").EnumerateArray().Select(one => one.GetProperty("metric").GetProperty("code").GetString()));
        Assert.Equal(["200", "500"], (await PostAsync("series", $"match[]={requests}&{range}")).EnumerateArray().Select(one => one.GetProperty("code").GetString()));
        Assert.Equal(["__name__", "code", "job", "service_name"], Texts(await PostAsync("labels", $"{range}&match[]={requests}")));
        Assert.Equal(["shop"], Texts(await GetAsync($"label/U__service_2e_name/values?match[]={requests}")));
        Assert.Empty((await GetAsync($"query?query={Uri.EscapeDataString("{\"http.request\"}")}&time={end}")).GetProperty("result").EnumerateArray());
    }

    /// <summary>What several steps look at counts for each of them, and a subquery by what the function around it looks at, as in Prometheus.</summary>
    [Theory]
    [InlineData("http_requests_total", "2 2 2")]
    [InlineData("rate(http_requests_total[1m])", "8 8 8")]
    [InlineData("sum(http_requests_total) / count(http_requests_total)", "4 4 4")]
    [InlineData("max_over_time(http_requests_total[30s:15s])", "4 4 4")]
    [InlineData("http_requests_total @ end()", "2 2 2")]
    [InlineData("vector(1)", "0 0 0")]
    [InlineData("size", "13 13 13")]
    public async Task Statistics_tell_the_samples_of_each_step(string query, string samples)
    {
        string range = string.Create(CultureInfo.InvariantCulture, $"start={metrics.Now - 30}&end={metrics.Now}&step=15&stats=");
        JsonElement all = (await GetAsync($"query_range?query={Uri.EscapeDataString(query)}&{range}all")).GetProperty("stats").GetProperty("samples");
        JsonElement some = (await GetAsync($"query_range?query={Uri.EscapeDataString(query)}&{range}1")).GetProperty("stats").GetProperty("samples");

        JsonElement[] steps = [.. all.GetProperty("totalQueryableSamplesPerStep").EnumerateArray()];
        Assert.Equal([metrics.Now - 30, metrics.Now - 15, metrics.Now], steps.Select(step => step[0].GetInt64()));
        Assert.Equal(samples, string.Join(' ', steps.Select(step => step[1].GetInt64())));
        Assert.Equal(steps.Sum(step => step[1].GetInt64()), all.GetProperty("totalQueryableSamples").GetInt64());
        Assert.False(some.TryGetProperty("totalQueryableSamplesPerStep", out _));
    }

    [Theory]
    [InlineData("DELETE", "/api/v1/query", "GET, POST")]
    [InlineData("PUT", "/api/v1/query_range", "GET, POST")]
    [InlineData("POST", "/api/v1/label/job/values", "GET")]
    [InlineData("POST", "/api/v1/rules", "GET")]
    [InlineData("GET", "/api/v1/write", "POST")]
    [InlineData("GET", "/api/v1/read", "POST")]
    [InlineData("DELETE", "/loki/api/v1/labels", "GET, POST")]
    [InlineData("POST", "/api/traces/0123", "GET")]
    [InlineData("PUT", "/api/v1/slos", "GET, POST")]
    public async Task A_wrong_method_is_told_the_right_ones(string method, string path, string allowed)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using HttpResponseMessage response = await metrics.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(allowed, string.Join(", ", response.Content.Headers.Allow.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("/api/v1/nothing", HttpStatusCode.NotFound)]
    [InlineData("/loki/api/v1/nothing", HttpStatusCode.NotFound)]
    [InlineData("/assets/nothing.js", HttpStatusCode.NotFound)]
    public async Task What_there_is_not_is_not_found(string path, HttpStatusCode status)
    {
        using HttpResponseMessage response = await metrics.Http.GetAsync(new Uri(path, UriKind.Relative));

        Assert.Equal(status, response.StatusCode);
    }

    [Theory]
    [InlineData("query?query=http_requests_total", "application/vnd.apache.arrow.stream", true)]
    [InlineData("query_range?query=http_requests_total&start=1&end=2&step=1", "application/json;q=0.5, application/vnd.apache.arrow.stream", true)]
    [InlineData("query?query=1", "application/vnd.apache.arrow.stream;q=0.5, */*", true)]
    [InlineData("query?query=1", "application/vnd.apache.arrow.stream;q=0.5, application/json", false)]
    [InlineData("query?query=1", "application/vnd.apache.arrow.stream;q=0", false)]
    [InlineData("query?query=1", "*/*", false)]
    [InlineData("labels", "application/vnd.apache.arrow.stream", false)]
    public async Task Who_asks_for_Arrow_gets_an_Arrow_stream(string path, string accept, bool isArrow)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/" + path) { Headers = { { "Accept", accept } } };
        using HttpResponseMessage response = await metrics.Http.SendAsync(request);
        byte[] body = await response.Content.ReadAsByteArrayAsync();

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(isArrow ? "application/vnd.apache.arrow.stream" : "application/json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(isArrow ? [0xFF, 0xFF, 0xFF, 0xFF] : "{\"st"u8.ToArray(), body[..4]);
        Assert.Equal(isArrow, body.AsSpan().EndsWith<byte>([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]));
    }

    [Fact]
    public async Task Errors_are_told_in_JSON_to_those_who_ask_for_Arrow_too()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/query?query=%22text%22") { Headers = { { "Accept", "application/vnd.apache.arrow.stream" } } };
        using HttpResponseMessage response = await metrics.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("no answer in Arrow", JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plus_is_not_escaped()
    {
        string buckets = await metrics.Http.GetStringAsync(new Uri("/api/v1/query?query=latency_bucket", UriKind.Relative));

        Assert.Contains("\"le\":\"+Inf\"", buckets, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_server_tells_about_itself_in_Prometheus_shapes()
    {
        Assert.Equal(JsonValueKind.Array, (await GetAsync("targets")).GetProperty("activeTargets").ValueKind);
        Assert.Equal(JsonValueKind.Array, (await GetAsync("alertmanagers")).GetProperty("droppedAlertmanagers").ValueKind);
        Assert.Equal("", (await GetAsync("status/config")).GetProperty("yaml").GetString());
        Assert.Equal("300s", (await GetAsync("status/flags")).GetProperty("query.lookback-delta").GetString());
        Assert.True((await GetAsync("status/runtimeinfo")).GetProperty("startTime").GetDateTimeOffset() < DateTimeOffset.UtcNow);
        JsonElement tsdb = await GetAsync("status/tsdb");
        Assert.Equal(5, tsdb.GetProperty("headStats").GetProperty("numSeries").GetInt64());
        Assert.Equal("http.requests", tsdb.GetProperty("seriesCountByMetricName")[0].GetProperty("name").GetString()!.Replace("_total", "", StringComparison.Ordinal).Replace('_', '.'));
    }

    [Fact]
    public async Task Expressions_are_formatted_and_parsed()
    {
        Assert.Equal("sum by (a) (up)", (await GetAsync("format_query?query=sum(up)by(a)")).GetString());
        JsonElement tree = await GetAsync("parse_query?query=" + Uri.EscapeDataString("sum by(a)(rate(x{b!~\"c\"}[5m] offset 3m)) > bool 1e3"));
        Assert.Equal(
            """
            {"type":"binaryExpr","op":">","lhs":{"type":"aggregation","op":"sum","expr":{"type":"call","func":{"name":"rate","argTypes":["matrix"],"variadic":0,"returnType":"vector"},"args":[{"type":"matrixSelector","name":"x","matchers":[{"name":"b","value":"c","type":"!~"},{"name":"__name__","value":"x","type":"="}],"offset":180000,"timestamp":null,"startOrEnd":null,"range":300000}]},"param":null,"grouping":["a"],"without":false},"rhs":{"type":"numberLiteral","val":"1000"},"matching":null,"bool":true}
            """.Trim(),
            tree.GetRawText());
    }

    [Theory]
    [InlineData("query?query=http_requests_total&limit=1", "result")]
    [InlineData("series?match[]=http_requests_total&limit=1", null)]
    [InlineData("labels?limit=1", null)]
    [InlineData("label/code/values?limit=1", null)]
    public async Task A_limit_cuts_and_says_so(string request, string? items)
    {
        JsonElement answer = await metrics.Server.GetAsync("/api/v1/" + request);

        JsonElement data = answer.GetProperty("data");
        Assert.Equal(1, (items is null ? data : data.GetProperty(items)).GetArrayLength());
        Assert.Equal("results truncated due to limit", answer.GetProperty("warnings")[0].GetString());
    }

    [Fact]
    public async Task Remarks_stand_beside_the_data()
    {
        JsonElement answer = await metrics.Server.GetAsync("/api/v1/query?query=rate(room_temperature[5m])");

        Assert.Equal(
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"room_temperature\" (1:6)",
            answer.GetProperty("infos")[0].GetString());
    }

    [Fact]
    public async Task Answers_are_compressed_for_those_who_accept_it()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/labels");
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("gzip"));
        using HttpResponseMessage response = await metrics.Http.SendAsync(request);

        Assert.Equal(["gzip"], response.Content.Headers.ContentEncoding);
        await using var plain = new GZipStream(await response.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
        Assert.Equal("success", (await JsonDocument.ParseAsync(plain)).RootElement.GetProperty("status").GetString());
    }

    private async Task<JsonElement> GetAsync(string request) => (await metrics.Server.GetAsync("/api/v1/" + request)).GetProperty("data");

    private async Task<JsonElement> PostAsync(string path, string form)
    {
        using var content = new StringContent(form, new MediaTypeHeaderValue("application/x-www-form-urlencoded"));
        using HttpResponseMessage response = await metrics.Http.PostAsync(new Uri("/api/v1/" + path, UriKind.Relative), content);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path} {form}: {text}");
        return JsonDocument.Parse(text).RootElement.Clone().GetProperty("data");
    }

    private static IEnumerable<string?> Texts(JsonElement array) => array.EnumerateArray().Select(item => item.GetString());

    private static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.Parse(value.GetString()!, CultureInfo.InvariantCulture);
}
