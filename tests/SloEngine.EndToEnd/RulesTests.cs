using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>Rule files in the real server.</summary>
public sealed class RulesTests
{
    private const string Rules =
        """
        groups:
          - name: app
            interval: 1s
            rules:
              - record: app:answer
                expr: vector(42)
                labels: { team: shop }
              - record: app:answer:half
                expr: app:answer / 2
              - alert: AnswerIsThere
                expr: app:answer > 1
                labels: { severity: page }
                annotations:
                  summary: "{{ $labels.team }} has {{ $value }}"
        """;

    [Fact]
    public async Task Rules_are_evaluated_recorded_and_alert()
    {
        using var files = new TemporaryDirectory();
        files.Write("rules/app.yaml", Rules);
        string rules = Path.Combine(files.Path, "rules");
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--rules", rules, "--self-telemetry", "off");

        await ServerProcess.UntilAsync(() => QueryAsync(server, "app:answer:half"), value => value == 21, TimeSpan.FromSeconds(30));
        await ServerProcess.UntilAsync(
            () => QueryAsync(server, "ALERTS{alertname=\"AnswerIsThere\", alertstate=\"firing\", team=\"shop\"}"), value => value == 1, TimeSpan.FromSeconds(30));

        JsonElement group = Assert.Single((await server.GetAsync("/api/v1/rules")).GetProperty("data").GetProperty("groups").EnumerateArray());
        Assert.Equal(["recording", "recording", "alerting"], group.GetProperty("rules").EnumerateArray().Select(rule => rule.GetProperty("type").GetString()));
        Assert.All(group.GetProperty("rules").EnumerateArray(), rule => Assert.Equal("ok", rule.GetProperty("health").GetString()));
        JsonElement alert = Assert.Single((await server.GetAsync("/api/v1/alerts")).GetProperty("data").GetProperty("alerts").EnumerateArray());
        Assert.Equal(("firing", "shop has 42", "4.2e+01"), (
            alert.GetProperty("state").GetString(), alert.GetProperty("annotations").GetProperty("summary").GetString(), alert.GetProperty("value").GetString()));

        // A file that breaks leaves its groups; one that is repaired counts at once.
        files.Write("rules/app.yaml", "groups: [{ nam: app }]");
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.Single((await server.GetAsync("/api/v1/rules")).GetProperty("data").GetProperty("groups").EnumerateArray());
        files.Write("rules/app.yaml", Rules.Replace("vector(42)", "vector(44)", StringComparison.Ordinal));
        await ServerProcess.UntilAsync(() => QueryAsync(server, "app:answer:half"), value => value == 22, TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Alerts_of_rules_reach_Alertmanagers_and_webhooks_in_the_shapes_of_Alertmanager()
    {
        using var files = new TemporaryDirectory();
        files.Write("rules/app.yaml", """
            groups:
              - name: app
                interval: 1s
                rules:
                  - alert: AnswerIsThere
                    expr: vector(42) > 1
                    labels: { severity: page, team: shop }
                    annotations: { summary: "{{ $value }} in {{ $externalLabels.cluster }}" }
            """);
        await using AlertmanagerListener listener = await AlertmanagerListener.StartAsync();
        files.Write("receivers.yaml", $"receivers: [{{name: oncall, webhook: \"{listener.Url}hook\"}}]\n");
        await using ServerProcess server = await ServerProcess.StartAsync(
            Path.Combine(files.Path, "data"), "--rules", Path.Combine(files.Path, "rules"), "--self-telemetry", "off", "--receivers", Path.Combine(files.Path, "receivers.yaml"),
            "--alertmanagers", listener.Url.ToString().Replace("://", "://user:secret@", StringComparison.Ordinal) + "am", "--external-labels", "cluster=eu, team=nobody",
            "--external-url", "https://slo.example.com/");

        AlertmanagerListener.Request sent = await listener.NextAsync("/am/api/v2/alerts");
        Assert.Equal(("Basic dXNlcjpzZWNyZXQ=", "default", "application/json; charset=utf-8"), (sent.Authorization, sent.Tenant, sent.ContentType));
        JsonElement alert = Assert.Single(sent.Body.EnumerateArray());
        Assert.Equal(
            """{"cluster":"eu","team":"shop","alertname":"AnswerIsThere","severity":"page"}""",
            alert.GetProperty("labels").GetRawText());
        Assert.Equal("""{"summary":"42 in eu"}""", alert.GetProperty("annotations").GetRawText());
        Assert.Equal("https://slo.example.com/graph?g0.expr=vector%2842%29%20%3E%201&g0.tab=1", alert.GetProperty("generatorURL").GetString());
        DateTimeOffset began = alert.GetProperty("startsAt").GetDateTimeOffset();
        Assert.InRange(DateTimeOffset.UtcNow - began, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        // It holds until four sendings are lost.
        Assert.Equal(began.AddMinutes(4), alert.GetProperty("endsAt").GetDateTimeOffset());

        JsonElement hook = (await listener.NextAsync("/hook")).Body;
        Assert.Equal(("4", "firing", "oncall"), (hook.GetProperty("version").GetString(), hook.GetProperty("status").GetString(), hook.GetProperty("receiver").GetString()));
        Assert.Equal("""{}:{alertname="AnswerIsThere"}""", hook.GetProperty("groupKey").GetString());
        Assert.Equal("""{"alertname":"AnswerIsThere"}""", hook.GetProperty("groupLabels").GetRawText());
        JsonElement hooked = Assert.Single(hook.GetProperty("alerts").EnumerateArray());
        Assert.Equal("""{"alertname":"AnswerIsThere","cluster":"eu","severity":"page","team":"shop"}""", hooked.GetProperty("labels").GetRawText());
        Assert.Equal("0001-01-01T00:00:00Z", hooked.GetProperty("endsAt").GetString());
        // FNV-1a of the labels above, worked out apart.
        Assert.Equal("d71ae0059ed28463", hooked.GetProperty("fingerprint").GetString());

        JsonElement managers = (await server.GetAsync("/api/v1/alertmanagers")).GetProperty("data");
        Assert.Equal($$"""[{"url":"{{listener.Url}}am/api/v2/alerts"}]""", managers.GetProperty("activeAlertmanagers").GetRawText());

        // A rule that is gone, and so its alert, is told at once.
        files.Write("rules/app.yaml", "groups: []");
        AlertmanagerListener.Request ended = await listener.NextAsync("/am/api/v2/alerts");
        Assert.True(Assert.Single(ended.Body.EnumerateArray()).GetProperty("endsAt").GetDateTimeOffset() <= DateTimeOffset.UtcNow);
        Assert.Equal("resolved", (await listener.NextAsync("/hook")).Body.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Rules_of_tenants_keep_to_themselves_and_record_histograms()
    {
        using var files = new TemporaryDirectory();
        const string Groups = """
            groups:
              - name: sizes
                interval: 1s
                rules:
                  - { record: "size:half", expr: size / 4 }
                  - { record: "size:half:count", expr: "histogram_count(size:half)" }
            """;
        files.Write("rules/tenants/acme/sizes.yaml", Groups);
        await using ServerProcess server = await ServerProcess.StartAsync(
            Path.Combine(files.Path, "data"), "--rules", Path.Combine(files.Path, "rules"), "--self-telemetry", "off");
        var metrics = new OtlpMetricsJson("shop");
        metrics.Exponential("size", [], DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), 3, 1, 0, [5, 2, 1], 7);
        await metrics.SendAsync(server.OtlpHttp, "acme");

        using var http = new HttpClient { BaseAddress = server.Http, DefaultRequestHeaders = { { "X-Scope-OrgID", "acme" } } };
        JsonElement result = await ServerProcess.UntilAsync(
            () => AskAsync("query?query=size:half"), answer => answer.GetProperty("result").GetArrayLength() == 1, TimeSpan.FromSeconds(30));
        JsonElement histogram = result.GetProperty("result")[0].GetProperty("histogram")[1];
        Assert.Equal(("2.25", "1.75"), (histogram.GetProperty("count").GetString(), histogram.GetProperty("sum").GetString()));
        Assert.Equal(["0.25", "1.25", "0.5", "0.25"], histogram.GetProperty("buckets").EnumerateArray().Select(bucket => bucket[3].GetString()));
        await ServerProcess.UntilAsync(
            () => AskAsync("query?query=size:half:count"), answer => answer.GetProperty("result").GetArrayLength() == 1, TimeSpan.FromSeconds(30));
        Assert.Equal("sizes", (await AskAsync("rules")).GetProperty("groups")[0].GetProperty("name").GetString());
        Assert.Equal(["size", "size:half", "size:half:count"], (await AskAsync("label/__name__/values?start=1")).EnumerateArray().Select(name => name.GetString()));

        // Others see nothing of it.
        Assert.Empty((await server.GetAsync("/api/v1/rules")).GetProperty("data").GetProperty("groups").EnumerateArray());
        Assert.Null(await server.PromqlNumberAsync("size:half:count"));
        string own = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Contains("sloengine_rules_evaluations_total{rule_group=\"tenants/acme/sizes.yaml;sizes\",tenant=\"acme\"}", own, StringComparison.Ordinal);

        async Task<JsonElement> AskAsync(string path) =>
            JsonDocument.Parse(await http.GetStringAsync(new Uri("/api/v1/" + path, UriKind.Relative))).RootElement.GetProperty("data").Clone();
    }

    private static async Task<double> QueryAsync(ServerProcess server, string query)
    {
        JsonElement result = (await server.GetAsync("/api/v1/query?query=" + Uri.EscapeDataString(query))).GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0 ? 0 : double.Parse(result[0].GetProperty("value")[1].GetString()!, System.Globalization.CultureInfo.InvariantCulture);
    }
}
