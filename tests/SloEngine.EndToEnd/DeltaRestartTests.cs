using System.Globalization;
using System.Text;

namespace SloEngine.EndToEnd;

/// <summary>Delta points that a sender sends again over a restart, because it did not see them acknowledged.</summary>
public sealed class DeltaRestartTests
{
    private const string Slo = """
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: app}
        spec:
          service: app
          indicator: {good: 'sum(rate(app_requests_total{code="200"}[5m]))', total: 'sum(rate(app_requests_total[5m]))'}
          objectives: [{target: 0.9}]
        """;

    [Fact]
    public async Task What_is_sent_again_over_a_restart_counts_once_and_what_is_new_counts()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", Slo);
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        // With digits below a millisecond, which the store does not keep.
        long start = ((DateTimeOffset.UtcNow.AddMinutes(-10) - DateTimeOffset.UnixEpoch).Ticks * 100) + 456_789;
        long Time(int seconds) => start + (seconds * 1_000_000_000L);
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        await SendAsync(server, Time(0), Time(10), 1);
        await SendAsync(server, Time(10), Time(20), 2);
        // A gap, and points that say nothing of a start.
        await SendAsync(server, Time(30), Time(40), 4);
        await SendAsync(server, 0, Time(100), 8);
        await server.KillAsync();
        await server.DisposeAsync();

        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);
        await SendAsync(restarted, Time(10), Time(20), 2);
        await SendAsync(restarted, Time(30), Time(40), 4);
        await SendAsync(restarted, 0, Time(100), 8);
        Assert.Equal(15, (await restarted.GetAsync("/api/v1/slos/app")).GetProperty("totalEvents").GetDouble());

        // What closes the gap is new, though it is older.
        await SendAsync(restarted, Time(20), Time(30), 16);
        await SendAsync(restarted, Time(40), Time(50), 32);
        Assert.Equal(63, (await restarted.GetAsync("/api/v1/slos/app")).GetProperty("totalEvents").GetDouble());
    }

    private static async Task SendAsync(ServerProcess server, long start, long time, int value)
    {
        string body = string.Create(CultureInfo.InvariantCulture, $$$"""
            {"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"app"}}]},"scopeMetrics":[{"metrics":[{"name":"app.requests","unit":"{request}",
            "sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"attributes":[{"key":"code","value":{"stringValue":"200"}}],
            "startTimeUnixNano":"{{{start}}}","timeUnixNano":"{{{time}}}","asInt":"{{{value}}}"}]}}]}]}]}
            """);
        using var http = new HttpClient();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri(server.OtlpHttp, "/v1/metrics"), content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }
}
