using System.Globalization;
using System.Text;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>An SLO on log records in the real program.</summary>
public sealed class LogSloTests
{
    private const string Slo = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: checkout, annotations: {sloengine/group-by: tenant}}
        spec:
          service: shop
          indicator:
            metadata: {name: checkout}
            spec:
              ratioMetric:
                bad: {metricSource: {type: sloengine, spec: {signal: logs, minSeverity: error, matches: 'payment (failed|declined)'}}}
                total: {metricSource: {type: sloengine, spec: {signal: logs, service: shop, contains: payment}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.9}]
        """;

    private static readonly (int Severity, string Body)[] Lines =
    [
        (9, "payment accepted"), (17, "payment failed: no funds"), (17, "disk is full"), (9, "payment declined, as asked for"), (21, "payment declined"),
    ];

    [Fact]
    public async Task Every_acknowledged_record_counts_once_over_kills_under_load()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/checkout.yaml", Slo);
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        int acknowledged = 0;
        for (int kill = 0; kill < 3; kill++)
        {
            int sent = 0;
            Uri address = server.OtlpHttp;
            var enough = new TaskCompletionSource();
            Task sending = Task.Run(async () =>
            {
                using var http = new HttpClient { BaseAddress = address };
                try
                {
                    while (true)
                    {
                        using var body = new StringContent(Request("acme"), Encoding.UTF8, "application/json");
                        using HttpResponseMessage response = await http.PostAsync(new Uri("/v1/logs", UriKind.Relative), body);
                        Assert.True(response.IsSuccessStatusCode);
                        if (++sent == 40)
                        {
                            enough.SetResult();
                        }
                    }
                }
                catch (HttpRequestException)
                {
                    // The server is gone.
                }
            });
            await enough.Task;
            await server.KillAsync();
            await sending;
            await server.DisposeAsync();
            acknowledged += sent;
            server = await ServerProcess.StartAsync(data, arguments);
            // Of the request whose answer never came the log has all or nothing.
            JsonElement slo = await server.GetAsync("/api/v1/slos/checkout");
            double total = slo.GetProperty("totalEvents").GetDouble();
            Assert.Equal(0, total % 4);
            Assert.InRange(total / 4, acknowledged, acknowledged + 1);
            acknowledged = (int)(total / 4);
            Assert.Equal(acknowledged * 2, slo.GetProperty("goodEvents").GetDouble());
            Assert.Equal(acknowledged * 4, await server.SqlNumberAsync("SELECT toFloat64(count()) FROM logs WHERE body LIKE 'payment%'"));
        }
        JsonElement group = (await server.GetAsync("/api/v1/slos/checkout")).GetProperty("objectives").EnumerateArray().Single(each => each.GetProperty("group").GetString() == "tenant=\"acme\"");
        Assert.Equal(acknowledged * 4, group.GetProperty("totalEvents").GetDouble());
        await server.DisposeAsync();
    }

    private static string Request(string tenant)
    {
        long now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        string records = string.Join(',', Lines.Select(line => string.Create(
            CultureInfo.InvariantCulture,
            $$$"""{"timeUnixNano":"{{{now}}}","severityNumber":{{{line.Severity}}},"body":{"stringValue":"{{{line.Body}}}"},"attributes":[{"key":"tenant","value":{"stringValue":"{{{tenant}}}"}}]}""")));
        return $$$"""{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[{{{records}}}]}]}]}""";
    }
}
