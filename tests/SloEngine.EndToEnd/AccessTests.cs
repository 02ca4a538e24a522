using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SloEngine.Server.Configuration;

namespace SloEngine.EndToEnd;

/// <summary>Who may send and read what, against the real server: one start, many requests.</summary>
public sealed class AccessTests
{
    private const string WriteToken = "write-acme-0123456789abcdef";
    private const string ReadToken = "read-acme-0123456789abcdefg";
    private const string OtherToken = "other-all-rights-0123456789";
    private const string GatewayToken = "gateway-of-all-0123456789ab";
    private const string Password = "a password of some length";

    /// <summary>Every path that reads a tenant's telemetry; each shows the other tenant's secret if it lets one through.</summary>
    private static readonly string[] ReadPaths =
    [
        "/api/v1/query?query=private_metric", "/api/v1/query_range?query=private_metric&start=BEGIN&end=NOW&step=15",
        "/api/v1/series?match[]=private_metric", "/api/v1/labels", "/api/v1/label/secret/values", "/api/v1/label/__name__/values", "/api/v1/metadata",
        "/api/v1/status/tsdb", "/api/v1/status/cardinality", "/api/v1/query_exemplars?query=private_metric&start=BEGIN&end=NOW",
        "/loki/api/v1/query_range?query=%7Bservice_name%3D~%22.%2B%22%7D", "/loki/api/v1/series", "/loki/api/v1/labels", "/loki/api/v1/label/service_name/values",
        "/api/search?q=%7B%7D", "/api/traces/0102030405060708090a0b0c0d0e0f10", "/api/v2/traces/0102030405060708090a0b0c0d0e0f10", "/api/search/tags",
        "/api/v2/search/tags", "/api/search/tag/secret/values", "/api/v2/search/tag/span.secret/values", "/api/v1/services", "/api/v1/slos/suggestions",
        "/api/v1/sql?query=SELECT%20*%20FROM%20logs", "/api/v1/sql?query=SELECT%20*%20FROM%20series", "/api/v1/sql?query=SELECT%20*%20FROM%20spans",
        "/api/v1/sql?query=SELECT%20*%20FROM%20resources",
    ];

    private static readonly string[] ServerPaths =
        ["/api/v1/slos", "/api/v1/rules", "/api/v1/alerts", "/api/v1/alerts/history", "/api/v1/notifications", "/api/v1/scaling", "/api/v1/dashboards", "/api/v1/status/buildinfo"];

    private static readonly string[] AdminPaths = ["/api/v1/status/store", "/metrics", "/api/v1/store/backups/x"];

    private static readonly (string Path, string Type)[] HttpReceivers =
    [
        ("/api/v1/write", "application/x-protobuf"), ("/api/v1/otlp/v1/metrics", "application/json"), ("/loki/api/v1/push", "application/json"),
    ];

    [Fact]
    public async Task Each_path_asks_for_a_credential_and_shows_its_tenants_data_alone()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await StartAsync(files);
        using var http = new HttpClient();

        // Writing: nobody, the wrong right, the wrong tenant, the right one.
        foreach ((Uri address, string type) in Receivers(server))
        {
            Assert.Equal((HttpStatusCode.Unauthorized, "a credential is needed"), await PostAsync(address, type, null));
            Assert.Equal((HttpStatusCode.Unauthorized, "the bearer token is not known"), await PostAsync(address, type, "Bearer " + ReadToken + "x"));
            Assert.Equal((HttpStatusCode.Forbidden, "credential reader does not have the right 'write'"), await PostAsync(address, type, "Bearer " + ReadToken));
            Assert.Equal((HttpStatusCode.Forbidden, "credential writer is not for the tenant"), await PostAsync(address, type, "Bearer " + WriteToken, "other"));
        }
        Assert.Equal(("16", true), await GrpcAsync(server, null, null));
        Assert.Equal(("7", true), await GrpcAsync(server, ReadToken, null));
        Assert.Equal(("7", true), await GrpcAsync(server, WriteToken, "other"));
        Assert.Equal(("0", false), await GrpcAsync(server, WriteToken, null));
        Assert.Equal(("0", false), await GrpcAsync(server, WriteToken, "acme"));

        foreach ((string token, string tenant) in ((string, string)[])[(WriteToken, "acme"), (OtherToken, "other")])
        {
            foreach ((string path, string body) in Telemetry(tenant))
            {
                Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Post, new Uri(server.OtlpHttp, path), "Bearer " + token, null, body, "application/json")).Status);
            }
        }
        await ServerProcess.UntilAsync(
            async () => (await SendAsync(HttpMethod.Get, new Uri(server.Http, "/metrics"), "Bearer " + OtherToken, null)).Body.Split('\n')
                .First(line => line.StartsWith("sloengine_collector_log_lag_bytes", StringComparison.Ordinal)),
            line => line.EndsWith(" 0", StringComparison.Ordinal), TimeSpan.FromSeconds(30));

        // Reading: each tenant sees its own secret, and never the other's.
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        foreach (string template in ReadPaths)
        {
            var path = new Uri(server.Http, template.Replace("NOW", $"{now}", StringComparison.Ordinal).Replace("BEGIN", $"{now - 60}", StringComparison.Ordinal));
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(HttpMethod.Get, path, null, null)).Status);
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(HttpMethod.Get, path, null, "acme")).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, path, "Bearer " + WriteToken, null)).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, path, "Bearer " + ReadToken, "other")).Status);
            (HttpStatusCode status, string own) = await SendAsync(HttpMethod.Get, path, "Bearer " + ReadToken, null);
            Assert.True(status is HttpStatusCode.OK or HttpStatusCode.NotFound, $"{path}: {status} {own}");
            Assert.DoesNotContain("secret-of-other", own, StringComparison.Ordinal);
        }
        foreach (string shows in (string[])["/api/v1/query?query=private_metric", "/loki/api/v1/label/service_name/values", "/loki/api/v1/series", "/api/v1/sql?query=SELECT%20*%20FROM%20logs", "/api/traces/0102030405060708090a0b0c0d0e0f10"])
        {
            Assert.Contains("secret-of-acme", (await SendAsync(HttpMethod.Get, new Uri(server.Http, shows), "Bearer " + ReadToken, "acme")).Body, StringComparison.Ordinal);
            Assert.Contains("secret-of-other", (await SendAsync(HttpMethod.Get, new Uri(server.Http, shows), "Bearer " + OtherToken, null)).Body, StringComparison.Ordinal);
        }
        string cardinality = (await SendAsync(HttpMethod.Get, new Uri(server.Http, "/api/v1/status/cardinality"), "Bearer " + ReadToken, null)).Body;
        Assert.Equal(["acme"], JsonDocument.Parse(cardinality).RootElement.GetProperty("data").GetProperty("tenants").EnumerateArray().Select(tenant => tenant.GetProperty("tenant").GetString()));

        // Of the server, not of a tenant.
        foreach (string path in ServerPaths)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(HttpMethod.Get, new Uri(server.Http, path), null, null)).Status);
            Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, new Uri(server.Http, path), "Bearer " + ReadToken, null)).Status);
        }
        foreach (string path in AdminPaths)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(HttpMethod.Get, new Uri(server.Http, path), null, null)).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, new Uri(server.Http, path), "Bearer " + ReadToken, null)).Status);
            Assert.NotEqual(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Get, new Uri(server.Http, path), "Bearer " + OtherToken, null)).Status);
        }
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Put, new Uri(server.Http, "/api/v1/dashboards/x"), "Bearer " + ReadToken, null, "{}", "application/json")).Status);

        foreach ((HttpMethod method, string path) in ((HttpMethod, string)[])
            [(HttpMethod.Post, "/api/v1/slos"), (HttpMethod.Put, "/api/v1/slos/x"), (HttpMethod.Delete, "/api/v1/slos/x"), (HttpMethod.Post, "/api/v1/slos/x/corrections"), (HttpMethod.Delete, "/api/v1/slos/x/corrections/y")])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(method, new Uri(server.Http, path), null, null, "{}", "application/json")).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(method, new Uri(server.Http, path), "Bearer " + ReadToken, null, "{}", "application/json")).Status);
            Assert.NotEqual(HttpStatusCode.Forbidden, (await SendAsync(method, new Uri(server.Http, path), "Bearer " + OtherToken, null, "{}", "application/json")).Status);
        }

        // Open, and by user and password.
        foreach (string path in (string[])["/healthz", "/readyz"])
        {
            Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, new Uri(server.Http, path), null, null)).Status);
        }
        string basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("jane:" + Password));
        Assert.Contains("secret-of-acme", (await SendAsync(HttpMethod.Get, new Uri(server.Http, "/api/v1/query?query=private_metric"), basic, null)).Body, StringComparison.Ordinal);
        foreach (string wrong in (string[])["Basic " + Convert.ToBase64String("jane:wrong"u8), "Basic !", "Digest x", "Bearer " + Password, "Bearer "])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(HttpMethod.Get, new Uri(server.Http, "/api/v1/labels"), wrong, null)).Status);
        }

        // A gateway writes for all tenants by resources; others for their own alone.
        string foreign = Telemetry("other", attribute: true)[1].Body;
        (HttpStatusCode refused, string why) = await SendAsync(HttpMethod.Post, new Uri(server.OtlpHttp, "/v1/logs"), "Bearer " + WriteToken, null, foreign, "application/json");
        Assert.Equal(HttpStatusCode.Forbidden, refused);
        Assert.Contains("may not write for tenant other", why, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Post, new Uri(server.OtlpHttp, "/v1/logs"), "Bearer " + GatewayToken, null, foreign, "application/json")).Status);

        async Task<(HttpStatusCode Status, string Body)> SendAsync(
            HttpMethod method, Uri address, string? authorization, string? tenant, string? body = null, string? type = null)
        {
            using var request = new HttpRequestMessage(method, address);
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
            request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
            request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, type!);
            using HttpResponseMessage response = await http.SendAsync(request);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }

        async Task<(HttpStatusCode Status, string Why)> PostAsync(Uri address, string type, string? authorization, string? tenant = null)
        {
            (HttpStatusCode status, string text) = await SendAsync(HttpMethod.Post, address, authorization, tenant, "", type);
            string[] reasons = ["a credential is needed", "the bearer token is not known", "credential reader does not have the right 'write'", "credential writer is not for the tenant"];
            return (status, reasons.FirstOrDefault(reason => text.Contains(reason, StringComparison.Ordinal) || text.Contains(reason.Replace("'", "\\u0027", StringComparison.Ordinal), StringComparison.Ordinal)) ?? text);
        }
    }

    [Fact]
    public async Task Self_telemetry_is_let_in_and_no_secret_is_in_the_log()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await StartAsync(files, "--log-level", "trace");
        using var http = new HttpClient();

        string rows = await ServerProcess.UntilAsync(
            async () =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Http, "/api/v1/sql?query=SELECT%20count()%20AS%20n%20FROM%20logs&format=csv"));
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", GatewayToken);
                using HttpResponseMessage response = await http.SendAsync(request);
                return (await response.Content.ReadAsStringAsync()).Trim();
            },
            text => !text.EndsWith("\n0", StringComparison.Ordinal) && text.Contains('\n', StringComparison.Ordinal), TimeSpan.FromSeconds(30));

        Assert.StartsWith("\"n\"", rows, StringComparison.Ordinal);
        Assert.DoesNotContain(GatewayToken, server.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("authorization", server.Errors, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("authentication: {credentials: []}", ":1:17: authentication.credentials is empty")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, token: clear-text, tenants: [x], rights: [read]}", ":3:22: authentication.credentials[0].token holds a secret in clear")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, token: '${NONE}', tenants: [x], rights: [read]}", "refers to the environment variable NONE, which is not set")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, token: '${SHORT}', tenants: [x], rights: [read]}", "has 5 characters; expected at least 16")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, token_sha256: abc, tenants: [x], rights: [read]}", "is no SHA-256; expected 64 hexadecimal digits")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, token: '${LONG}', tenants: [a/b], rights: [read]}", "is 'a/b', which is no valid tenant name")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, token: '${LONG}', tenants: [x], rights: [reed]}", "is 'reed', expected write, read or admin")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, tokens: '${LONG}', tenants: [x], rights: [read]}", "unknown key tokens in authentication.credentials[0]; did you mean token?")]
    [InlineData("authentication:\n  credentials:\n  - {name: a, password: '${LONG}', tenants: [x], rights: [read]}", "stands without a user")]
    [InlineData("authentication: {open: [everything], credentials: []}", "is 'everything', expected scaling or metrics")]
    public void What_does_not_fit_is_named_with_its_place(string yaml, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigurationException>(() => Resolve(yaml)).Message, StringComparison.Ordinal);

    private static Task<ServerProcess> StartAsync(TemporaryDirectory files, params string[] arguments)
    {
        string hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
        string configuration = files.Write("sloengine.yaml", $"""
            authentication:
              credentials:
              - name: writer
                token_sha256: {hash(WriteToken)}
                tenants: [acme]
                rights: [write]
              - name: reader
                token_sha256: {hash(ReadToken)}
                tenants: [acme]
                rights: [read]
              - name: other
                token_sha256: {hash(OtherToken)}
                tenants: [other]
                rights: [write, read, admin]
              - name: gateway
                token_sha256: {hash(GatewayToken)}
                tenants: '*'
                rights: [write, read]
              - name: jane
                user: jane
                password_sha256: {hash(Password)}
                tenants: [acme]
                rights: [read]
            tenant_attribute: tenant.id
            """);
        string[] own = arguments.Length == 0 ? ["--self-telemetry", "off"] : arguments;
        return ServerProcess.StartAsync(Path.Combine(files.Path, "data"), ["--config", configuration, .. own]);
    }

    private static IEnumerable<(Uri, string)> Receivers(ServerProcess server) =>
    [
        .. ((string[])["/v1/metrics", "/v1/logs", "/v1/traces"]).SelectMany(path => ((string[])["application/json", "application/x-protobuf"]).Select(type => (new Uri(server.OtlpHttp, path), type))),
        .. HttpReceivers.Select(receiver => (new Uri(server.Http, receiver.Path), receiver.Type)),
    ];

    /// <summary>Metrics, logs and spans that hold the tenant's secret in every place that a reader may show.</summary>
    private static (string Path, string Body)[] Telemetry(string tenant, bool attribute = false)
    {
        string secret = "secret-of-" + tenant;
        long now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        string text(string key, string value) => $$$"""{"key":"{{{key}}}","value":{"stringValue":"{{{value}}}"}}""";
        string resource = $$$"""{"attributes":[{{{text("service.name", secret)}}}{{{(attribute ? "," + text("tenant.id", tenant) : "")}}}]}""";
        return
        [
            ("/v1/metrics", $$$"""{"resourceMetrics":[{"resource":{{{resource}}},"scopeMetrics":[{"metrics":[{"name":"private_metric","description":"{{{secret}}}","gauge":{"dataPoints":[{"timeUnixNano":"{{{now}}}","asDouble":1,"attributes":[{{{text("secret", secret)}}}]}]}}]}]}]}"""),
            ("/v1/logs", $$$"""{"resourceLogs":[{"resource":{{{resource}}},"scopeLogs":[{"logRecords":[{"timeUnixNano":"{{{now}}}","body":{"stringValue":"{{{secret}}}"}}]}]}]}"""),
            ("/v1/traces", $$$"""{"resourceSpans":[{"resource":{{{resource}}},"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"{{{(tenant == "acme" ? "01" : "02")}}}00000000000000","name":"{{{secret}}}","startTimeUnixNano":"{{{now}}}","endTimeUnixNano":"{{{now}}}","attributes":[{{{text("secret", secret)}}}]}]}]}]}"""),
        ];
    }

    private static async Task<(string Status, bool HasMessage)> GrpcAsync(ServerProcess server, string? token, string? tenant)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Grpc, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.TryAddWithoutValidation("Authorization", token is null ? null : "Bearer " + token);
        request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
        request.Content = new ByteArrayContent([0, 0, 0, 0, 0]);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using HttpResponseMessage response = await http.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        return (Trailer("grpc-status")!, Trailer("grpc-message") is not null);

        string? Trailer(string name) => response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values) || response.Headers.TryGetValues(name, out values) ? values.Single() : null;
    }

    private static ServerOptions Resolve(string yaml)
    {
        using var files = new TemporaryDirectory();
        return ServerOptions.Resolve(new Dictionary<Setting, string>(), files.Write("sloengine.yaml", yaml), name => name switch
        {
            "SHORT" => "short",
            "LONG" => "long enough to be a secret",
            _ => null,
        });
    }
}
