using System.Globalization;
using System.Text;
using System.Text.Json;
using SloEngine.Server.Suggestions;

namespace SloEngine.EndToEnd;

/// <summary>SLOs that the real program proposes from the history of services.</summary>
public sealed class SuggestTests
{
    [Fact]
    public async Task Services_get_SLOs_that_their_history_bears_and_that_the_program_accepts()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        await SendRequestsAsync(server);
        await SendSpansAsync(server);
        await server.StoredAsync();

        (int exit, string yaml, string errors) = await Cli.RunAsync("slo", "suggest", "--server", server.Http.ToString());
        Assert.Equal(0, exit);
        Assert.Equal("rare: server spans that do not fail: only 5 events in 28 days\nrare: server spans within 50 ms: only 5 events in 28 days\n", errors);
        string file = files.Write("suggested.yaml", yaml);
        Assert.Equal((0, "6 valid, 0 invalid\n", ""), await Cli.RunAsync("slo", "validate", file));

        JsonElement answer = await server.GetAsync("/api/v1/slos/suggestions");
        Dictionary<string, double> objectives = answer.GetProperty("suggestions").EnumerateArray()
            .ToDictionary(one => one.GetProperty("name").GetString()!, one => one.GetProperty("objective").GetDouble());
        Assert.Equal(
            new Dictionary<string, double>
            {
                // 0.1 % fail: half of the budget of 99.8 %, all of that of 99.9 %. 0.8 % take longer than 100 ms.
                ["shop-availability"] = 0.998,
                ["shop-latency"] = 0.98,
                // None of 200: more than 95 % would allow less than ten of them to fail.
                ["web-server-availability"] = 0.95,
                ["web-server-latency"] = 0.95,
                ["it-s--odd--consumer-availability"] = 0.95,
                ["it-s--odd--consumer-latency"] = 0.95,
            },
            objectives);
        // 29,000 requests, and what increase() extrapolates.
        Assert.Matches("# Of 29,[0-9]{3} in the last 28 days (29|30) failed \\(http_response_status_code=~\"5..\"\\): 99.9 % were good.\n", yaml);
        Assert.Matches("23[0-9] took longer than 100 ms, the smallest bound that at least 99 % did not exceed", yaml);
        Assert.Contains("# it's \"odd\": consumer spans within 50 ms.\n", yaml, StringComparison.Ordinal);

        // What was proposed counts what it was proposed from, and is kept.
        (exit, string report, errors) = await Cli.RunAsync("slo", "backtest", file, "--server", server.Http.ToString(), "--from", "2h", "--output", "json");
        Assert.True(exit == 0, errors);
        using JsonDocument document = JsonDocument.Parse(report);
        JsonElement policy = document.RootElement.GetProperty("policies")[0];
        Assert.Equal(0, policy.GetProperty("pages").GetInt32());
        Assert.All(policy.GetProperty("slos").EnumerateArray(), slo =>
            Assert.True(slo.GetProperty("attained").GetDouble() >= slo.GetProperty("objective").GetDouble() && slo.GetProperty("total").GetDouble() >= 200, slo.GetRawText()));

        // What is proposed for a tenant counts that tenant's telemetry alone.
        var acme = new OtlpMetricsJson("billing");
        for (int minute = 0; minute < 10; minute++)
        {
            acme.Histogram("http.server.request.duration", [], DateTimeOffset.UtcNow.AddMinutes(minute - 20).ToUnixTimeMilliseconds(), [0.1], [1000 * minute, 0], minute, "s");
        }
        await acme.SendAsync(server.OtlpHttp, "acme");
        await server.StoredAsync();
        string own = files.Write("acme.yaml", (await Cli.RunAsync("slo", "suggest", "--server", server.Http.ToString(), "--tenant", "acme")).Output);
        (exit, report, errors) = await Cli.RunAsync("slo", "explain", own, "--json");
        Assert.True(exit == 0, errors);
        Assert.Contains("sloengine/tenant: 'acme'", await File.ReadAllTextAsync(own), StringComparison.Ordinal);
        Assert.DoesNotContain("sloengine/tenant", yaml, StringComparison.Ordinal);

        Assert.Empty((await server.GetAsync("/api/v1/slos/suggestions?service=nobody")).GetProperty("suggestions").EnumerateArray());
        (exit, _, errors) = await Cli.RunAsync("slo", "suggest", "--server", server.Http.ToString(), "--days", "1000");
        Assert.Equal(1, exit);
        Assert.Contains("days is '1000', expected 1 to 90", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 99, null)]
    [InlineData(0, 100, 0.9)]
    [InlineData(0, 1_000, 0.99)]
    [InlineData(0, 100_000, 0.9999)]
    [InlineData(0, 1e9, 0.9999)]
    [InlineData(666, 1_000_000, 0.999)]
    [InlineData(668, 1_000_000, 0.998)]
    [InlineData(66_000, 1_000_000, 0.9)]
    [InlineData(67_000, 1_000_000, null)]
    public void An_objective_leaves_room_and_rests_on_events_enough(double bad, double total, double? expected) => Assert.Equal(expected, ObjectiveChoice.Of(bad, total));

    /// <summary>Half an hour of 1,000 requests a minute, of which one fails and eight take longer than 100 ms.</summary>
    private static async Task SendRequestsAsync(ServerProcess server)
    {
        var metrics = new OtlpMetricsJson("shop");
        DateTimeOffset start = DateTimeOffset.UtcNow.AddMinutes(-40);
        for (int minute = 0; minute < 30; minute++)
        {
            long time = start.AddMinutes(minute).ToUnixTimeMilliseconds();
            metrics.Histogram("http.server.request.duration", [new("http.response.status_code", "200")], time, [0.1, 0.5], [991 * minute, 6 * minute, 2 * minute], minute * 50, "s");
            metrics.Histogram("http.server.request.duration", [new("http.response.status_code", "500")], time, [0.1, 0.5], [minute, 0, 0], minute * 0.05, "s");
        }
        await metrics.SendAsync(server.OtlpHttp);
    }

    private static async Task SendSpansAsync(ServerProcess server)
    {
        var spans = new List<string>();
        long end = DateTimeOffset.UtcNow.AddMinutes(-30).ToUnixTimeMilliseconds();
        foreach ((string service, int kind, int count) in ((string, int, int)[])[("web", 2, 200), ("it's \\\"odd\\\"", 5, 200), ("rare", 2, 5), ("client", 3, 200)])
        {
            var all = new StringBuilder();
            for (int span = 0; span < count; span++)
            {
                all.Append(span == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $$$"""
                    {"traceId":"{{{kind:x16}}}{{{count:x8}}}{{{span + 1:x8}}}","spanId":"{{{span + 1:x16}}}","name":"GET /","kind":{{{kind}}},"startTimeUnixNano":"{{{end + (span * 1000) - 40}}}000000","endTimeUnixNano":"{{{end + (span * 1000)}}}000000","status":{}}
                    """);
            }
            spans.Add($$$"""{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"{{{service}}}"}}]},"scopeSpans":[{"spans":[{{{all}}}]}]}""");
        }
        using var http = new HttpClient { BaseAddress = server.OtlpHttp };
        using var content = new StringContent($$"""{"resourceSpans":[{{string.Join(',', spans)}}]}""", Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri("/v1/traces", UriKind.Relative), content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }
}
