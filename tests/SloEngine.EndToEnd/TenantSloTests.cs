using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>SLOs, and what follows from them, are their tenant's alone: against the real server, with credentials.</summary>
public sealed class TenantSloTests
{
    private const string Operator = "operator-of-all-0123456789";

    /// <summary>Everything that can be asked, or told, of an SLO.</summary>
    private static readonly (HttpMethod Method, string Path, string? Body)[] Requests =
    [
        (HttpMethod.Get, "", null), (HttpMethod.Get, "/history", null), (HttpMethod.Get, "/postmortem", null), (HttpMethod.Get, "/postmortem?from=1", null),
        (HttpMethod.Get, "/definition", null), (HttpMethod.Get, "/versions", null), (HttpMethod.Get, "/versions/1", null), (HttpMethod.Get, "/corrections", null),
        (HttpMethod.Post, "/corrections", """{"at":"2026-01-01T00:00:00Z","bad":-1,"reason":"x"}"""), (HttpMethod.Delete, "/corrections/x?reason=y", null), (HttpMethod.Delete, "", null),
    ];

    [Fact]
    public async Task A_tenant_sees_and_changes_its_own_SLOs_and_those_of_others_are_not_there()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/acme.yaml", Slo("acme-file", "acme"));
        files.Write("slos/other.yaml", Slo("other-file", "other"));
        files.Write("slos/none.yaml", Slo("of-nobody", null));
        files.Write("slos/broken.yaml", "apiVersion: sloengine/v1\nkind: SLO\nmetadata: {name: broken}\nspec: {}\n");
        foreach (string slo in (string[])["acme-file", "other-file", "of-nobody"])
        {
            files.Write($"scaling/{slo}.yaml", $$"""
                apiVersion: sloengine/v1
                kind: ScalingPolicy
                metadata: {name: {{slo}}}
                spec: {target: {namespace: shop, name: {{slo}}}, slo: {{slo}}, requestsPerReplica: 10, maxReplicas: 5}
                """);
        }
        files.Write("receivers.yaml", "receivers: [{name: oncall, webhook: 'http://127.0.0.1:9'}]\n");
        await using ServerProcess server = await StartAsync(files);
        using var http = new HttpClient { BaseAddress = server.Http };

        async Task<(HttpStatusCode Status, string Text)> SendAsync(HttpMethod method, string path, string token, string? tenant = null, string? body = null)
        {
            using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
            request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
            request.Headers.TryAddWithoutValidation("If-Match", method == HttpMethod.Post ? null : "*");
            using HttpResponseMessage response = await http.SendAsync(request);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }

        async Task<JsonElement> GetAsync(string path, string token, string? tenant = null)
        {
            (HttpStatusCode status, string text) = await SendAsync(HttpMethod.Get, path, token, tenant);
            Assert.True(status == HttpStatusCode.OK, $"{path}: {status} {text}");
            return JsonDocument.Parse(text).RootElement;
        }

        async Task<string> NamesAsync(string path, string list, string name, string token, string? tenant = null)
        {
            JsonElement json = await GetAsync(path, token, tenant);
            json = json.TryGetProperty("data", out JsonElement data) ? data : json;
            return string.Join(' ', json.GetProperty(list).EnumerateArray().Select(one => name.Split('.').Aggregate(one, (at, key) => at.GetProperty(key)).GetString()).Distinct().Order());
        }

        // Each saves an SLO of its own; none without a tenant, or of another's.
        foreach (string tenant in (string[])["acme", "other"])
        {
            Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Post, "/api/v1/slos", Token(tenant), null, Slo(tenant + "-saved", tenant))).Status);
        }
        (HttpStatusCode refused, string why) = await SendAsync(HttpMethod.Post, "/api/v1/slos", Token("acme"), null, Slo("mine", null));
        Assert.Equal((HttpStatusCode.Forbidden, "SLO 'mine' is about no tenant, expected acme, whose the request is (tenant, or annotation sloengine/tenant)"), (refused, Detail(why)));
        Assert.Equal(HttpStatusCode.Forbidden, (await SendAsync(HttpMethod.Put, "/api/v1/slos/mine", Token("acme"), null, Slo("mine", "other"))).Status);

        // What is there.
        foreach ((string token, string? tenant, string slos, string policies) in ((string, string?, string, string)[])
        [
            (Token("acme"), null, "acme-file acme-saved", "acme-file"),
            (Token("other"), "other", "other-file other-saved", "other-file"),
            (Operator, "acme", "acme-file acme-saved", "acme-file"),
            (Operator, "default", "of-nobody", "of-nobody"),
            (Operator, "nobody", "", ""),
            (Operator, null, "acme-file acme-saved of-nobody other-file other-saved", "acme-file of-nobody other-file"),
        ])
        {
            Assert.Equal(slos, await NamesAsync("/api/v1/slos", "slos", "id", token, tenant));
            Assert.Equal(tenant is null or "default" && token == Operator ? 1 : 0, (await GetAsync("/api/v1/slos", token, tenant)).GetProperty("errors").EnumerateArray().DistinctBy(error => error.GetProperty("file").GetString()).Count());
            await ServerProcess.UntilAsync(() => NamesAsync("/api/v1/scaling", "policies", "name", token, tenant), found => found == policies, TimeSpan.FromSeconds(20));
        }

        // A foreign SLO is answered about as one that there has never been.
        foreach ((HttpMethod method, string path, string? body) in Requests)
        {
            foreach (string foreign in (string[])["other-file", "other-saved", "of-nobody"])
            {
                (HttpStatusCode status, string text) = await SendAsync(method, $"/api/v1/slos/{foreign}{path}", Token("acme"), null, body);
                (HttpStatusCode expected, string never) = await SendAsync(method, $"/api/v1/slos/never-been{path}", Token("acme"), null, body);
                Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (expected, status));
                Assert.Equal(never.Replace("never-been", foreign, StringComparison.Ordinal), text);
            }
            Assert.NotEqual(HttpStatusCode.NotFound, method == HttpMethod.Delete || path == "/postmortem" ? default : (await SendAsync(method, $"/api/v1/slos/acme-saved{path}", Token("acme"), null, body)).Status);
        }

        // A name has one owner, also once the SLO is removed.
        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Post, HttpMethod.Put])
        {
            foreach (string foreign in (string[])["other-file", "other-saved"])
            {
                (HttpStatusCode status, string text) = await SendAsync(method, method == HttpMethod.Post ? "/api/v1/slos" : "/api/v1/slos/" + foreign, Token("acme"), null, Slo(foreign, "acme"));
                Assert.Equal((HttpStatusCode.Conflict, $"the name '{foreign}' is taken; names are unique in the server, choose another"), (status, Detail(text)));
            }
        }
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Delete, "/api/v1/slos/other-saved", Token("other"))).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await SendAsync(HttpMethod.Post, "/api/v1/slos", Token("acme"), null, Slo("other-saved", "acme"))).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(HttpMethod.Get, "/api/v1/slos/other-saved/versions", Token("acme"))).Status);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, "/api/v1/slos/other-saved/versions", Token("other"))).Status);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Post, "/api/v1/slos", Token("other"), null, Slo("other-saved", "other"))).Status);

        // Events of alerts, notifications and buckets: each tenant fails in its own number.
        foreach ((string tenant, int failures) in ((string, int)[])[("acme", 100), ("other", 200)])
        {
            Assert.Equal(HttpStatusCode.OK, (await PostTelemetryAsync(server, tenant, failures)).StatusCode);
        }
        foreach (string tenant in (string[])["acme", "other"])
        {
            string own = $"{tenant}-file {tenant}-saved";
            await ServerProcess.UntilAsync(() => NamesAsync("/api/v1/alerts", "alerts", "labels.slo", Token(tenant)), found => found == own, TimeSpan.FromSeconds(60));
            await ServerProcess.UntilAsync(() => NamesAsync("/api/v1/alerts/history", "alerts", "slo", Token(tenant)), found => found == own, TimeSpan.FromSeconds(20));
        }
        Assert.Equal("acme-file acme-saved of-nobody other-file other-saved", await NamesAsync("/api/v1/alerts", "alerts", "labels.slo", Operator));
        Assert.Equal("", await NamesAsync("/api/v1/alerts/history?slo=other-file", "alerts", "slo", Token("acme")));
        JsonElement[] mine = [.. (await GetAsync("/api/v1/notifications", Token("acme"))).GetProperty("notifications").EnumerateArray()];
        JsonElement[] all = [.. (await GetAsync("/api/v1/notifications", Operator)).GetProperty("notifications").EnumerateArray()];
        Assert.Equal((2, 5), (mine.Length, all.Length));
        string Rows(string sql) => "/api/v1/sql?query=" + Uri.EscapeDataString(sql);
        await ServerProcess.UntilAsync(
            async () => (await GetAsync(Rows("SELECT sum(total) AS n FROM sli_buckets WHERE NOT startsWith(slo, 'past/')"), Token("acme"))).GetProperty("data")[0].GetProperty("n").GetDouble(),
            total => total == 200, TimeSpan.FromSeconds(30));
        Assert.Equal(2, (await GetAsync(Rows("SELECT uniqExact(slo) AS n FROM alerts"), Token("acme"))).GetProperty("data")[0].GetProperty("n").GetInt32());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await SendAsync(HttpMethod.Get, Rows("SELECT text FROM slo_definitions"), Token("acme"))).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await SendAsync(HttpMethod.Get, Rows("SELECT reason FROM sloengine.slo_corrections"), Token("acme"))).Status);

        // A composite shows nothing of what a tenant may not see; the operator's may be made of any.
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Post, "/api/v1/slos", Token("acme"), null, Composite("acme-peeks", "acme"))).Status);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Post, "/api/v1/slos", Operator, null, Composite("all-of-them", null))).Status);
        Assert.Equal(100, (await GetAsync("/api/v1/slos/acme-peeks", Token("acme"))).GetProperty("totalEvents").GetDouble());
        Assert.Equal(300, (await GetAsync("/api/v1/slos/all-of-them", Operator)).GetProperty("totalEvents").GetDouble());

        // Changes that were told.
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Post, "/api/v1/events", Token("other"), null, """{"kind":"deployment","service":"shop","title":"secret"}""")).Status);
        Assert.Equal("secret", await NamesAsync("/api/v1/events", "events", "title", Token("other")));
        Assert.Equal("", await NamesAsync("/api/v1/events", "events", "title", Token("acme")));
    }

    private static string Token(string tenant) => $"token-of-{tenant}-0123456789";

    private static string Detail(string json) => JsonDocument.Parse(json).RootElement.GetProperty("detail").GetString()!;

    private static Task<ServerProcess> StartAsync(TemporaryDirectory files)
    {
        string Credential(string name, string token, string tenants) => $$"""
              - {name: {{name}}, token_sha256: {{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)))}}, tenants: {{tenants}}, rights: [write, read, admin]}
            """;
        string configuration = files.Write("sloengine.yaml", $"""
            authentication:
              credentials:
            {Credential("acme", Token("acme"), "[acme]")}
            {Credential("other", Token("other"), "[other]")}
            {Credential("operator", Operator, "'*'")}
            """);
        return ServerProcess.StartAsync(
            Path.Combine(files.Path, "data"), "--config", configuration, "--slos", Path.Combine(files.Path, "slos"), "--scaling", Path.Combine(files.Path, "scaling"),
            "--receivers", Path.Combine(files.Path, "receivers.yaml"), "--self-telemetry", "off");
    }

    private static string Slo(string name, string? tenant) => $$"""
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: {{name}}}
        spec:
          service: shop
          {{(tenant is null ? "" : $"tenant: {tenant}")}}
          indicator: {bad: 'app_requests_total{code="500"}', total: app_requests_total}
          objectives: [{target: 0.999}]
          alerts: [{name: outage, severity: page, long: 1h, short: 5m, factor: 14.4}]
        """;

    private static string Composite(string name, string? tenant) => $$"""
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: {{name}}}
        spec:
          service: shop
          {{(tenant is null ? "" : $"tenant: {tenant}")}}
          indicator: {composite: [{slo: acme-file, weight: 1}, {slo: other-file, weight: 1}]}
          objectives: [{target: 0.999}]
          alerts: []
        """;

    /// <summary>A delta of failed requests.</summary>
    private static async Task<HttpResponseMessage> PostTelemetryAsync(ServerProcess server, string tenant, int failures)
    {
        long now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        string body = $$$"""
            {"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"metrics":[{"name":"app.requests","unit":"{request}",
            "sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"attributes":[{"key":"code","value":{"stringValue":"500"}}],"startTimeUnixNano":"{{{now - 1_000_000_000}}}","timeUnixNano":"{{{now}}}","asInt":"{{{failures}}}"}]}}]}]}]}
            """;
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.OtlpHttp, "/v1/metrics")) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + Token(tenant));
        return await http.SendAsync(request);
    }
}
