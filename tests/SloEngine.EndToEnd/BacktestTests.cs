using System.Globalization;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>Backtests by the real program: over a running server, over the data of a stopped one, and over files.</summary>
public sealed class BacktestTests
{
    private const string Slo = """
        version: prometheus/v1
        service: shop
        slos:
          - name: orders
            objective: 99
            sli:
              events:
                error_query: sum(rate(shop_orders_total{code="500"}[{{.window}}]))
                total_query: sum(rate(shop_orders_total[{{.window}}]))
            alerting: {page_alert: {}, ticket_alert: {}}
          - name: busiest
            objective: 99
            sli:
              events:
                error_query: max(rate(shop_orders_total{code="500"}[{{.window}}]))
                total_query: max(rate(shop_orders_total{code="200"}[{{.window}}])) + max(rate(shop_orders_total{code="500"}[{{.window}}]))
            alerting: {page_alert: {}, ticket_alert: {}}
        """;

    /// <summary>A day of an order every second, 800 of which fail in the middle, and a point every 15 s.</summary>
    private static readonly DateTimeOffset Start = new(DateTimeOffset.UtcNow.UtcDateTime.Date.AddDays(-2), TimeSpan.Zero);
    private static readonly DateTimeOffset Outage = Start.AddHours(12);
    private static readonly DateTimeOffset End = Start.AddDays(1);

    [Fact]
    public async Task Alerts_of_history_are_the_same_from_a_server_its_data_and_files_of_telemetry()
    {
        using var files = new TemporaryDirectory();
        string slos = files.Write("slos.yaml", Slo);
        string incidents = files.Write("incidents.yaml", string.Create(CultureInfo.InvariantCulture, $$"""
            incidents:
            - {name: outage, start: {{Outage:yyyy-MM-ddTHH:mm:ssZ}}, end: {{Outage.AddMinutes(20):yyyy-MM-ddTHH:mm:ssZ}}}
            - {name: quiet one, start: {{Start.AddHours(2):yyyy-MM-ddTHH:mm:ssZ}}, end: {{Start.AddHours(3):yyyy-MM-ddTHH:mm:ssZ}}, slos: [shop-orders]}
            """));
        string[] arguments =
        [
            "slo", "backtest", slos, "--from", Text(Start.AddHours(1)), "--to", Text(End), "--incidents", incidents, "--against", "pyrra", "--against", "workbook", "--output", "json",
        ];
        string data = Path.Combine(files.Path, "data");
        string fromServer;
        await using (ServerProcess server = await ServerProcess.StartAsync(data, "--self-telemetry", "off"))
        {
            string telemetry = await SendAsync(server);
            files.Write("telemetry/orders.jsonl", telemetry);
            await server.StoredAsync();

            fromServer = await RunAsync([.. arguments, "--server", server.Http.ToString()]);
            (int exit, _, string errors) = await Cli.RunAsync([.. arguments, "--server", server.Http.ToString(), "--preset", "pagerduty"]);
            Assert.Equal((2, "sloengine: the preset is 'pagerduty', expected workbook, sloth, pyrra, datadog\n"), (exit, errors));
        }
        Check(fromServer);
        Assert.Equal(fromServer, await RunAsync([.. arguments, "--data", data]));
        Assert.Equal(fromServer, await RunAsync([.. arguments, "--telemetry", Path.Combine(files.Path, "telemetry")]));

        (_, string text, _) = await Cli.RunAsync([.. arguments[..^2], "--data", data]);
        Assert.Contains("orders: 99 % over 30d, attained 99.0338 % of 82,800 events", text, StringComparison.Ordinal);
        Assert.Contains("outage: paged after", text, StringComparison.Ordinal);
        Assert.Contains("quiet one: not told", text, StringComparison.Ordinal);
        Assert.Contains("incidents paged", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_does_not_fit_is_told_before_anything_is_read()
    {
        using var files = new TemporaryDirectory();
        string slos = files.Write("slos.yaml", Slo);
        string telemetry = files.Write("telemetry.jsonl", "{\"resourceMetrics\":[]}\n{\"metrics\":[]}\n");

        Assert.Equal("sloengine: the range is 2026-01-02 00:00:00Z to 2026-01-01 00:00:00Z, expected a start before its end, and 400 days at most\n",
            await ErrorsAsync(slos, "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"));
        Assert.Equal("sloengine: the step is 1 s, expected whole seconds from 10 s (what the ledger resolves) to 5 min\n", await ErrorsAsync(slos, "--step", "1s"));
        Assert.Equal("sloengine: nowhere.yaml: there is no such file\n", await ErrorsAsync(slos, "--against", "nowhere.yaml"));
        Assert.Equal("sloengine: choose one of --data and --telemetry\n", await ErrorsAsync(slos, "--data", files.Path, "--telemetry", telemetry));
        Assert.Equal($"sloengine: {telemetry}:2: expected a request of OTLP in JSON, with resourceMetrics, resourceLogs or resourceSpans\n", await ErrorsAsync(slos, "--telemetry", telemetry));
        Assert.StartsWith($"sloengine: {slos}:1:1: unknown key version", await ErrorsAsync(slos, "--incidents", slos), StringComparison.Ordinal);

        static async Task<string> ErrorsAsync(params string[] arguments)
        {
            (int exit, string output, string errors) = await Cli.RunAsync(["slo", "backtest", .. arguments]);
            Assert.Equal((2, ""), (exit, output));
            return errors;
        }
    }

    private static void Check(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement[] policies = [.. document.RootElement.GetProperty("policies").EnumerateArray()];
        Assert.Equal(["as written", "pyrra", "workbook"], policies.Select(policy => policy.GetProperty("name").GetString()));
        foreach (JsonElement policy in policies)
        {
            JsonElement orders = policy.GetProperty("slos")[0];
            Assert.Equal(82_800, orders.GetProperty("total").GetDouble());
            Assert.Equal(82_000, orders.GetProperty("good").GetDouble());
            // What queries tell, smoothed over five minutes, comes to about the same.
            JsonElement busiest = policy.GetProperty("slos")[1];
            Assert.InRange(busiest.GetProperty("total").GetDouble(), 82_800 * 0.99, 82_800 * 1.01);
            Assert.InRange(busiest.GetProperty("total").GetDouble() - busiest.GetProperty("good").GetDouble(), 790, 810);
            JsonElement detection = policy.GetProperty("detection");
            Assert.Equal(2, detection.GetProperty("incidents").GetArrayLength());
            Assert.Equal(1, detection.GetProperty("paged").GetInt32());
            Assert.Equal(0, detection.GetProperty("falsePages").GetInt32());
        }
        JsonElement page = policies[0].GetProperty("alerts").EnumerateArray().First(alert => alert.GetProperty("severity").GetString() == "page" && alert.GetProperty("slo").GetString() == "shop-orders");
        Assert.Equal("outage", page.GetProperty("incident").GetString());
    }

    /// <summary>Sends the day in requests of two hours; returns them, a line each.</summary>
    private static async Task<string> SendAsync(ServerProcess server)
    {
        var lines = new List<string>();
        var metrics = new OtlpMetricsJson("shop");
        (long good, long bad) = (0, 0);
        for (DateTimeOffset now = Start; now <= End; now += TimeSpan.FromSeconds(15))
        {
            // 800 of the 1,200 orders of twenty minutes fail.
            long failed = now > Outage && now <= Outage.AddMinutes(20) ? 10 : 0;
            (good, bad) = (good + 15 - failed, bad + failed);
            metrics.Counter("shop.orders", [new("code", "200")], now.ToUnixTimeMilliseconds(), good);
            metrics.Counter("shop.orders", [new("code", "500")], now.ToUnixTimeMilliseconds(), bad);
            if ((now - Start).TotalSeconds % 7200 == 0)
            {
                lines.Add((await metrics.SendAsync(server.OtlpHttp)).ReplaceLineEndings(""));
            }
        }
        return string.Join('\n', lines);
    }

    private static async Task<string> RunAsync(params string[] arguments)
    {
        (int exit, string output, string errors) = await Cli.RunAsync(arguments);
        Assert.True(exit == 0, errors);
        return output;
    }

    private static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
