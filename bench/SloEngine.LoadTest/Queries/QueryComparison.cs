using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace SloEngine.LoadTest.Queries;

/// <summary>A query of a dashboard or an SLO; of one moment when it has no range.</summary>
/// <param name="Name">Name in the table.</param>
/// <param name="Text">PromQL.</param>
/// <param name="Range">How far back it goes from the end.</param>
/// <param name="Step">Its step.</param>
internal sealed record BenchQuery(string Name, string Text, TimeSpan? Range = null, TimeSpan? Step = null)
{
    public static BenchQuery[] All =>
    [
        new("rate, now", "sum by (job) (rate(http_requests_total[5m]))"),
        new("rate, 1 h at 15 s", "sum by (job) (rate(http_requests_total[5m]))", TimeSpan.FromHours(1), TimeSpan.FromSeconds(15)),
        new("rate, 24 h at 1 min", "sum by (job) (rate(http_requests_total[5m]))", TimeSpan.FromHours(24), TimeSpan.FromMinutes(1)),
        new("rate, 24 h at 5 min", "sum by (job) (rate(http_requests_total[5m]))", TimeSpan.FromHours(24), TimeSpan.FromMinutes(5)),
        new("one instance, 24 h at 1 min", "rate(http_requests_total{instance=\"10.0.0.7:9100\"}[5m])", TimeSpan.FromHours(24), TimeSpan.FromMinutes(1)),
        new("quantile, 6 h at 1 min", "histogram_quantile(0.99, sum by (job, le) (rate(http_duration_seconds_bucket[5m])))", TimeSpan.FromHours(6), TimeSpan.FromMinutes(1)),
        new("topk, 6 h at 1 min", "topk(5, sum by (instance) (memory_bytes))", TimeSpan.FromHours(6), TimeSpan.FromMinutes(1)),
        new("gauges, 24 h at 5 min", "avg by (kind) (memory_bytes)", TimeSpan.FromHours(24), TimeSpan.FromMinutes(5)),
        new("peak a day, now", "max by (job) (max_over_time(memory_bytes[24h]))"),
        new("burn rates of 4 windows, now", string.Join(" or ", ((string[])["5m", "30m", "1h", "6h"]).Select(window =>
            $"label_replace(sum by (job) (rate(http_requests_total{{code=\"500\"}}[{window}])) / sum by (job) (rate(http_requests_total[{window}])), \"window\", \"{window}\", \"\", \"\")"))),
        new("errors of 30 d, now", "sum by (service) (increase(slo_requests_total{code=\"500\"}[30d])) / sum by (service) (increase(slo_requests_total[30d]))"),
        new("increase of 30 d, now", "sum(increase(slo_requests_total[30d]))"),
        new("errors of 1 h, 30 d at 1 h", "sum by (service) (rate(slo_requests_total{code=\"500\"}[1h])) / sum by (service) (rate(slo_requests_total[1h]))", TimeSpan.FromDays(30), TimeSpan.FromHours(1)),
        new("one service, 30 d at 5 min", "sum by (code) (rate(slo_requests_total{service=\"service-3\"}[5m]))", TimeSpan.FromDays(30), TimeSpan.FromMinutes(5)),
    ];

    public string Path(long end)
    {
        string query = Uri.EscapeDataString(Text);
        return Range is { } range && Step is { } step
            ? string.Create(CultureInfo.InvariantCulture, $"/api/v1/query_range?query={query}&start={end - (long)range.TotalSeconds}&end={end}&step={(long)step.TotalSeconds}")
            : string.Create(CultureInfo.InvariantCulture, $"/api/v1/query?query={query}&time={end}");
    }
}

/// <summary>What one program took for a query.</summary>
internal sealed class QueryTimes
{
    private readonly List<double> _millis = [];

    public double CpuSeconds { get; private set; }

    public int Runs => _millis.Count;

    public void Add(double millis, double cpu)
    {
        _millis.Add(millis);
        CpuSeconds += cpu;
    }

    /// <summary>By nearest rank.</summary>
    public double Percentile(double part) => _millis.Order().ElementAt(Math.Max(0, (int)Math.Ceiling(_millis.Count * part) - 1));
}

/// <summary>Asks both programs the same, in turns, and compares the answers.</summary>
internal sealed class QueryComparison(RunningPeer sloengine, RunningPeer prometheus, long end, int repeats)
{
    private const double Tolerance = 1e-9;
    private const int MostWarmUps = 200;
    private const int MostRepeats = 100;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(4);

    /// <summary>CPU is told in hundredths of a second: quick queries are asked for longer.</summary>
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(2);

    /// <returns>Whether all answers were equal.</returns>
    public async Task<bool> RunAsync(string? only, CancellationToken cancellation)
    {
        Console.WriteLine($"{"",-30}{"-- sloengine --",27}{"-- Prometheus --",27}{"times faster",15}");
        Console.WriteLine($"{"query",-30}{"p50 ms",9}{"p95 ms",9}{"CPU ms",9}{"p50 ms",9}{"p95 ms",9}{"CPU ms",9}{"p50",8}{"CPU",7}");
        bool equal = true;
        foreach (BenchQuery query in BenchQuery.All.Where(query => only is null || query.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
        {
            string path = query.Path(end);
            string? difference = Difference(await sloengine.AskAsync(path, cancellation), await prometheus.AskAsync(path, cancellation));
            await WarmUpAsync(path, cancellation);
            var ours = new QueryTimes();
            var theirs = new QueryTimes();
            long began = Stopwatch.GetTimestamp();
            for (int repeat = 0; repeat < repeats || (repeat < MostRepeats && Stopwatch.GetElapsedTime(began) < Enough); repeat++)
            {
                await sloengine.MeasureAsync(path, ours, cancellation);
                await prometheus.MeasureAsync(path, theirs, cancellation);
            }
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{query.Name,-30}{Line(ours)}{Line(theirs)}{theirs.Percentile(0.5) / ours.Percentile(0.5),8:0.0}{theirs.CpuSeconds / ours.CpuSeconds,7:0.0}{(difference is null ? "" : "  DIFFERS: " + difference)}"));
            equal &= difference is null;
        }
        return equal;
    }

    /// <summary>A server runs for weeks: what it asks often is compiled and in memory, in both programs.</summary>
    private async Task WarmUpAsync(string path, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        for (int round = 0; round < MostWarmUps && Stopwatch.GetElapsedTime(began) < WarmUp; round++)
        {
            await sloengine.AskAsync(path, cancellation);
            await prometheus.AskAsync(path, cancellation);
        }
    }

    private static string Line(QueryTimes times) => string.Create(
        CultureInfo.InvariantCulture, $"{times.Percentile(0.5),9:0.0}{times.Percentile(0.95),9:0.0}{times.CpuSeconds / times.Runs * 1_000,9:0.0}");

    /// <summary>The first difference of two answers, or null.</summary>
    private static string? Difference(byte[] ours, byte[] theirs)
    {
        Dictionary<string, List<(double Time, double Value)>> left = Series(ours);
        Dictionary<string, List<(double Time, double Value)>> right = Series(theirs);
        if (left.Count != right.Count || left.Count == 0)
        {
            return $"{left.Count} series, {right.Count} expected";
        }
        foreach ((string labels, List<(double Time, double Value)> points) in left)
        {
            if (!right.TryGetValue(labels, out List<(double Time, double Value)>? expected) || expected.Count != points.Count)
            {
                return $"{labels} has {points.Count} points, {expected?.Count ?? 0} expected";
            }
            for (int index = 0; index < points.Count; index++)
            {
                (double value, double other) = (points[index].Value, expected[index].Value);
                bool same = value.Equals(other) || Math.Abs(value - other) <= Tolerance * Math.Max(Math.Abs(value), Math.Abs(other));
                if (points[index].Time != expected[index].Time || !same)
                {
                    return string.Create(CultureInfo.InvariantCulture, $"{labels} is {value} at {points[index].Time}, {other} expected");
                }
            }
        }
        return null;
    }

    private static Dictionary<string, List<(double Time, double Value)>> Series(byte[] answer)
    {
        using JsonDocument json = JsonDocument.Parse(answer);
        var all = new Dictionary<string, List<(double, double)>>();
        foreach (JsonElement series in json.RootElement.GetProperty("data").GetProperty("result").EnumerateArray())
        {
            string labels = string.Join(',', series.GetProperty("metric").EnumerateObject().Select(label => $"{label.Name}={label.Value}").Order(StringComparer.Ordinal));
            IEnumerable<JsonElement> points = series.TryGetProperty("values", out JsonElement values) ? values.EnumerateArray() : [series.GetProperty("value")];
            all.Add(labels, [.. points.Select(point => (point[0].GetDouble(), Number(point[1].GetString()!)))]);
        }
        return all;
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };
}

/// <summary>A program over data that stays.</summary>
internal sealed class RunningPeer : IAsyncDisposable
{
    private const int ReadBytes = 256 << 10;

    private readonly Process _process;
    private readonly byte[] _answer = new byte[ReadBytes];

    private RunningPeer(Process process, HttpClient http) => (_process, Http) = (process, http);

    public HttpClient Http { get; }

    public static async Task<RunningPeer> StartAsync(Peer peer, DirectoryInfo data, CancellationToken cancellation)
    {
        data.Create();
        int port = Peer.FreePort();
        Process process = Process.Start(new ProcessStartInfo(peer.Program, peer.Arguments(data.FullName, port)) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, line) => Console.Error.WriteLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromMinutes(5) };
        await peer.ReadyAsync(http, process, cancellation);
        return new RunningPeer(process, http);
    }

    public Task SettleAsync(CancellationToken cancellation) => Peer.SettleAsync(_process, cancellation);

    /// <summary>Processor time since the start, in seconds.</summary>
    public double Cpu() => Peer.Cpu(_process);

    /// <summary>Resident memory, in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public async Task<byte[]> AskAsync(string path, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await Http.GetAsync(new Uri(path, UriKind.Relative), cancellation);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(cancellation);
        return response.IsSuccessStatusCode ? answer : throw new InvalidOperationException($"{(int)response.StatusCode} {System.Text.Encoding.UTF8.GetString(answer)}");
    }

    public async Task MeasureAsync(string path, QueryTimes times, CancellationToken cancellation)
    {
        double cpu = Peer.Cpu(_process);
        long began = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await Http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancellation);
        await using Stream answer = await response.EnsureSuccessStatusCode().Content.ReadAsStreamAsync(cancellation);
        while (await answer.ReadAsync(_answer, cancellation) > 0)
        {
            // What is measured is the server: the answer is received, and looked at elsewhere.
        }
        times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds, Peer.Cpu(_process) - cpu);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
