using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>The draft of a postmortem, of an incident in the real program.</summary>
public sealed class PostmortemTests
{
    private const string Slo = """
        apiVersion: openslo/v1
        kind: SLO
        metadata:
          name: checkout
          displayName: Checkout works
          annotations: {sloengine/group-by: tenant, sloengine/runbook: "https://runbooks.example.com/checkout"}
        spec:
          service: shop
          indicator:
            metadata: {name: checkout}
            spec:
              ratioMetric:
                bad: {metricSource: {type: sloengine, spec: {signal: logs, service: shop, minSeverity: error}}}
                total: {metricSource: {type: sloengine, spec: {signal: logs, service: shop}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          alertPolicies:
            - kind: AlertPolicy
              metadata: {name: outage}
              spec:
                conditions:
                  - kind: AlertCondition
                    metadata: {name: outage}
                    spec:
                      severity: page
                      condition: {kind: burnrate, op: gte, threshold: 5, lookbackWindow: 5m, alertAfter: 0s}
          objectives: [{target: 0.9}]
        """;

    [Fact]
    public async Task A_postmortem_tells_what_was_changed_who_was_hit_what_it_cost_and_what_is_still_open()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/checkout.yaml", Slo);
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off");
        string[] command = ["slo", "postmortem", "checkout", "--server", server.Http.ToString()];
        (int exit, _, string nothing) = await Cli.RunAsync(command);
        Assert.Equal(1, exit);
        Assert.Contains("no alert of 'checkout' has fired; say with from (and to)", nothing, StringComparison.Ordinal);

        // What comes before a new SLO counts by itself is read from the store by the minute.
        await ServerProcess.UntilAsync(() => server.GetAsync("/api/v1/slos/checkout"), slo => slo.GetProperty("past").ValueKind == JsonValueKind.Null, TimeSpan.FromSeconds(60));

        // 16 minutes of good traffic, none of it in the minute of the first bad event, a deployment, then 4 minutes in which acme's checkouts fail.
        DateTimeOffset now = DateTimeOffset.UtcNow;
        var records = new List<string>();
        for (int minute = 20; minute > 4; minute--)
        {
            records.AddRange(Enumerable.Range(0, 10).Select(number => Record(now.AddMinutes(-minute).AddSeconds(-number), 9, "paid", number % 2 == 0 ? "acme" : "zeta", trace: false)));
        }
        for (int minute = 4; minute > 0; minute--)
        {
            records.AddRange(Enumerable.Range(0, 10).Select(number => Record(
                now.AddMinutes(-minute).AddSeconds(number * 6), number % 5 == 4 ? 9 : 17, number % 5 == 4 ? "paid" : $"payment {number} failed: gateway | refused", number % 5 == 3 ? "zeta" : "acme", trace: true)));
        }
        await PostAsync(server.Http, "/api/v1/events", $$"""{"kind":"deployment","service":"shop","version":"2.0","commit":"abc123","title":"shop 2.0","time":"{{now.AddMinutes(-5):O}}","link":"https://git.example.com/shop/2.0"}""");
        await PostAsync(server.OtlpHttp, "/v1/logs", Logs(records));
        await ServerProcess.UntilAsync(
            async () => (await server.GetAsync("/api/v1/alerts/history?slo=checkout")).GetProperty("alerts"), alerts => alerts.EnumerateArray().Any(alert => alert.GetProperty("state").GetString() == "firing"),
            TimeSpan.FromSeconds(30));
        await server.StoredAsync();

        (exit, string text, string errors) = await Cli.RunAsync(command);
        Assert.Equal((0, ""), (exit, errors));
        Assert.StartsWith("# Postmortem: Checkout works, ", text, StringComparison.Ordinal);
        Assert.Contains("32 of 40 events were bad; the window allows 20.", text, StringComparison.Ordinal);
        Assert.Contains("| Budget spent | 160 % of the window's; left: -60 % |", text, StringComparison.Ordinal);
        Assert.Contains("| Runbook | <https://runbooks.example.com/checkout> |", text, StringComparison.Ordinal);
        Assert.Matches(@"\| [0-9: -]+ \| deployment of shop: \[shop 2\.0\]\(<https://git\.example\.com/shop/2\.0>\), commit abc123 \|", text);
        Assert.Matches(@"\*\*page of checkout \(outage\) fires\*\*: Checkout works: error budget burns [0-9.]+ times", text);
        Assert.Matches("""\| tenant="acme" \| 24 \| [0-9.]+ % \| 75 % \|""", text);
        Assert.Matches(@"\| shop \| payment # failed: gateway \\\| refused \| 32 \| 0 \| \[01020304\]\(http[^)]*/traces/0102030405060708090a0b0c0d0e0f10\) \|", text);
        Assert.Contains("Spans: no errors.", text, StringComparison.Ordinal);
        Assert.Matches(@"- Is the deployment of [0-9: -]+ the cause \(\[shop 2\.0\]", text);
        Assert.Contains("- An alert is still active: is it over?", text, StringComparison.Ordinal);

        string path = string.Create(CultureInfo.InvariantCulture, $"/api/v1/slos/checkout/postmortem?format=json&from={now.AddMinutes(-10).ToUnixTimeSeconds()}");
        JsonElement json = await server.GetAsync(path);
        Assert.Equal(32, json.GetProperty("budget").GetProperty("bad").GetDouble());
        DateTimeOffset began = json.GetProperty("began").GetDateTimeOffset();
        Assert.Equal(now.AddMinutes(-4).ToUnixTimeSeconds() / 60, began.ToUnixTimeSeconds() / 60);
        Assert.InRange(json.GetProperty("detectionDelaySeconds").GetDouble(), 3 * 60, 6 * 60);
        Assert.Equal(32, json.GetProperty("curve").EnumerateArray().Sum(point => point.GetProperty("bad").GetDouble()));

        using var http = new HttpClient { BaseAddress = server.Http };
        using HttpResponseMessage wrong = await http.GetAsync(new Uri("/api/v1/slos/checkout/postmortem?from=soon", UriKind.Relative));
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        using HttpResponseMessage before = await http.GetAsync(new Uri($"/api/v1/slos/checkout/postmortem?to={now.AddDays(-1).ToUnixTimeSeconds()}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.BadRequest, before.StatusCode);
        Assert.Contains("say with from which time it is about", await before.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using HttpResponseMessage ancient = await http.GetAsync(new Uri("/api/v1/slos/checkout/postmortem?from=0", UriKind.Relative));
        Assert.Equal(HttpStatusCode.BadRequest, ancient.StatusCode);
        Assert.Contains("from is 1970-01-01 00:00:00Z; of what is more than a year ago nothing is counted any more", await ancient.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static string Record(DateTimeOffset time, int severity, string body, string tenant, bool trace) => $$$"""
        {"timeUnixNano":"{{{(time - DateTimeOffset.UnixEpoch).Ticks * 100}}}","severityNumber":{{{severity}}},"body":{"stringValue":"{{{body}}}"},
        "traceId":"{{{(trace ? "0102030405060708090a0b0c0d0e0f10" : "")}}}","attributes":[{"key":"tenant","value":{"stringValue":"{{{tenant}}}"} }]}
        """;

    private static string Logs(IEnumerable<string> records) =>
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}}]},\"scopeLogs\":[{\"logRecords\":[" + string.Join(',', records) + "]}]}]}";

    private static async Task PostAsync(Uri address, string path, string body)
    {
        using var http = new HttpClient { BaseAddress = address };
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri(path, UriKind.Relative), content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }
}
