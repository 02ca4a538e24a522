using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using SloEngine.LoadTest;
using SloEngine.LoadTest.Queries;

var serverOption = new Option<FileInfo>("--server") { Description = "Path of the sloengine program", Required = true };
var seconds = new Option<int>("--seconds") { Description = "Seconds of load a signal", DefaultValueFactory = _ => 10 };
var connections = new Option<int>("--connections") { Description = "Requests in flight", DefaultValueFactory = _ => 8 };
var only = new Option<string?>("--signal") { Description = "metrics, logs or traces (default: all three)" };
var rest = new Option<int>("--rest") { Description = "Measure the server at rest instead, for so many seconds before and after a load" };
var gateway = new Option<bool>("--gateway") { Description = "Load a gateway in front of the server, and count its CPU alone" };
var root = new RootCommand("Whole-process OTLP load: starts a server, sends metrics, logs and spans, and prints what one CPU second of it takes in.")
{
    serverOption, seconds, connections, only, rest, gateway,
};
root.SetAction(async (parsed, cancellation) =>
{
    if (parsed.GetValue(rest) is > 0 and int resting)
    {
        await RestingServer.MeasureAsync(parsed.GetValue(serverOption)!.FullName, TimeSpan.FromSeconds(resting), cancellation);
        return 0;
    }
    Console.WriteLine($"{"signal",-10}{"items",12}{"items/s",12}{"items/CPU s",14}{"p50 ms",9}{"p99 ms",9}{"RSS MB",9}{"B/item",9}");
    foreach ((string signal, Func<int, Request> make, int processes, string count) in ((string, Func<int, Request>, int, string)[])
    [
        ("metrics", Request.Metrics, 32, "SELECT (SELECT count() FROM samples WHERE id NOT IN (SELECT id FROM series WHERE metric = 'target_info')) + (SELECT count() FROM histograms)"),
        ("logs", Request.Logs, 32, "SELECT count() FROM logs"),
        ("traces", Request.Spans, 32, "SELECT count() FROM spans"),
    ])
    {
        if (parsed.GetValue(only) is { } wanted && wanted != signal)
        {
            continue;
        }
        await using LoadedServer server = await LoadedServer.StartAsync(parsed.GetValue(serverOption)!.FullName, parsed.GetValue(gateway));
        Request[] requests = [.. Enumerable.Range(0, processes).Select(make)];
        Console.WriteLine(await server.RunAsync(signal, requests, TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(connections), count, cancellation));
    }
    return 0;
});
var series = new Option<int>("--series") { Description = "Series, of 500 a target", DefaultValueFactory = _ => 20_000 };
var rounds = new Option<int>("--rounds") { Description = "Samples of each, 15 seconds apart", DefaultValueFactory = _ => 200 };
var prometheus = new Option<string>("--prometheus") { Description = "Path of Prometheus", DefaultValueFactory = _ => "/usr/bin/prometheus" };
var victoria = new Option<string>("--victoria-metrics") { Description = "Path of VictoriaMetrics", DefaultValueFactory = _ => "/usr/bin/victoria-metrics" };
var peers = new Command("peers", "The same remote-write load into sloengine, Prometheus and VictoriaMetrics, one after the other.")
{
    serverOption, series, rounds, connections, prometheus, victoria,
};
peers.SetAction(async (parsed, cancellation) =>
{
    var load = new RemoteWriteLoad(parsed.GetValue(series) / 500, 500, parsed.GetValue(rounds), DateTimeOffset.UtcNow.AddSeconds(-15 * parsed.GetValue(rounds)));
    Console.WriteLine($"{"program",-18}{"samples",12}{"samples/s",14}{"samples/CPU s",16}{"RSS MB",9}{"B/sample",12}");
    foreach (Peer peer in (Peer[])
    [
        Peer.SloEngine(parsed.GetValue(serverOption)!.FullName), Peer.Prometheus(parsed.GetValue(prometheus)!), Peer.VictoriaMetrics(parsed.GetValue(victoria)!),
    ])
    {
        Console.WriteLine(await peer.MeasureAsync(load, parsed.GetValue(connections), cancellation));
    }
    return 0;
});
root.Subcommands.Add(peers);
var dataOption = new Option<DirectoryInfo>("--data") { Description = "Directory of both programs' data, written when it is not there and kept", Required = true };
var instances = new Option<int>("--instances") { Description = "Instances of 100 series at 15 s", DefaultValueFactory = _ => 20 };
var hours = new Option<int>("--hours") { Description = "Hours of them", DefaultValueFactory = _ => 24 };
var services = new Option<int>("--services") { Description = "Services of 20 series", DefaultValueFactory = _ => 10 };
var days = new Option<int>("--days") { Description = "Days of them", DefaultValueFactory = _ => 30 };
var longInterval = new Option<int>("--long-interval") { Description = "Seconds between their samples", DefaultValueFactory = _ => 60 };
var repeats = new Option<int>("--repeats") { Description = "Times each query is measured", DefaultValueFactory = _ => 7 };
var promtool = new Option<string>("--promtool") { Description = "Path of promtool", DefaultValueFactory = _ => "/usr/bin/promtool" };
var onlyQuery = new Option<string?>("--query") { Description = "Only queries whose name has this in it" };
var queries = new Command("queries", "The same samples in sloengine and Prometheus, asked the same queries in turns; answers are compared.")
{
    serverOption, dataOption, instances, hours, services, days, longInterval, repeats, prometheus, promtool, onlyQuery,
};
queries.SetAction(async (parsed, cancellation) =>
{
    DirectoryInfo data = parsed.GetValue(dataOption)!;
    string mark = Path.Combine(data.FullName, "written.json");
    DirectoryInfo theirs = data.CreateSubdirectory("prometheus");
    await using RunningPeer ours = await RunningPeer.StartAsync(Peer.SloEngine(parsed.GetValue(serverOption)!.FullName), data.CreateSubdirectory("sloengine"), cancellation);
    QuerySize size;
    if (File.Exists(mark))
    {
        size = JsonSerializer.Deserialize<QuerySize>(await File.ReadAllTextAsync(mark, cancellation))!;
    }
    else
    {
        long end = DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 3_600 * 3_600;
        size = new QuerySize(parsed.GetValue(instances), parsed.GetValue(hours), parsed.GetValue(services), parsed.GetValue(days), parsed.GetValue(longInterval), end);
        await new QueryData(size, ours.Http, theirs, parsed.GetValue(promtool)!).WriteAsync(cancellation);
        await File.WriteAllTextAsync(mark, JsonSerializer.Serialize(size), cancellation);
    }
    await using RunningPeer prometheusServer = await RunningPeer.StartAsync(Peer.Prometheus(parsed.GetValue(prometheus)!), theirs, cancellation);
    await ours.SettleAsync(cancellation);
    await prometheusServer.SettleAsync(cancellation);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{size.WideSamples:N0} samples of {size.Instances * 100:N0} series, {size.LongSamples:N0} of {size.Services * 20:N0}"));
    bool equal = await new QueryComparison(ours, prometheusServer, size.End, parsed.GetValue(repeats)).RunAsync(parsed.GetValue(onlyQuery), cancellation);
    return equal ? 0 : 1;
});
root.Subcommands.Add(queries);
return await root.Parse(args).InvokeAsync();

/// <summary>A server process with a data directory of its own, or a gateway with a server behind it.</summary>
/// <param name="process">The process that is loaded and measured.</param>
/// <param name="otlpHttp">Where the load goes.</param>
/// <param name="http">Where the store is asked.</param>
/// <param name="data">Directory of its data.</param>
/// <param name="behind">The server that a gateway forwards to.</param>
internal sealed class LoadedServer(Process process, Uri otlpHttp, Uri http, DirectoryInfo data, LoadedServer? behind = null) : IAsyncDisposable
{
    private readonly Uri _otlpHttp = otlpHttp;
    private readonly Uri _http = http;
    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 64 });

    public static async Task<LoadedServer> StartAsync(string program, bool withGateway = false)
    {
        if (withGateway)
        {
            LoadedServer engine = await StartAsync(program);
            return await StartAsync(program, engine, "--roles", "gateway", "--engines", engine._otlpHttp.GetLeftPart(UriPartial.Authority));
        }
        return await StartAsync(program, behind: null);
    }

    private static async Task<LoadedServer> StartAsync(string program, LoadedServer? behind, params string[] more)
    {
        DirectoryInfo data = Directory.CreateTempSubdirectory("sloengine-load-");
        string[] arguments =
        [
            "serve", "--data", data.FullName, "--self-telemetry", "off", "--log-level", "warning",
            "--listen-grpc", "127.0.0.1:0", "--listen-otlp-http", "127.0.0.1:0", "--listen-http", "127.0.0.1:0", .. more,
        ];
        Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string? line = await process.StandardOutput.ReadLineAsync();
        if (line != "ready")
        {
            throw new InvalidOperationException("the server did not start: " + line);
        }
        await process.StandardOutput.ReadLineAsync();
        string otlp = (await process.StandardOutput.ReadLineAsync())!.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        string ui = (await process.StandardOutput.ReadLineAsync())!.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return new LoadedServer(process, new Uri(otlp), behind?._http ?? new Uri(ui), data, behind);
    }

    public async Task<string> RunAsync(string signal, Request[] requests, TimeSpan duration, int connections, string countSql, CancellationToken cancellation)
    {
        var url = new Uri(_otlpHttp, "/v1/" + signal);
        await SendAsync(url, requests[0], cancellation);
        double cpuBefore = Cpu();
        long began = Stopwatch.GetTimestamp();
        long items = requests[0].Items;
        var latencies = new List<double>[connections];
        await Task.WhenAll(Enumerable.Range(0, connections).Select(connection => Task.Run(
            async () =>
            {
                latencies[connection] = [];
                for (int next = connection; Stopwatch.GetElapsedTime(began) < duration; next += connections)
                {
                    // Each connection keeps to its own requests: a body is patched while nobody else sends it.
                    Request request = requests[(connection + (next / connections * connections)) % (requests.Length / connections * connections)];
                    long sent = Stopwatch.GetTimestamp();
                    await SendAsync(url, request, cancellation);
                    latencies[connection].Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
                    Interlocked.Add(ref items, request.Items);
                }
            },
            cancellation)));
        double elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double[] sorted = [.. latencies.SelectMany(all => all).Order()];
        long stored = await StoredAsync(countSql, items, cancellation);
        double cpu = Cpu() - cpuBefore;
        if (stored != items)
        {
            throw new InvalidOperationException($"{items} items were acknowledged, {stored} are stored");
        }
        string stats = await _client.GetStringAsync(new Uri(_http, "/api/v1/status/store"), cancellation);
        using JsonDocument store = JsonDocument.Parse(stats);
        double bytes = store.RootElement.GetProperty("bytes").GetDouble();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{signal,-10}{items,12:N0}{items / elapsed,12:N0}{items / cpu,14:N0}{sorted[sorted.Length / 2],9:0.0}{sorted[(int)(sorted.Length * 0.99)],9:0.0}{process.WorkingSet64 / 1e6,9:0}{bytes / items,9:0.0}");
    }

    /// <summary>Rows stored, once all that was acknowledged is there, or after half a minute.</summary>
    private async Task<long> StoredAsync(string countSql, long expected, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            string json = await _client.GetStringAsync(new Uri(_http, "/api/v1/sql?query=" + Uri.EscapeDataString(countSql)), cancellation);
            using JsonDocument result = JsonDocument.Parse(json);
            long stored = result.RootElement.GetProperty("data")[0].EnumerateObject().First().Value.GetInt64();
            if (stored >= expected || Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(30))
            {
                return stored;
            }
            await Task.Delay(200, cancellation);
        }
    }

    /// <summary>Sends requests one after the other; returns how many items were acknowledged.</summary>
    public async Task<long> LoadAsync(string signal, Request[] requests, TimeSpan duration, CancellationToken cancellation)
    {
        var url = new Uri(_otlpHttp, "/v1/" + signal);
        long began = Stopwatch.GetTimestamp();
        long items = 0;
        for (int next = 0; Stopwatch.GetElapsedTime(began) < duration; next = (next + 1) % requests.Length)
        {
            await SendAsync(url, requests[next], cancellation);
            items += requests[next].Items;
        }
        return items;
    }

    /// <summary>What the process takes while nobody asks anything of it.</summary>
    public async Task<string> RestAsync(TimeSpan duration, CancellationToken cancellation)
    {
        double cpuBefore = Cpu();
        long began = Stopwatch.GetTimestamp();
        await Task.Delay(duration, cancellation);
        double share = (Cpu() - cpuBefore) / Stopwatch.GetElapsedTime(began).TotalSeconds;
        return string.Create(CultureInfo.InvariantCulture, $"{share,10:0.0%}{process.Threads.Count,9}{process.WorkingSet64 / 1e6,9:0}");
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        _client.Dispose();
        data.Delete(recursive: true);
        if (behind is not null)
        {
            await behind.DisposeAsync();
        }
    }

    private async Task SendAsync(Uri url, Request request, CancellationToken cancellation)
    {
        request.SetTime((DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100);
        using var content = new ByteArrayContent(request.Body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        using HttpResponseMessage response = await _client.PostAsync(url, content, cancellation);
        response.EnsureSuccessStatusCode();
    }

    private double Cpu()
    {
        process.Refresh();
        return process.TotalProcessorTime.TotalSeconds;
    }
}
