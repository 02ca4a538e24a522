using System.Globalization;
using System.Text;

namespace SloEngine.EndToEnd;

/// <summary>What SLOs on spans and log records come to that are defined when the telemetry is there already, in the real program.</summary>
public sealed class RecordPastTests
{
    private const string Streamed = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: NAME, annotations: {sloengine/group-by: tenant}}
        spec:
          service: shop
          indicator:
            metadata: {name: NAME}
            spec: {ratioMetric: {bad: {metricSource: {spec: {PART}}}, total: {metricSource: {spec: {TOTAL}}}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.9}]
        """;

    private static readonly (string Part, string Total)[] Indicators =
    [
        ("signal: logs, minSeverity: error", "signal: logs, service: shop"),
        ("signal: logs, matches: 'failed: \\w+$'", "signal: logs, contains: payment"),
        ("signal: logs, attributes: {tenant: acme}", "signal: logs, eventName: checkout"),
        ("signal: logs, maxSeverity: info, attributes: {region: eu}", "signal: logs, matches: 'payment (done|failed)'"),
        ("signal: spans, status: error", "signal: spans, service: shop, name: work, attributes: {region: eu}"),
        ("signal: spans, minDurationMs: 1", "signal: spans, kind: server, maxDurationMs: 1000"),
    ];

    [Fact]
    public async Task What_was_there_before_and_what_comes_meanwhile_counts_once_as_if_it_had_been_counted_from_the_start()
    {
        using var files = new TemporaryDirectory();
        Write(files, "streamed");
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        var random = new Random(5);
        for (int request = 0; request < 60; request++)
        {
            await SendAsync(server.OtlpHttp, random);
        }

        // The same under other names, while telemetry goes on, of now and late; then the server dies, and has another look at what it had not done.
        Write(files, "later");
        var stop = new CancellationTokenSource();
        Task sending = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await SendAsync(server.OtlpHttp, random);
            }
        });
        await ServerProcess.UntilAsync(() => TotalsAsync(server), totals => Enumerable.Range(0, Indicators.Length).All(index => totals[$"later-{index}"].Total > 0), TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await sending;
        Write(files, "latest");
        await server.KillAsync();
        await server.DisposeAsync();
        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);

        Totals all = await ServerProcess.UntilAsync(
            () => TotalsAsync(restarted),
            totals => Enumerable.Range(0, Indicators.Length).All(index => totals[$"latest-{index}"] == totals[$"streamed-{index}"]), TimeSpan.FromSeconds(60));
        for (int index = 0; index < Indicators.Length; index++)
        {
            Assert.Equal(all[$"streamed-{index}"], all[$"later-{index}"]);
            (double good, double total) = all[$"streamed-{index}"];
            Assert.InRange(good, 1, total - 1);
        }
        Assert.Equal(
            await restarted.SqlNumberAsync("SELECT toFloat64(count()) FROM logs WHERE service = 'shop'"), all["later-0"].Total);
    }

    private static void Write(TemporaryDirectory files, string name)
    {
        foreach ((int index, (string part, string total)) in Indicators.Index())
        {
            string id = $"{name}-{index}";
            files.Write($"slos/{id}.yaml", Streamed.Replace("NAME", id, StringComparison.Ordinal).Replace("PART", part, StringComparison.Ordinal).Replace("TOTAL", total, StringComparison.Ordinal));
        }
    }

    /// <summary>Good and total events of every SLO, and of the groups of each.</summary>
    private static async Task<Totals> TotalsAsync(ServerProcess server) => new((await server.GetAsync("/api/v1/slos")).GetProperty("slos").EnumerateArray().ToDictionary(
            slo => slo.GetProperty("id").GetString()!, slo => (slo.GetProperty("goodEvents").GetDouble(), slo.GetProperty("totalEvents").GetDouble())));

    private static async Task SendAsync(Uri otlpHttp, Random random)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        string[] bodies = ["payment done", "payment failed: timeout", "payment failed: no funds", "started"];
        var records = new List<string>();
        var spans = new List<string>();
        for (int item = 0; item < 20; item++)
        {
            // Of the last hours, and of this moment.
            long end = Nanos(random.Next(2) == 0 ? now : now.AddSeconds(-random.Next(10_000)));
            string tenant = random.Next(3) == 0 ? "" : $$$""",{"key":"tenant","value":{"stringValue":"{{{(random.Next(2) == 0 ? "acme" : "zeta")}}}"}}""";
            string region = random.Next(3) == 0 ? """{"key":"region","value":{"stringValue":"us"}}""" : """{"key":"other","value":{"stringValue":"x"}}""";
            records.Add(string.Create(
                CultureInfo.InvariantCulture,
                $$$"""{"timeUnixNano":"{{{end}}}","severityNumber":{{{random.Next(25)}}},"eventName":"{{{(random.Next(2) == 0 ? "checkout" : "")}}}","body":{"stringValue":"{{{bodies[random.Next(4)]}}}"},"attributes":[{{{region}}}{{{tenant}}}]}"""));
            spans.Add(string.Create(
                CultureInfo.InvariantCulture,
                $$$"""{"traceId":"{{{random.NextInt64():x16}}}{{{random.NextInt64(1, long.MaxValue):x16}}}","spanId":"{{{random.NextInt64(1, long.MaxValue):x16}}}","name":"{{{(random.Next(4) == 0 ? "rest" : "work")}}}","kind":{{{random.Next(1, 4)}}},"startTimeUnixNano":"{{{end - random.Next(3_000_000)}}}","endTimeUnixNano":"{{{end}}}","status":{"code":{{{random.Next(3)}}}},"attributes":[{{{region}}}{{{tenant}}}]}"""));
        }
        using var http = new HttpClient { BaseAddress = otlpHttp };
        await PostAsync(http, "/v1/logs", "resourceLogs", "scopeLogs", "logRecords", records);
        await PostAsync(http, "/v1/traces", "resourceSpans", "scopeSpans", "spans", spans);
    }

    private static async Task PostAsync(HttpClient http, string path, string resources, string scopes, string name, List<string> items)
    {
        const string Resource = "\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},{\"key\":\"region\",\"value\":{\"stringValue\":\"eu\"}}]}";
        string body = "{\"" + resources + "\":[{" + Resource + ",\"" + scopes + "\":[{\"" + name + "\":[" + string.Join(',', items) + "]}]}]}";
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri(path, UriKind.Relative), content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private sealed class Totals(Dictionary<string, (double Good, double Total)> all)
    {
        public (double Good, double Total) this[string slo] => all.GetValueOrDefault(slo);

        public override string ToString() => string.Join("\n", all.OrderBy(slo => slo.Key, StringComparer.Ordinal));
    }

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
