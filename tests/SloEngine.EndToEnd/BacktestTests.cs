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

        // Queries that are evaluated later count the same, but for the end.
        Check(await RunAsync([.. arguments, "--data", data, "--query-delay", "7m30s"]));

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

    [Fact]
    public async Task An_SLO_of_a_tenant_counts_its_metrics_and_spans_and_is_refused_for_another()
    {
        using var files = new TemporaryDirectory();
        string slos = files.Write("slos.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: orders}
            spec: {service: shop, tenant: acme, objectives: [{target: 0.99}], indicator: {bad: 'shop_orders_total{code="500"}', total: shop_orders_total}}
            ---
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: work}
            spec:
              service: shop
              tenant: acme
              objectives: [{target: 0.99}]
              indicator: {bad: {signal: spans, status: error, attributes: {region: eu}}, total: {signal: spans, service: shop}}
            """);
        var metrics = new OtlpMetricsJson("shop");
        for (int minute = 0; minute <= 10; minute++)
        {
            metrics.Counter("shop.orders", [new("code", "200")], Start.AddMinutes(minute).ToUnixTimeMilliseconds(), minute * 90);
            metrics.Counter("shop.orders", [new("code", "500")], Start.AddMinutes(minute).ToUnixTimeMilliseconds(), minute * 10);
        }
        string spans = string.Join(',', Enumerable.Range(1, 20).Select(second => Span(Start.AddSeconds(second), isError: second % 4 == 0)));
        string telemetry = files.Write("telemetry.jsonl", metrics.Take().ReplaceLineEndings("") + "\n" + $$$"""
            {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"region","value":{"stringValue":"eu"}}]},"scopeSpans":[{"spans":[{{{spans}}}]}]}]}
            """);
        string[] arguments = ["slo", "backtest", slos, "--telemetry", telemetry, "--from", Text(Start.AddMinutes(-1)), "--to", Text(Start.AddMinutes(30)), "--output", "json"];

        using JsonDocument report = JsonDocument.Parse(await RunAsync([.. arguments, "--tenant", "acme"]));
        Assert.Equal([("orders", 900d, 1000d), ("work", 15d, 20d)], Counts(report));

        Assert.Equal(
            (2, $"sloengine: {slos}:1: SLO 'orders' is about the telemetry of tenant 'acme', and that of 'default' is replayed; name the tenant by --tenant, or X-Scope-OrgID\n"),
            await Cli.RunAsync(arguments) is var refused ? (refused.Exit, refused.Errors) : default);
    }

    [Fact]
    public async Task Stored_log_records_are_counted_by_severity_body_event_and_attributes()
    {
        using var files = new TemporaryDirectory();
        string slos = files.Write("slos.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: severity}
            spec: {service: shop, objectives: [{target: 0.9}], indicator: {bad: {signal: logs, minSeverity: error}, total: {signal: logs, service: shop}}}
            ---
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: body}
            spec: {service: shop, objectives: [{target: 0.9}], indicator: {bad: {signal: logs, matches: 'failed: \w+$'}, total: {signal: logs, contains: payment, attributes: {region: eu}}}}
            ---
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: event}
            spec: {service: shop, groupBy: [tenant], objectives: [{target: 0.9}], indicator: {bad: {signal: logs, minSeverity: error}, total: {signal: logs, eventName: checkout}}}
            """);
        string records = string.Join(',', Enumerable.Range(1, 20).Select(number => Log(Start.AddSeconds(number), number)));
        string telemetry = files.Write("telemetry.jsonl", $$$"""
            {"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"region","value":{"stringValue":"eu"}}]},"scopeLogs":[{"logRecords":[{{{records}}}]}]}]}
            """);

        using JsonDocument report = JsonDocument.Parse(await RunAsync(
            "slo", "backtest", slos, "--telemetry", telemetry, "--from", Text(Start.AddMinutes(-1)), "--to", Text(Start.AddMinutes(30)), "--output", "json"));
        Assert.Equal([("severity", 15d, 20d), ("body", 16d, 20d), ("event", 5d, 10d)], Counts(report));
    }

    [Fact]
    public async Task Heartbeats_of_history_are_missed_where_telemetry_could_be_taken_in()
    {
        using var files = new TemporaryDirectory();
        string slos = files.Write("slos.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: backup}
            spec: {service: shop, objectives: [{target: 0.9}], indicator: {heartbeat: {metric: backup_done, interval: 10m}}}
            """);
        string data = Path.Combine(files.Path, "data");
        await using (ServerProcess server = await ServerProcess.StartAsync(data, "--self-telemetry", "off"))
        {
            // Twelve intervals, of which three have no sign of life.
            var metrics = new OtlpMetricsJson("shop");
            foreach (int interval in Enumerable.Range(0, 12).Except([3, 4, 7]))
            {
                metrics.Gauge("backup_done", [], Start.AddMinutes((10 * interval) + 5).ToUnixTimeMilliseconds(), 1);
            }
            await metrics.SendAsync(server.OtlpHttp);
            await server.StoredAsync();
            Assert.Equal(0, await server.StopAsync());
        }
        // A minute of the eighth was not taken in from its beginning to its end.
        await using (var store = new StoreProcess(data))
        {
            await store.StartAsync();
            using var http = new HttpClient();
            using var insert = new StringContent(string.Create(CultureInfo.InvariantCulture, $"""
                INSERT INTO sloengine.sli_buckets (slo, minute, good, total, node)
                SELECT '~receiving', fromUnixTimestamp({Start.ToUnixTimeSeconds()} + 60 * number), 1, 1, 'node' FROM numbers(200) WHERE number != 75
                """));
            using HttpResponseMessage inserted = await http.PostAsync(store.Url, insert);
            Assert.True(inserted.IsSuccessStatusCode, await inserted.Content.ReadAsStringAsync());
        }
        string[] arguments = ["slo", "backtest", slos, "--from", Text(Start.AddMinutes(-1)), "--to", Text(Start.AddMinutes(125)), "--output", "json"];

        using JsonDocument report = JsonDocument.Parse(await RunAsync([.. arguments, "--data", data]));
        Assert.Equal([("backup", 9d, 11d)], Counts(report));
        (int exit, _, string errors) = await Cli.RunAsync([.. arguments, "--telemetry", files.Write("telemetry.jsonl", "{}")]);
        Assert.Equal(2, exit);
        Assert.Contains("SLO 'backup' is a heartbeat: files do not tell when telemetry could be taken in", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_SLO_that_another_system_measures_is_refused()
    {
        using var files = new TemporaryDirectory();
        string slos = files.Write("slos.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: elsewhere}
            spec: {service: shop, objectives: [{target: 0.9}], indicator: {good: {type: Datadog, query: a}, total: {type: Datadog, query: b}}}
            """);

        Assert.Equal(
            (2, "", $"sloengine: {slos}:1: SLO 'elsewhere' is measured by Datadog, of which there is no history here\n"),
            await Cli.RunAsync("slo", "backtest", slos, "--data", files.Path));
    }

    [Fact]
    public async Task A_request_that_does_not_fit_is_answered_with_what_is_expected()
    {
        using var data = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(data.Path, "--self-telemetry", "off");
        const string Range = "\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-01-02T00:00:00Z\"";
        string file = JsonSerializer.Serialize(new { name = "a.yaml", text = Slo });

        Assert.Equal("files: expected a list of at least one file, each with name and text", await RefusedAsync($$"""{"files":[null],{{Range}}}"""));
        Assert.Equal("files: expected a list of at least one file, each with name and text", await RefusedAsync($$"""{"files":null,{{Range}}}"""));
        Assert.Equal("files: expected a list of at least one file, each with name and text", await RefusedAsync($$"""{"files":[{"name":"a.yaml"}],{{Range}}}"""));
        Assert.Equal("against is null, expected a list, which may be empty", await RefusedAsync($$"""{"files":[{{file}}],"against":null,{{Range}}}"""));
        Assert.Equal("what to compare with is to be a preset or files", await RefusedAsync($$"""{"files":[{{file}}],"against":[null],{{Range}}}"""));
        Assert.Equal("incidents is to have name and text", await RefusedAsync($$"""{"files":[{{file}}],"incidents":{"name":"i.yaml"},{{Range}}}"""));
        Assert.Equal("the body is null, expected a backtest", await RefusedAsync("null"));
        Assert.StartsWith("the body is no backtest: ", await RefusedAsync("hello"), StringComparison.Ordinal);
        Assert.StartsWith("the range is 0001-01-02 00:00:00Z to 0001-01-03 00:00:00Z", await RefusedAsync($$"""{"files":[{{file}}],"from":"0001-01-02T00:00:00Z","to":"0001-01-03T00:00:00Z"}"""), StringComparison.Ordinal);

        async Task<string?> RefusedAsync(string body)
        {
            using var http = new HttpClient { BaseAddress = server.Http };
            using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await http.PostAsync(new Uri("/api/v1/slos/backtest", UriKind.Relative), content);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True(response.StatusCode == System.Net.HttpStatusCode.BadRequest, $"{(int)response.StatusCode} {text}");
            return JsonDocument.Parse(text).RootElement.GetProperty("detail").GetString();
        }
    }

    [Fact]
    public async Task What_ends_a_backtest_early_is_one_line_for_the_user()
    {
        using var files = new TemporaryDirectory();
        string slos = files.Write("slos.yaml", Slo);
        string[] arguments = ["slo", "backtest", slos, "--from", Text(Start), "--to", Text(Start.AddHours(2)), "--output", "json"];
        await using (ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off", "--query-samples", "10"))
        {
            await SendAsync(server);
            await server.StoredAsync();
            (int exit, string output, string errors) = await Cli.RunAsync([.. arguments, "--server", server.Http.ToString()]);
            Assert.Equal((1, ""), (exit, output));
            Assert.Contains("sloengine: the selector reads more than 10 samples", errors, StringComparison.Ordinal);
        }

        // A server that dies in the middle, and something else that answers.
        Assert.Contains("sloengine: {0}: the answer broke off (", await OfAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"progress\":0.25}\n\r\n"), StringComparison.Ordinal);
        Assert.Contains("sloengine: the server's answer is not understood", await OfAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), StringComparison.Ordinal);

        async Task<string> OfAsync(string answer)
        {
            using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
            listener.Start();
            Task answering = AnswerAsync(listener, answer);
            var address = new Uri($"http://{listener.LocalEndpoint}");
            (int exit, string output, string errors) = await Cli.RunAsync([.. arguments, "--server", address.ToString()]);
            await answering;
            Assert.Equal((1, ""), (exit, output));
            return errors.Replace(address.ToString(), "{0}", StringComparison.Ordinal);
        }
    }

    /// <summary>Reads a request, and writes an answer that may end early.</summary>
    private static async Task AnswerAsync(System.Net.Sockets.TcpListener listener, string answer)
    {
        using System.Net.Sockets.TcpClient client = await listener.AcceptTcpClientAsync();
        await using System.Net.Sockets.NetworkStream stream = client.GetStream();
        using var reader = new StreamReader(stream, leaveOpen: true);
        string request = "";
        var letters = new char[4096];
        while (!request.EndsWith("0\r\n\r\n", StringComparison.Ordinal))
        {
            request += new string(letters, 0, await reader.ReadAsync(letters));
        }
        await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(answer));
    }

    private static IEnumerable<(string?, double, double)> Counts(JsonDocument report) => report.RootElement.GetProperty("policies")[0].GetProperty("slos").EnumerateArray()
        .Select(slo => (slo.GetProperty("slo").GetString(), slo.GetProperty("good").GetDouble(), slo.GetProperty("total").GetDouble()));

    /// <summary>Every fourth record is an error, every fifth tells of a failure, every other one is a checkout.</summary>
    private static string Log(DateTimeOffset time, int number) => string.Create(CultureInfo.InvariantCulture, $$$"""
        {"timeUnixNano":"{{{time.ToUnixTimeMilliseconds()}}}000000","severityNumber":{{{(number % 4 == 0 ? 17 : 9)}}},"eventName":"{{{(number % 2 == 0 ? "checkout" : "")}}}",
        "body":{"stringValue":"payment {{{(number % 5 == 0 ? "failed: refused" : "done")}}}"},"attributes":[{"key":"tenant","value":{"stringValue":"{{{(number % 3 == 0 ? "acme" : "zeta")}}}"} }]}
        """).ReplaceLineEndings("");

    private static string Span(DateTimeOffset start, bool isError) => string.Create(CultureInfo.InvariantCulture, $$$"""
        {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"work","kind":2,"startTimeUnixNano":"{{{start.ToUnixTimeMilliseconds()}}}000000",
        "endTimeUnixNano":"{{{start.ToUnixTimeMilliseconds() + 5}}}000000","status":{"code":{{{(isError ? 2 : 1)}}} }}
        """).ReplaceLineEndings("");

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
