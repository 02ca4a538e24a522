using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using SloEngine.Collector.Limits;
using SloEngine.Server.Configuration;

namespace SloEngine.EndToEnd;

/// <summary>Limits of tenants, from the configuration file to the answers that senders get.</summary>
public sealed class TenantLimitSettingsTests
{
    [Fact]
    public void A_tenants_own_limits_stand_in_for_the_defaults_one_by_one()
    {
        ServerOptions options = Resolve("limits:\n  max_labels: 30\n  max_active_series: 500\ntenants:\n  acme:\n    max_active_series: 20000\n    bytes_per_second: 1000\n  other: {}\n");

        Assert.Equal(new TenantLimits { MaxLabels = 30, MaxActiveSeries = 500 }, options.Limits);
        Assert.Equal(new TenantLimits { MaxLabels = 30, MaxActiveSeries = 20_000, BytesPerSecond = 1000 }, options.Tenants["acme"]);
        Assert.Equal(options.Limits, options.Tenants["other"]);
    }

    [Theory]
    [InlineData("tenants:\n  acme:\n    max_active_serie: 1\n", ":3:5: unknown key max_active_serie; did you mean max_active_series?")]
    [InlineData("tenants:\n  acme:\n    max_labels: many\n", ":3:17): 'many' does not fit; expected a whole number from 1 to 1000")]
    [InlineData("tenants:\n  a/b:\n    max_labels: 1\n", ":2:3: 'a/b' is no valid tenant name")]
    [InlineData("tenants: acme\n", ":1:10: tenants is to be a mapping")]
    [InlineData("tenant:\n  acme: {}\n", "did you mean tenants?")]
    public void What_does_not_fit_is_named_with_its_place(string yaml, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigurationException>(() => Resolve(yaml)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_tenant_over_its_rate_gets_429_over_HTTP_and_RESOURCE_EXHAUSTED_over_gRPC_with_the_time_to_wait()
    {
        using var files = new TemporaryDirectory();
        string configuration = Path.Combine(files.Path, "sloengine.yaml");
        await File.WriteAllTextAsync(configuration, "tenants:\n  loud: {bytes_per_second: 1, burst_bytes: 1}\n");
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off", "--config", configuration);
        using var http = new HttpClient();

        Assert.Equal(HttpStatusCode.OK, (await PushAsync("loud")).StatusCode);
        using HttpResponseMessage refused = await PushAsync("loud");
        using HttpResponseMessage export = await ExportAsync();

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 1000);
        Assert.Contains("limit of 1 bytes a second", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("8", Trailer(export, "grpc-status"));
        Assert.Contains("google.rpc.RetryInfo", Encoding.Latin1.GetString(Base64(Trailer(export, "grpc-status-details-bin"))), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await PushAsync("quiet")).StatusCode);
        Assert.Contains("tenant=\"loud\"", await http.GetStringAsync(new Uri(server.Http, "/metrics")), StringComparison.Ordinal);

        async Task<HttpResponseMessage> PushAsync(string tenant)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.OtlpHttp, "/v1/logs"));
            request.Headers.Add("X-Scope-OrgID", tenant);
            request.Content = new StringContent(
                """{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}""", Encoding.UTF8, "application/json");
            return await http.SendAsync(request);
        }

        async Task<HttpResponseMessage> ExportAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Grpc, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"))
            {
                Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            request.Headers.Add("X-Scope-OrgID", "loud");
            // A message of one unknown field, that there is something to charge.
            request.Content = new ByteArrayContent([0, 0, 0, 0, 2, 0x38, 0x01]);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
            HttpResponseMessage response = await http.SendAsync(request);
            await response.Content.ReadAsByteArrayAsync();
            return response;
        }
    }

    [Fact]
    public async Task What_is_too_large_is_counted_with_its_tenant_and_what_is_cut_is_told()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(
            Path.Combine(files.Path, "data"), "--self-telemetry", "off", "--max-body-bytes", "65536", "--max-log-line-bytes", "1024");
        using var http = new HttpClient();

        using HttpResponseMessage large = await SendAsync(server.OtlpHttp, "/v1/logs", Line(100_000), "application/json", HttpVersion.Version11);
        using HttpResponseMessage export = await SendAsync(
            server.Grpc, "/opentelemetry.proto.collector.logs.v1.LogsService/Export", [0, 0, 2, 0, 0, .. new byte[131_072]], "application/grpc", HttpVersion.Version20);
        await export.Content.ReadAsByteArrayAsync();
        using HttpResponseMessage cut = await SendAsync(server.OtlpHttp, "/v1/logs", Line(2000), "application/json", HttpVersion.Version11);

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "8", HttpStatusCode.OK), (large.StatusCode, Trailer(export, "grpc-status"), cut.StatusCode));
        Assert.Contains("1 log bodies were longer than 1024 bytes and were cut (limits.max_log_line_bytes)", await cut.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        string[] counters = (await http.GetStringAsync(new Uri(server.Http, "/metrics"))).Split('\n');
        Assert.EndsWith(" 2", Assert.Single(counters, line => line.StartsWith("sloengine_collector_refused_requests", StringComparison.Ordinal)
            && line.Contains("tenant=\"big\"", StringComparison.Ordinal) && line.Contains("reason=\"too_large\"", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.EndsWith(" 1", Assert.Single(counters, line => line.StartsWith("sloengine_collector_cut_log_bodies", StringComparison.Ordinal)
            && line.Contains("tenant=\"big\"", StringComparison.Ordinal)), StringComparison.Ordinal);

        static byte[] Line(int length) => Encoding.UTF8.GetBytes(
            $$$"""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"{{{new string('x', length)}}}"}}]}]}]}""");

        async Task<HttpResponseMessage> SendAsync(Uri to, string path, byte[] body, string type, Version version)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(to, path)) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            request.Headers.Add("X-Scope-OrgID", "big");
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
            return await http.SendAsync(request);
        }
    }

    [Fact]
    public async Task Cardinality_is_told_of_all_tenants_or_of_the_one_that_asks()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(
            Path.Combine(files.Path, "data"), "--self-telemetry", "off", "--max-active-series", "3");
        using var http = new HttpClient();
        foreach (string tenant in (string[])["one", "two"])
        {
            string points = string.Join(',', Enumerable.Range(0, tenant == "two" ? 5 : 1).Select(id =>
                $$$"""{"timeUnixNano":"{{{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}}}000000","asInt":"1","attributes":[{"key":"user","value":{"stringValue":"{{{id}}}"}}]}"""));
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.OtlpHttp, "/v1/metrics"));
            request.Headers.Add("X-Scope-OrgID", tenant);
            request.Content = new StringContent(
                $$$"""{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"logins","gauge":{"dataPoints":[{{{points}}}]}}]}]}]}""", Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await http.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        JsonElement all = (await server.GetAsync("/api/v1/status/cardinality")).GetProperty("data");
        using var own = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Http, "/api/v1/status/cardinality"));
        own.Headers.Add("X-Scope-OrgID", "one");
        using HttpResponseMessage answer = await http.SendAsync(own);
        JsonElement one = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("data");

        Assert.Equal(4, all.GetProperty("activeSeries").GetInt32());
        JsonElement worst = all.GetProperty("tenants")[0];
        Assert.Equal(("two", 3, 3), (worst.GetProperty("tenant").GetString(), worst.GetProperty("activeSeries").GetInt32(), worst.GetProperty("seriesLimit").GetInt32()));
        Assert.Equal(2, worst.GetProperty("rejectedSeries").GetProperty("seriesLimit").GetInt32());
        Assert.Equal("logins", worst.GetProperty("seriesCountByMetricName")[0].GetProperty("name").GetString());
        JsonElement label = worst.GetProperty("labelValueCountByLabelName")[0];
        Assert.Equal(("user", 3), (label.GetProperty("name").GetString(), label.GetProperty("value").GetInt32()));
        Assert.Equal("one", Assert.Single(one.GetProperty("tenants").EnumerateArray()).GetProperty("tenant").GetString());
        using HttpResponseMessage bad = await http.GetAsync(new Uri(server.Http, "/api/v1/status/cardinality?limit=0"));
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
    }

    private static string Trailer(HttpResponseMessage response, string name) =>
        (response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? trailer) ? trailer : response.Headers.GetValues(name)).Single();

    private static byte[] Base64(string text) => Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));

    private static ServerOptions Resolve(string yaml)
    {
        using var files = new TemporaryDirectory();
        string path = Path.Combine(files.Path, "sloengine.yaml");
        File.WriteAllText(path, yaml);
        return ServerOptions.Resolve(new Dictionary<Setting, string>(), path, _ => null);
    }
}
