using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace SloEngine.LoadTest;

/// <summary>A program that takes remote write and answers PromQL.</summary>
/// <param name="Name">Name in the table.</param>
/// <param name="Program">Path of the program.</param>
/// <param name="Arguments">Its arguments, for a data directory and a port.</param>
/// <param name="Ready">Path that answers once it is ready.</param>
internal sealed record Peer(string Name, string Program, Func<string, int, string[]> Arguments, string Ready)
{
    /// <summary>Where it says what its store takes without what merges have replaced; null when it does not.</summary>
    private string? Store { get; init; }

    /// <summary>Longer than ours gathers samples, or VictoriaMetrics keeps parts in memory, before they are written.</summary>
    private static readonly TimeSpan LongestGathered = TimeSpan.FromSeconds(40);

    /// <summary>Rounds that are counted at once: what a query may read.</summary>
    private const int RoundsCounted = 1_000;

    public static Peer SloEngine(string program) => new(
        "sloengine", program,
        (data, port) =>
        [
            "serve", "--data", data, "--retention-metrics", "400d", "--self-telemetry", "off", "--log-level", "warning", "--listen-http", $"127.0.0.1:{port}", "--listen-grpc", "127.0.0.1:0",
            "--listen-otlp-http", "127.0.0.1:0",
        ],
        "/readyz")
    {
        Store = "/api/v1/status/store",
    };

    public static Peer Prometheus(string program) => new(
        "prometheus", program,
        (data, port) =>
        {
            string configuration = Path.Combine(data, "prometheus.yml");
            File.WriteAllText(configuration, "global: {}\n");
            return
            [
                "--config.file=" + configuration, "--storage.tsdb.path=" + Path.Combine(data, "tsdb"), "--storage.tsdb.retention.time=400d", "--storage.tsdb.max-block-duration=24h",
                "--query.max-samples=500000000", $"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                "--log.level=error",
            ];
        },
        "/-/ready");

    public static Peer VictoriaMetrics(string program) => new(
        "victoria-metrics", program, (data, port) => ["-storageDataPath=" + data, $"-httpListenAddr=127.0.0.1:{port}", "-loggerLevel=ERROR", "-retentionPeriod=1"], "/health");

    /// <summary>Sends the whole load, some targets at a time a connection, and tells what it took: a line of the table.</summary>
    public async Task<string> MeasureAsync(RemoteWriteLoad load, int targetsPerRequest, int connections, int warmUp, CancellationToken cancellation)
    {
        DirectoryInfo data = Directory.CreateTempSubdirectory("sloengine-peer-");
        int port = FreePort();
        using Process process = Process.Start(new ProcessStartInfo(Program, Arguments(data.FullName, port)) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = connections }) { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromMinutes(2) };
            await ReadyAsync(http, process, cancellation);
            await SendAsync(http, load, 0, warmUp, targetsPerRequest, connections, cancellation);
            double cpuBefore = Cpu(process);
            long began = Stopwatch.GetTimestamp();
            await SendAsync(http, load, warmUp, load.Rounds, targetsPerRequest, connections, cancellation);
            double elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
            // What is still to be written, and merged, belongs to the cost, also what a program gathers in memory for a while first.
            await Task.Delay(LongestGathered, cancellation);
            await SettleAsync(process, cancellation);
            double cpu = Cpu(process) - cpuBefore;
            double measured = load.Samples * (load.Rounds - warmUp) / (double)load.Rounds;
            process.Refresh();
            long memory = process.PeakWorkingSet64;
            long found = await CountAsync(http, load, cancellation);
            if (found != load.Samples)
            {
                throw new InvalidOperationException($"{Name} was sent {load.Samples} samples and finds {found}");
            }
            double bytes = data.EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
            double active = bytes;
            if (Store is not null)
            {
                using JsonDocument store = JsonDocument.Parse(await http.GetStringAsync(new Uri(Store, UriKind.Relative), cancellation));
                active = store.RootElement.GetProperty("bytes").GetDouble();
            }
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{Name,-18}{load.Samples,12:N0}{measured / elapsed,14:N0}{measured / cpu,16:N0}{memory / 1e6,9:0}{bytes / load.Samples,12:0.0}{active / load.Samples,12:0.00}");
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            data.Delete(recursive: true);
        }
    }

    /// <summary>Sends the rounds from one to before another, some targets a request, each connection its share of them.</summary>
    private static Task SendAsync(HttpClient http, RemoteWriteLoad load, int from, int until, int targetsPerRequest, int connections, CancellationToken cancellation) =>
        Task.WhenAll(Enumerable.Range(0, connections).Select(connection => Task.Run(
            async () =>
            {
                for (int round = from; round < until; round++)
                {
                    for (int target = connection * targetsPerRequest; target < load.Targets; target += connections * targetsPerRequest)
                    {
                        await WriteAsync(http, load.Request(target, Math.Min(targetsPerRequest, load.Targets - target), round), cancellation);
                    }
                }
            },
            cancellation)));

    public static async Task WriteAsync(HttpClient http, byte[] body, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        content.Headers.ContentEncoding.Add("snappy");
        content.Headers.Add("X-Prometheus-Remote-Write-Version", "0.1.0");
        using HttpResponseMessage response = await http.PostAsync(new Uri("/api/v1/write", UriKind.Relative), content, cancellation);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancellation)}");
        }
    }

    public async Task ReadyAsync(HttpClient http, Process process, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using HttpResponseMessage response = await http.GetAsync(new Uri(Ready, UriKind.Relative), cancellation);
                if (response.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            if (process.HasExited || Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(30))
            {
                throw new InvalidOperationException($"{Name} did not start");
            }
            await Task.Delay(100, cancellation);
        }
    }

    /// <summary>Waits until the process has next to nothing to do, for half a minute at most.</summary>
    public static async Task SettleAsync(Process process, CancellationToken cancellation)
    {
        double before = Cpu(process);
        for (int second = 0; second < 30; second++)
        {
            await Task.Delay(1000, cancellation);
            double now = Cpu(process);
            if (second >= 2 && now - before < 0.05)
            {
                return;
            }
            before = now;
        }
    }

    /// <summary>All samples, counted by PromQL in windows that end between two rounds.</summary>
    private static async Task<long> CountAsync(HttpClient http, RemoteWriteLoad load, CancellationToken cancellation)
    {
        double total = 0;
        foreach (string metric in (string[])["load_requests_total", "load_memory_bytes"])
        {
            for (int until = load.Rounds; until > 0; until -= RoundsCounted)
            {
                TimeSpan window = Math.Min(until, RoundsCounted) * RemoteWriteLoad.Step;
                double end = (load.TimeOf(until) - (RemoteWriteLoad.Step / 2)).ToUnixTimeMilliseconds() / 1000.0;
                string query = Uri.EscapeDataString(string.Create(CultureInfo.InvariantCulture, $"sum(count_over_time({metric}[{window.TotalSeconds}s]))"));
                string json = await http.GetStringAsync(
                    new Uri(string.Create(CultureInfo.InvariantCulture, $"/api/v1/query?query={query}&time={end:0.000}"), UriKind.Relative), cancellation);
                using JsonDocument answer = JsonDocument.Parse(json);
                JsonElement result = answer.RootElement.GetProperty("data").GetProperty("result");
                total += result.GetArrayLength() == 0 ? 0 : double.Parse(result[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
            }
        }
        return (long)total;
    }

    public static double Cpu(Process process)
    {
        process.Refresh();
        return process.TotalProcessorTime.TotalSeconds;
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
