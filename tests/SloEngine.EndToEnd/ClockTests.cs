using System.Globalization;

namespace SloEngine.EndToEnd;

/// <summary>A clock that is set while the server runs; the time that passes goes on. Needs libfaketime: only where that is installed.</summary>
public sealed class ClockTests
{
    private static readonly string? FakeTime =
        ((string[])["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"]).FirstOrDefault(File.Exists);

    [Fact]
    public async Task Under_a_clock_that_is_set_ahead_and_back_everything_is_stored_and_counted_and_a_start_drops_nothing()
    {
        if (FakeTime is null)
        {
            // Retention, rules, alerts and the ledger have tests of their own with clocks of their own.
            return;
        }
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", DurabilityTests.SpanSlo);
        string clock = files.Write("clock", "+0");
        var environment = new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = FakeTime, ["FAKETIME_TIMESTAMP_FILE"] = clock, ["FAKETIME_NO_CACHE"] = "1", ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        };
        // The engine waits by the clock that is set: it runs apart, under the true one.
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        await store.StartAsync();
        string[] arguments = ["--store", store.Url.ToString(), "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        var sender = new SpanAndLogSender(0);
        await using (ServerProcess server = await ServerProcess.StartAsync(data, environment, arguments))
        {
            foreach (int days in (int[])[0, 40, -3, 0])
            {
                await File.WriteAllTextAsync(clock, days.ToString("+0;-0", CultureInfo.InvariantCulture) + "d");
                long before = sender.Acknowledged;
                await sender.RunAsync(server.OtlpHttp, () => sender.Acknowledged > before + 300);
                await server.StoredAsync();
            }
            double spans = await server.SqlNumberAsync("SELECT count() FROM spans");
            Assert.Equal((0, 0), (sender.Refused, sender.Doubtful));
            Assert.Equal(sender.Acknowledged, spans + await server.SqlNumberAsync("SELECT count() FROM logs"));
            Assert.Equal(spans, (await server.GetAsync("/api/v1/slos/app-spans")).GetProperty("totalEvents").GetDouble());
            await server.KillAsync();
        }

        await File.WriteAllTextAsync(clock, "+40d");
        await using ServerProcess ahead = await ServerProcess.StartAsync(data, environment, arguments);
        using var http = new HttpClient();
        // Retention has been applied when it tells sizes.
        await ServerProcess.UntilAsync(
            () => http.GetStringAsync(new Uri(ahead.Http, "/metrics")), metrics => metrics.Contains("sloengine_store_size", StringComparison.Ordinal), TimeSpan.FromSeconds(30));

        Assert.Equal(sender.Acknowledged, await ahead.SqlNumberAsync("SELECT (SELECT count() FROM spans) + (SELECT count() FROM logs)"));
    }
}
