using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>SLOs that only queries can tell, and the files of other tools, in the real program.</summary>
public sealed class QueriedSloTests
{
    private const string Slo = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: busiest}
        spec:
          service: shop
          indicator:
            metadata: {name: busiest}
            spec:
              ratioMetric:
                bad: {metricSource: {type: Prometheus, spec: {query: 'max(rate(shop_orders_total{code="500"}[{{.window}}]))'}}}
                total: {metricSource: {type: Prometheus, spec: {query: 'max(rate(shop_orders_total{code="all"}[{{.window}}]))'}}}
          timeWindow: [{duration: 12h, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.8}]
        """;

    [Fact]
    public async Task An_SLO_of_any_PromQL_has_its_past_at_once_and_counts_each_minute_once_over_a_kill()
    {
        using var files = new TemporaryDirectory();
        Directory.CreateDirectory(Path.Combine(files.Path, "slos"));
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        var metrics = new OtlpMetricsJson("shop");
        long begun = DateTimeOffset.UtcNow.AddMinutes(-45).ToUnixTimeMilliseconds();
        for (int second = 0; second <= 1500; second += 15)
        {
            metrics.Counter("shop.orders", [new("code", "all")], begun + (second * 1000), second * 2);
            metrics.Counter("shop.orders", [new("code", "500")], begun + (second * 1000), second * 0.2);
        }
        await metrics.SendAsync(server.OtlpHttp);
        await server.StoredAsync();

        files.Write("slos/busiest.yaml", Slo);
        JsonElement slo = await ServerProcess.UntilAsync(
            () => FindAsync(server), found => found.ValueKind == JsonValueKind.Object && found.GetProperty("totalEvents").GetDouble() > 0, TimeSpan.FromSeconds(60));
        double total = slo.GetProperty("totalEvents").GetDouble();
        // 25 minutes of 120 orders, of which windows at the ends see a part.
        Assert.InRange(total, 120 * 23, 120 * 30);
        Assert.Equal(0.9, slo.GetProperty("goodEvents").GetDouble() / total, 6);

        await server.KillAsync();
        await server.DisposeAsync();
        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);
        slo = await FindAsync(restarted);
        Assert.Equal(total, slo.GetProperty("totalEvents").GetDouble(), 6);
    }

    [Fact]
    public async Task A_heartbeat_is_judged_by_group_where_it_is_known_and_counts_each_interval_once_over_a_kill()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/nightly.yaml", """
            apiVersion: openslo/v1
            kind: SLO
            metadata: {name: nightly, annotations: {sloengine/group-by: db, sloengine/tenant: acme}}
            spec:
              service: backups
              indicator:
                metadata: {name: nightly}
                spec: {heartbeat: {metric: backup_success, interval: 1m, op: gte, value: 1}}
              timeWindow: [{duration: 12h, isRolling: true}]
              budgetingMethod: Occurrences
              objectives: [{target: 0.9}]
            """);
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off", "--slo-query-delay", "5s", "--tenant-attribute", "service.name"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        DateTimeOffset begun = DateTimeOffset.UtcNow.AddMinutes(-40);
        begun = begun.AddTicks(-(begun.Ticks % TimeSpan.TicksPerMinute));
        foreach (string tenant in (string[])["acme", "other"])
        {
            var metrics = new OtlpMetricsJson(tenant);
            for (int minute = 0; minute < 30; minute++)
            {
                long at = begun.AddMinutes(minute).AddSeconds(20).ToUnixTimeMilliseconds();
                metrics.Gauge("backup.success", [new("db", "a")], at, minute < 27 ? 1 : 0);
                if (minute % 2 == 0)
                {
                    metrics.Gauge("backup.success", [new("db", "b")], at, 1);
                }
            }
            await metrics.SendAsync(server.OtlpHttp);
        }
        // What b lacks nobody listened for: the server was not there yet.
        JsonElement slo = await ServerProcess.UntilAsync(
            () => server.GetAsync("/api/v1/slos/nightly"), found => found.GetProperty("totalEvents").GetDouble() >= 45, TimeSpan.FromSeconds(60));
        Assert.Equal((42, 45), Events(slo));
        await server.KillAsync();
        await server.DisposeAsync();
        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);
        slo = await restarted.GetAsync("/api/v1/slos/nightly");
        Assert.Equal((42, 45), Events(slo));
        JsonElement group = slo.GetProperty("objectives").EnumerateArray().Single(each => each.GetProperty("group").GetString() == "db=\"b\"");
        Assert.Equal((15, 15), Events(group));

        static (double, double) Events(JsonElement of) => (of.GetProperty("goodEvents").GetDouble(), of.GetProperty("totalEvents").GetDouble());
    }

    /// <summary>What came just before the SLO is still gathered in memory, whatever its age.</summary>
    [Theory]
    [InlineData(45)]
    [InlineData(300)]
    public async Task A_counted_SLO_has_its_past_and_what_comes_after_once_over_a_kill(int minutesAgo)
    {
        using var files = new TemporaryDirectory();
        Directory.CreateDirectory(Path.Combine(files.Path, "slos"));
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        long begun = DateTimeOffset.UtcNow.AddMinutes(-minutesAgo).ToUnixTimeMilliseconds();
        await SendAsync(server, Enumerable.Range(0, 101).Select(step => (begun + (step * 15_000L), step * 30d)));

        files.Write("slos/orders.yaml", Slo.Replace("busiest", "orders", StringComparison.Ordinal).Replace("max(", "sum(", StringComparison.Ordinal));
        // The first point is where counting begins: 100 steps of 30 orders, of which a tenth failed.
        await UntilAsync(server, 3000);
        // Comes after the SLO, and counts from the last point before it.
        await SendAsync(server, [(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), 3100)]);
        await UntilAsync(server, 3100);

        await server.KillAsync();
        await server.DisposeAsync();
        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);
        await UntilAsync(restarted, 3100);

        static async Task SendAsync(ServerProcess to, IEnumerable<(long Time, double Orders)> points)
        {
            var metrics = new OtlpMetricsJson("shop");
            foreach ((long time, double orders) in points)
            {
                metrics.Counter("shop.orders", [new("code", "all")], time, orders);
                metrics.Counter("shop.orders", [new("code", "500")], time, orders / 10);
            }
            await metrics.SendAsync(to.OtlpHttp);
            await to.StoredAsync();
        }

        static async Task UntilAsync(ServerProcess server, double total)
        {
            JsonElement slo = await ServerProcess.UntilAsync(
                () => FindAsync(server, "orders"),
                found => found.ValueKind == JsonValueKind.Object && found.GetProperty("past").ValueKind == JsonValueKind.Null && found.GetProperty("totalEvents").GetDouble() >= total,
                TimeSpan.FromSeconds(60));
            Assert.Equal((total, total * 0.9), (slo.GetProperty("totalEvents").GetDouble(), Math.Round(slo.GetProperty("goodEvents").GetDouble(), 6)));
        }
    }

    [Fact]
    public async Task Files_of_Sloth_are_validated_explained_and_imported()
    {
        using var files = new TemporaryDirectory();
        string sloth = files.Write("sloth.yaml", """
            version: prometheus/v1
            service: web
            slos:
              - name: availability
                objective: 99.9
                sli:
                  events:
                    error_query: sum(rate(requests_total{code=~"5.."}[{{.window}}]))
                    total_query: sum(rate(requests_total[{{.window}}]))
            """);

        Assert.Equal((0, "1 valid, 0 invalid"), await RunAsync("validate", sloth));
        (int exit, string text) = await RunAsync("explain", sloth);
        Assert.Equal(0, exit);
        Assert.Contains("""increase of requests_total{code=~"5.."}""", text, StringComparison.Ordinal);
        Assert.Contains("burn of 14.4 over 1h and 5m", text, StringComparison.Ordinal);
        (_, string json) = await RunAsync("explain", "--json", sloth);
        using JsonDocument explained = JsonDocument.Parse(json);
        Assert.Equal(14.4, explained.RootElement[0].GetProperty("alerts")[0].GetProperty("factor").GetDouble());

        (_, string openSlo) = await RunAsync("import", sloth);
        string imported = files.Write("imported.yaml", openSlo);
        Assert.Equal((0, "1 valid, 0 invalid"), await RunAsync("validate", imported));
        (_, string again) = await RunAsync("explain", "--json", imported);
        Assert.Equal(json.Replace("sloth.yaml:4", "", StringComparison.Ordinal), again.Replace("imported.yaml:1", "", StringComparison.Ordinal));
        (_, string rules) = await RunAsync("export", "--format", "sloth-rules", sloth);
        Assert.Contains("slo:sli_error:ratio_rate5m", rules, StringComparison.Ordinal);

        files.Write("sloth.yaml", "version: prometheus/v1\nservice: web\nslos: [{name: a, objective: 101}]\n");
        (exit, string _, string errors) = await Cli.RunAsync("slo", "validate", sloth);
        Assert.Equal(1, exit);
        Assert.Contains("sloth.yaml:3:", errors, StringComparison.Ordinal);
        Assert.Contains("slos[0].objective is 101, expected above 0 and below 100", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reference_to_nothing_warns_where_no_SLO_uses_it_and_fails_when_validation_is_strict()
    {
        using var files = new TemporaryDirectory();
        string policy = files.Write("policy.yaml", """
            apiVersion: openslo/v1
            kind: AlertPolicy
            metadata: {name: fast}
            spec:
              conditions: [{conditionRef: burn}]
            """);

        (int exit, string output, string warnings) = await Cli.RunAsync("slo", "validate", policy);
        Assert.Equal((0, "0 valid, 0 invalid\n"), (exit, output));
        Assert.EndsWith("policy.yaml:5:31: there is no AlertCondition 'burn' (warning)\n", warnings, StringComparison.Ordinal);
        Assert.Equal(1, (await Cli.RunAsync("slo", "validate", "--strict", policy)).Exit);
    }

    private static async Task<(int Exit, string Output)> RunAsync(params string[] arguments)
    {
        (int exit, string output, string errors) = await Cli.RunAsync(["slo", .. arguments]);
        Assert.Equal("", errors);
        return (exit, output.Trim());
    }

    private static async Task<JsonElement> FindAsync(ServerProcess server, string id = "busiest")
    {
        foreach (JsonElement slo in (await server.GetAsync("/api/v1/slos")).GetProperty("slos").EnumerateArray())
        {
            if (slo.GetProperty("id").GetString() == id)
            {
                return slo;
            }
        }
        return default;
    }
}
