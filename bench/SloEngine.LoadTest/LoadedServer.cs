using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace SloEngine.LoadTest;

/// <summary>A server process with a data directory of its own, or a gateway with a server behind it, whose store is asked.</summary>
internal sealed class LoadedServer : IAsyncDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 64 }) { Timeout = TimeSpan.FromMinutes(2) };
    private readonly Process _process;
    private readonly DirectoryInfo _data;
    private readonly Uri _grpc;
    private readonly Uri _otlpHttp;
    private readonly Uri _http;
    private readonly LoadedServer? _behind;

    private LoadedServer(Process process, DirectoryInfo data, Uri grpc, Uri otlpHttp, Uri http, LoadedServer? behind) =>
        (_process, _data, _grpc, _otlpHttp, _http, _behind) = (process, data, grpc, otlpHttp, behind?._http ?? http, behind);

    /// <summary>A gateway that is loaded and measured in place of the server behind it.</summary>
    public static async Task<LoadedServer> StartGatewayAsync(string program)
    {
        LoadedServer engine = await StartAsync(program);
        return await StartAsync(program, engine, "--roles", "gateway", "--engines", engine._otlpHttp.GetLeftPart(UriPartial.Authority));
    }

    public static Task<LoadedServer> StartAsync(string program, params string[] settings) => StartAsync(program, null, settings);

    private static async Task<LoadedServer> StartAsync(string program, LoadedServer? behind, params string[] settings)
    {
        DirectoryInfo data = Directory.CreateTempSubdirectory("sloengine-load-");
        string[] arguments =
        [
            "serve", "--data", data.FullName, "--self-telemetry", "off", "--log-level", "error",
            "--listen-grpc", "127.0.0.1:0", "--listen-otlp-http", "127.0.0.1:0", "--listen-http", "127.0.0.1:0", .. settings,
        ];
        Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string? line = await process.StandardOutput.ReadLineAsync();
        if (line != "ready")
        {
            throw new InvalidOperationException("the server did not start: " + line);
        }
        Uri grpc = new("http://" + await AddressAsync());
        Uri otlpHttp = new(await AddressAsync());
        return new LoadedServer(process, data, grpc, otlpHttp, new Uri(await AddressAsync()), behind);

        async Task<string> AddressAsync() => (await process.StandardOutput.ReadLineAsync())!.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
    }

    /// <summary>Sends requests as fast as they are acknowledged, first for a while that is not measured, and tells what that took: a line of the table.</summary>
    public async Task<string> RunAsync(
        string load, string signal, Request[] requests, TimeSpan warmUp, TimeSpan duration, int connections, bool isGrpc, string countSql, CancellationToken cancellation)
    {
        using OtlpSender sender = Sender(isGrpc, connections);
        (long before, _, _) = await SendAsync(sender, signal, requests, warmUp, connections, cancellation);
        await StoredAsync(countSql, before, cancellation);
        double cpuBefore = Cpu();
        (long items, TimeSpan elapsed, Latencies latency) = await SendAsync(sender, signal, requests, duration, connections, cancellation);
        await StoredAsync(countSql, before + items, cancellation);
        double cpu = Cpu() - cpuBefore;
        double bytes = (await StoreAsync(cancellation)).GetProperty("bytes").GetDouble();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{load,-10}{items,12:N0}{items / elapsed.TotalSeconds,12:N0}{items / cpu,14:N0}{latency.At(0.5),9:0.0}{latency.At(0.99),9:0.0}{_process.WorkingSet64 / 1e6,9:0}{bytes / (before + items),9:0.0}");
    }

    private static async Task<(long Items, TimeSpan Elapsed, Latencies Latency)> SendAsync(
        OtlpSender sender, string signal, Request[] requests, TimeSpan duration, int connections, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        long items = 0;
        var latencies = new List<double>[connections];
        await Task.WhenAll(Enumerable.Range(0, connections).Select(connection => Task.Run(
            async () =>
            {
                latencies[connection] = [];
                for (int next = connection; latencies[connection].Count == 0 || Stopwatch.GetElapsedTime(began) < duration; next += connections)
                {
                    // Each connection keeps to its own requests: a body is patched while nobody else sends it.
                    Request request = requests[(connection + (next / connections * connections)) % (requests.Length / connections * connections)];
                    long sent = Stopwatch.GetTimestamp();
                    await sender.SendAsync(signal, Timed(request), null, cancellation);
                    latencies[connection].Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
                    Interlocked.Add(ref items, request.Items);
                }
            },
            cancellation)));
        return (items, Stopwatch.GetElapsedTime(began), new Latencies(latencies.SelectMany(all => all)));
    }

    /// <summary>Sends requests one after the other; returns how many items were acknowledged.</summary>
    public async Task<long> LoadAsync(string signal, Request[] requests, TimeSpan duration, CancellationToken cancellation)
    {
        using OtlpSender sender = Sender(isGrpc: false, 1);
        long began = Stopwatch.GetTimestamp();
        long items = 0;
        for (int next = 0; Stopwatch.GetElapsedTime(began) < duration; next = (next + 1) % requests.Length)
        {
            await sender.SendAsync(signal, Timed(requests[next]), null, cancellation);
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
        return string.Create(CultureInfo.InvariantCulture, $"{share,10:0.0%}{_process.Threads.Count,9}{_process.WorkingSet64 / 1e6,9:0}");
    }

    public OtlpSender Sender(bool isGrpc, int connections) => isGrpc ? new GrpcSender(_grpc) : new HttpSender(_otlpHttp, connections);

    /// <summary>The first column of a SQL query's only row.</summary>
    public async Task<double> SqlAsync(string sql, string? tenant, CancellationToken cancellation) =>
        (await GetAsync("/api/v1/sql?query=" + Uri.EscapeDataString(sql), tenant, cancellation)).GetProperty("data")[0].EnumerateObject().First().Value.GetDouble();

    /// <summary>What the store holds, from <c>/api/v1/status/store</c>.</summary>
    public Task<JsonElement> StoreAsync(CancellationToken cancellation) => GetAsync("/api/v1/status/store", null, cancellation);

    /// <summary>Answer of an HTTP API.</summary>
    public async Task<JsonElement> GetAsync(string path, string? tenant, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_http, path));
        if (tenant is not null)
        {
            request.Headers.Add("X-Scope-OrgID", tenant);
        }
        using HttpResponseMessage response = await _client.SendAsync(request, cancellation);
        string text = await response.Content.ReadAsStringAsync(cancellation);
        return response.IsSuccessStatusCode
            ? JsonDocument.Parse(text).RootElement.Clone()
            : throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {text}");
    }

    /// <summary>The server's own metrics, summed over their labels.</summary>
    public async Task<Dictionary<string, double>> MetricsAsync(CancellationToken cancellation)
    {
        string text = await _client.GetStringAsync(new Uri(_http, "/metrics"), cancellation);
        var metrics = new Dictionary<string, double>();
        foreach (string line in text.Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
        {
            string name = line[..line.AsSpan().IndexOfAny(' ', '{')];
            if (double.TryParse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture, out double value))
            {
                metrics[name] = metrics.GetValueOrDefault(name) + value;
            }
        }
        return metrics;
    }

    /// <summary>Waits until the store has all that was acknowledged.</summary>
    public async Task StoredAsync(TimeSpan patience, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        while ((await MetricsAsync(cancellation))["sloengine_collector_log_lag_bytes"] > 0)
        {
            if (Stopwatch.GetElapsedTime(began) > patience)
            {
                throw new InvalidOperationException($"after {patience} the store does not have all that was acknowledged");
            }
            await Task.Delay(200, cancellation);
        }
    }

    /// <summary>Waits until as many rows are stored as were acknowledged, for a minute, and throws where there are others then.</summary>
    private async Task StoredAsync(string countSql, long acknowledged, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        long stored;
        while ((stored = (long)await SqlAsync(countSql, null, cancellation)) < acknowledged && Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(1))
        {
            await Task.Delay(200, cancellation);
        }
        if (stored != acknowledged)
        {
            throw new InvalidOperationException($"{acknowledged} items were acknowledged, {stored} are stored");
        }
    }

    /// <summary>Resident memory, in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public int Threads => Directory.GetDirectories($"/proc/{_process.Id}/task").Length;

    /// <summary>Open files, sockets among them.</summary>
    public int Handles => Directory.GetFileSystemEntries($"/proc/{_process.Id}/fd").Length;

    /// <summary>Processor time since the start, in seconds.</summary>
    public double Cpu()
    {
        _process.Refresh();
        return _process.TotalProcessorTime.TotalSeconds;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _client.Dispose();
        _data.Delete(recursive: true);
        if (_behind is not null)
        {
            await _behind.DisposeAsync();
        }
    }

    private static byte[] Timed(Request request)
    {
        request.SetTime((DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100);
        return request.Body;
    }
}
