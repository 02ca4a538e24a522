using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SloEngine.LoadTest.Queries;

namespace SloEngine.LoadTest;

/// <summary>New SLOs over a store that has a history: how long until they have their past, and whether it is right to the last event.</summary>
internal static class Backfill
{
    public static Command Command(Option<FileInfo> server)
    {
        var data = new Option<DirectoryInfo>("--data") { Description = "Directory of the store, written when it is not there and kept", Required = true };
        var services = new Option<int>("--slos") { Description = "SLOs, each over 100 series of its own", DefaultValueFactory = _ => 100 };
        var days = new Option<int>("--days") { Description = "Days of history", DefaultValueFactory = _ => 30 };
        var interval = new Option<int>("--interval") { Description = "Seconds between samples", DefaultValueFactory = _ => 60 };
        var command = new Command("backfill", "Starts a server with new SLOs over a stored history, measures until they have their past, and checks its sums.")
        {
            server, data, services, days, interval,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            DirectoryInfo directory = parsed.GetValue(data)!;
            string mark = Path.Combine(directory.FullName, "history.json");
            History history;
            if (File.Exists(mark))
            {
                history = JsonSerializer.Deserialize<History>(await File.ReadAllTextAsync(mark, cancellation))!;
            }
            else
            {
                directory.Create();
                history = new History(parsed.GetValue(services), parsed.GetValue(days), parsed.GetValue(interval), DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 60 * 60);
                await history.WriteAsync(directory.FullName, cancellation);
                await File.WriteAllTextAsync(mark, JsonSerializer.Serialize(history), cancellation);
            }
            return await MeasureAsync(parsed.GetValue(server)!.FullName, directory, history, cancellation);
        });
        return command;
    }

    private static async Task<int> MeasureAsync(string program, DirectoryInfo data, History history, CancellationToken cancellation)
    {
        DirectoryInfo files = data.CreateSubdirectory("slos");
        // Other names each time, so that they are new.
        string run = Guid.NewGuid().ToString("N")[..6];
        Peer peer = Peer.SloEngine(program);
        peer = peer with { Arguments = (directory, port) => [.. Peer.SloEngine(program).Arguments(directory, port), "--slos", files.FullName, "--retention-rollups", "off"] };
        await using RunningPeer server = await RunningPeer.StartAsync(peer, data, cancellation);
        await server.SettleAsync(cancellation);
        double cpu = server.Cpu();
        long began = Stopwatch.GetTimestamp();
        await File.WriteAllTextAsync(Path.Combine(files.FullName, "slos.yaml"), Slos(history, run), cancellation);
        double progress = -1;
        int waited = 0;
        while (true)
        {
            await Task.Delay(500, cancellation);
            using JsonDocument answer = JsonDocument.Parse(await server.AskAsync("/api/v1/slos", cancellation));
            JsonElement[] all = [.. answer.RootElement.GetProperty("slos").EnumerateArray().Where(slo => slo.GetProperty("id").GetString()!.StartsWith(run, StringComparison.Ordinal))];
            double[] pending = [.. all.Where(slo => slo.TryGetProperty("past", out JsonElement past) && past.ValueKind == JsonValueKind.Number).Select(slo => slo.GetProperty("past").GetDouble())];
            if (all.Length == history.Services && pending.Length == 0)
            {
                break;
            }
            if (++waited % 10 == 0 && pending.Length > 0 && pending.Average() != progress)
            {
                progress = pending.Average();
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(began).TotalSeconds:0} s: {progress:P0}"));
            }
        }
        double elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double used = server.Cpu() - cpu;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{history.Services} SLOs, {history.Series:N0} series, {history.Samples:N0} samples of {history.Days} days: {elapsed:0.0} s, {used:0.0} CPU s, {history.Samples / used:N0} samples a CPU second, {server.ResidentBytes / 1e6:0} MB"));
        return await CheckAsync(server, history, run, cancellation) ? 0 : 1;
    }

    /// <summary>Compares what the ledger stored of each SLO with what the counters say.</summary>
    private static async Task<bool> CheckAsync(RunningPeer server, History history, string run, CancellationToken cancellation)
    {
        // The window began when the SLOs were taken in; it ends after the last sample.
        string since = await SqlAsync($"SELECT toUnixTimestamp(max(minute)) AS until FROM sli_buckets WHERE slo LIKE 'past/{run}-%'");
        long until = long.Parse(since, CultureInfo.InvariantCulture);
        bool isEqual = true;
        for (int service = 0; service < history.Services; service += Math.Max(1, history.Services / 10))
        {
            string good = await SqlAsync($"SELECT sum(good) FROM sli_buckets WHERE slo LIKE '{run}-{service}@%'");
            string total = await SqlAsync($"SELECT sum(total) FROM sli_buckets WHERE slo LIKE '{run}-{service}@%'");
            // Until is up to 12 seconds ahead of the time that the window is counted back from: either minute may be the first.
            (long Bad, long Total)[] expected = [.. Enumerable.Range(0, 13).Select(second => history.Events(service, until - second - (30L * 86_400), until)).Distinct()];
            (long Bad, long Total) found = ((long)double.Parse(total, CultureInfo.InvariantCulture) - (long)double.Parse(good, CultureInfo.InvariantCulture), (long)double.Parse(total, CultureInfo.InvariantCulture));
            bool isRight = expected.Contains(found);
            isEqual &= isRight;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"SLO {service}: {found.Bad:N0} bad of {found.Total:N0}, {(isRight ? "exact" : $"expected {string.Join(" or ", expected)}")}"));
        }
        return isEqual;

        async Task<string> SqlAsync(string sql)
        {
            using JsonDocument answer = JsonDocument.Parse(await server.AskAsync("/api/v1/sql?query=" + Uri.EscapeDataString(sql), cancellation));
            return answer.RootElement.GetProperty("data")[0].EnumerateObject().First().Value.ToString();
        }
    }

    private static string Slos(History history, string run) => string.Concat(Enumerable.Range(0, history.Services).Select(service => $$"""
        ---
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: {{run}}-{{service}}}
        spec:
          service: service-{{service}}
          budgetingMethod: Occurrences
          timeWindow:
            - duration: 30d
              isRolling: true
          objectives:
            - target: 0.99
          indicator:
            metadata: {name: {{run}}-{{service}}-sli}
            spec:
              ratioMetric:
                counter: true
                bad:
                  metricSource:
                    type: Prometheus
                    spec:
                      query: {{History.Metric}}{service="service-{{service}}",code=~"5.."}
                total:
                  metricSource:
                    type: Prometheus
                    spec:
                      query: {{History.Metric}}{service="service-{{service}}"}

        """));
}
