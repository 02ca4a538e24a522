using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace SloEngine.LoadTest;

/// <summary>
/// A long run in a short time: pods come and go, days pass in the times of logs, spans and some metrics, series expire, retention drops by age and by
/// size, and queries run beside it. Samples what the process holds, and fails (exit code 1) if any of that grows over the second half, when all that
/// fills up by design is full, or if there are more parts than merges keep up with. What grew is named on standard error.
/// </summary>
internal static class Soak
{
    private const int Pods = 100;
    private const int MetricRequestsPerSecond = 10;
    private const int EventRequestsPerSecond = 3;

    /// <summary>Days that pass in the times of what is sent.</summary>
    private const int Days = 7;

    private static readonly TimeSpan SamplePeriod = TimeSpan.FromSeconds(5);

    /// <summary>
    /// What queries over time look back on, of the run: filled up in its first half, as all that is measured in the second. The pods of the whole run would be more with each query.
    /// </summary>
    private const double QueriedShare = 0.2;

    /// <summary>Parts of all tables, of some ten days each. The engine slows inserts down at 1,000 of one day and table.</summary>
    private const int MostParts = 1_000;

    private static readonly string[] Queries =
    [
        "/api/v1/query?query=" + Uri.EscapeDataString("topk(10, sum by (job) (rate(app_requests_total[1m])))"),
        "/api/v1/query_range?step=15&start={from}&end={to}&query=" + Uri.EscapeDataString("histogram_quantile(0.99, sum by (le) (rate(app_latency_bucket[2m])))"),
        "/loki/api/v1/query_range?limit=100&query=" + Uri.EscapeDataString("{service_name=~\"service-.*\"} |= \"answered\""),
        "/api/search?limit=20&q=" + Uri.EscapeDataString("{ duration > 1ms }"),
        "/api/v1/status/cardinality",
        "/api/v1/sql?query=" + Uri.EscapeDataString("SELECT count() FROM logs"),
        "/api/v1/labels",
    ];

    public static Command Command(Option<FileInfo> server)
    {
        var minutes = new Option<double>("--minutes") { Description = "How long", DefaultValueFactory = _ => 10 };
        var churn = new Option<double>("--churn") { Description = "Pods replaced a second, of " + Pods, DefaultValueFactory = _ => 2 };
        var maxBytes = new Option<long>("--max-bytes") { Description = "Bytes that the store may take, so that retention by size has work", DefaultValueFactory = _ => 20_000_000 };
        var command = new Command("soak", "Mixed load with churn for a while: does anything grow?") { server, minutes, churn, maxBytes };
        command.SetAction(async (parsed, cancellation) =>
        {
            bool isFlat = await RunAsync(
                parsed.GetValue(server)!.FullName, TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(churn), parsed.GetValue(maxBytes), cancellation);
            return isFlat ? 0 : 1;
        });
        return command;
    }

    private static async Task<bool> RunAsync(string program, TimeSpan duration, double churn, long maxBytes, CancellationToken cancellation)
    {
        // The oldest of the days is too old from the middle of the run on.
        DateTimeOffset today = new(DateTimeOffset.UtcNow.UtcDateTime.Date, TimeSpan.Zero);
        DateTimeOffset first = today.AddDays(-Days);
        string retention = string.Create(CultureInfo.InvariantCulture, $"{(DateTimeOffset.UtcNow + (duration / 2) - first.AddDays(1)).TotalSeconds:0}s");
        await using LoadedServer server = await LoadedServer.StartAsync(
            program, "--series-idle", "1m", "--retention-metrics", retention, "--retention-logs", retention, "--retention-traces", retention,
            "--retention-max-bytes", maxBytes.ToString(CultureInfo.InvariantCulture));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(duration);
        long began = Stopwatch.GetTimestamp();
        var counts = new Counts();
        Task[] running =
        [
            PacedAsync(MetricRequestsPerSecond, sender => SendAsync("metrics", Request.Metrics, sender, isPast: false)),
            PacedAsync(1, sender => SendAsync("metrics", Request.Metrics, sender, isPast: true)),
            PacedAsync(EventRequestsPerSecond, sender => SendAsync("logs", Request.Logs, sender, isPast: true)),
            PacedAsync(EventRequestsPerSecond, sender => SendAsync("traces", Request.Spans, sender, isPast: true)),
            PacedAsync(1, _ => QueryAsync()),
        ];
        List<Sample> samples = [];
        using (var timer = new PeriodicTimer(SamplePeriod))
        {
            Console.WriteLine($"{"s",5}{Sample.Header}");
            while (await NextAsync(timer))
            {
                Sample sample = await Sample.TakeAsync(server, cancellation);
                samples.Add(sample);
                Console.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds,5:0}{sample}");
            }
        }
        await Task.WhenAll(running);
        await server.StoredAsync(TimeSpan.FromMinutes(2), cancellation);

        Trend[] trends = [.. Sample.Measures.Select(measure => Trend.Of(measure.Name, [.. samples.Skip(samples.Count / 2).Select(measure.Value)]))];
        Console.WriteLine();
        Console.WriteLine($"{"second half",-16}{"median",16}{"growth",16}{"noise",16}  flat");
        foreach (Trend trend in trends)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{trend.Name,-16}{trend.Median,16:N0}{trend.Growth,16:N0}{trend.Noise,16:N0}  {(trend.IsFlat ? "yes" : "NO")}"));
        }
        string[] grew =
        [
            .. trends.Where(trend => !trend.IsFlat && trend.Name != Sample.Kept).Select(trend => string.Create(CultureInfo.InvariantCulture, $"{trend.Name} grew by {trend.Growth:N0} over the second half, from about {trend.Median - (trend.Growth / 2):N0}")),
            .. samples.Max(sample => sample.Parts) is > MostParts and var parts ? [string.Create(CultureInfo.InvariantCulture, $"there were {parts:N0} parts, more than {MostParts:N0}")] : (string[])[],
        ];
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            minutes = duration.TotalMinutes, isFlat = grew.Length == 0, grew, items = counts.Items, queries = counts.Queries, unansweredQueries = counts.UnansweredQueries, slowestMs = counts.SlowestMs,
            podsSeen = Pod(0, Stopwatch.GetElapsedTime(began)), trends,
        }));
        foreach (string one in grew)
        {
            await Console.Error.WriteLineAsync("soak: " + one);
        }
        return grew.Length == 0;

        async Task PacedAsync(int perSecond, Func<OtlpSender, Task> once)
        {
            using OtlpSender sender = server.Sender(isGrpc: perSecond == EventRequestsPerSecond, 2);
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
            while (await NextAsync(timer))
            {
                try
                {
                    await once(sender);
                }
                catch (OperationCanceledException late)
                {
                    throw new InvalidOperationException($"after {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s a request was not answered in time", late);
                }
            }
        }

        // A pod of a slot lives for a while; the one after it has another instance and other series.
        int Pod(int slot, TimeSpan elapsed) => slot + (Pods * (int)(((elapsed.TotalSeconds * churn) + Pods - 1 - slot) / Pods));

        async Task SendAsync(string signal, Func<int, Request> make, OtlpSender sender, bool isPast)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
            int sent = Interlocked.Increment(ref counts.Requests);
            Request request = make(Pod(sent % Pods, elapsed));
            DateTimeOffset now = DateTimeOffset.UtcNow;
            request.SetTime(((isPast ? first + ((now - first) * Math.Min(1, elapsed / duration)) : now) - DateTimeOffset.UnixEpoch).Ticks * 100);
            await sender.SendAsync(signal, request.Body, null, default);
            Interlocked.Add(ref counts.Items, request.Items);
        }

        async Task QueryAsync()
        {
            long asked = Stopwatch.GetTimestamp();
            long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            string query = Queries[counts.Queries++ % Queries.Length];
            string path = query
                .Replace("{from}", (now - (long)(duration.TotalSeconds * QueriedShare)).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
                .Replace("{to}", now.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
            try
            {
                await server.GetAsync(path, null, default);
            }
            catch (OperationCanceledException)
            {
                counts.UnansweredQueries++;
                Console.WriteLine($"not answered in two minutes: {path}");
            }
            catch (InvalidOperationException refused)
            {
                counts.UnansweredQueries++;
                Console.WriteLine(refused.Message);
            }
            double took = Stopwatch.GetElapsedTime(asked).TotalMilliseconds;
            counts.SlowestMs[query] = Math.Round(Math.Max(took, counts.SlowestMs.GetValueOrDefault(query)));
        }

        async Task<bool> NextAsync(PeriodicTimer timer)
        {
            try
            {
                return await timer.WaitForNextTickAsync(end.Token);
            }
            catch (OperationCanceledException)
            {
                cancellation.ThrowIfCancellationRequested();
                return false;
            }
        }
    }

    private sealed class Counts
    {
        public int Requests;

        public long Items;

        public int Queries;

        public int UnansweredQueries;

        public readonly Dictionary<string, double> SlowestMs = [];
    }
}

/// <summary>What a server holds at a moment.</summary>
internal sealed record Sample(long ResidentBytes, double LiveBytes, int Handles, int Threads, int Parts, double LogBytes, double Series, double StoreBytes)
{
    public static readonly IReadOnlyList<(string Name, Func<Sample, double> Value)> Measures =
    [
        ("rss", sample => sample.ResidentBytes), ("live", sample => sample.LiveBytes), ("handles", sample => sample.Handles), ("threads", sample => sample.Threads),
        ("parts", sample => sample.Parts), ("log", sample => sample.LogBytes), ("series", sample => sample.Series), (Kept, sample => sample.StoreBytes),
    ];

    /// <summary>
    /// What is told and not judged: the days that are dropped by size are gone at once, but descriptions of series that stopped stay for as long as
    /// samples are kept and two days more, which no run is long enough for.
    /// </summary>
    public const string Kept = "store";

    public const string Header = "  RSS MB live MB handles threads  parts  log MB   series store MB";

    public static async Task<Sample> TakeAsync(LoadedServer server, CancellationToken cancellation)
    {
        Dictionary<string, double> metrics = await server.MetricsAsync(cancellation);
        JsonElement store = await server.StoreAsync(cancellation);
        return new Sample(
            server.ResidentBytes,
            metrics["sloengine_memory_live_bytes"],
            server.Handles, server.Threads, store.GetProperty("tables").EnumerateArray().Sum(table => table.GetProperty("parts").GetInt32()),
            metrics["sloengine_collector_log_size_bytes"], metrics["sloengine_collector_active_series"], store.GetProperty("bytes").GetDouble());
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{ResidentBytes / 1e6,8:0}{LiveBytes / 1e6,8:0}{Handles,8}{Threads,8}{Parts,7}{LogBytes / 1e6,8:0.0}{Series,9:0}{StoreBytes / 1e6,9:0.0}");
}

/// <summary>
/// Whether a measure grows, by the line through it whose slope is the median of those between all pairs of samples (Theil and Sen): a collection, a
/// merge or a burst moves neither it nor the noise much.
/// </summary>
/// <param name="Name">Name.</param>
/// <param name="Median">Median.</param>
/// <param name="Growth">Rise of the line from the first sample to the last.</param>
/// <param name="Noise">Deviation around the line: 1.48 times the median one, which is the standard deviation of what is normally distributed.</param>
internal sealed record Trend(string Name, double Median, double Growth, double Noise)
{
    /// <summary>Growth that does not count, of the median.</summary>
    private const double Tolerance = 0.1;
    private const double DeviationsOfMedian = 1.4826;

    /// <summary>Whether the growth is within a tenth of the median, or within the noise.</summary>
    public bool IsFlat => Growth <= Median * Tolerance || Growth <= Noise;

    public static Trend Of(string name, double[] values)
    {
        double slope = Middle(values.SelectMany((later, at) => values.Take(at).Select((earlier, before) => (later - earlier) / (at - before))));
        double median = Middle(values);
        double[] rest = [.. values.Select((value, at) => value - (slope * at))];
        double level = Middle(rest);
        return new Trend(name, median, slope * (values.Length - 1), DeviationsOfMedian * Middle(rest.Select(value => Math.Abs(value - level))));
    }

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
