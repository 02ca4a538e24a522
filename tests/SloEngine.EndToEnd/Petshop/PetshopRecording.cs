using System.Globalization;
using System.Text.Json;

namespace SloEngine.EndToEnd.Petshop;

/// <summary>
/// The data set PetShop (amazon-science/petshop-root-cause-analysis, CC-BY-4.0): requests, availability and quantiles of latency of an application, by
/// five minutes; two days without an issue, and 25 minutes around each of the issues that were injected. Read as what its front end, PetSite, would have
/// exported: a histogram of server durations by status code.
/// </summary>
internal static class PetshopRecording
{
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    /// <summary>The default bounds of http.server.request.duration, in seconds.</summary>
    private static readonly double[] Bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    /// <summary>Path of the data set where it lies beside the repository; null elsewhere.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>
    /// One timeline of all there is: before each issue, and after the last, runs the whole recording without issues, into whose middle the issue's minutes are
    /// put. So each issue meets an application that has been well for two days.
    /// </summary>
    /// <param name="start">Start of the timeline.</param>
    /// <param name="telemetry">Takes the telemetry: requests of OTLP in JSON, a line each.</param>
    /// <param name="incidents">Takes the issues, as a file of incidents.</param>
    /// <returns>The end of the timeline.</returns>
    public static DateTimeOffset Write(DateTimeOffset start, TextWriter telemetry, TextWriter incidents)
    {
        List<Slot> well = Slots(Path.Combine(Folder!, "high_traffic", "noissue"));
        var timeline = new List<Slot>(well);
        incidents.WriteLine("incidents:");
        foreach (string issue in Directory.EnumerateDirectories(Folder!, "issue_*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            int middle = timeline.Count + (well.Count / 2);
            List<Slot> slots = Slots(issue);
            timeline.AddRange([.. well[..(well.Count / 2)], .. slots, .. well[((well.Count / 2) + slots.Count)..]]);
            using JsonDocument target = JsonDocument.Parse(File.ReadAllText(Path.Combine(issue, "target.json")));
            JsonElement effect = target.RootElement.GetProperty("target");
            DateTimeOffset begin = start + (Interval * middle);
            incidents.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"- {{name: {Path.GetRelativePath(Folder!, issue)} ({effect.GetProperty("metric")}), start: {begin.AddSeconds(effect.GetProperty("timestamp").GetDouble() - slots[0].Seconds):yyyy-MM-ddTHH:mm:ssZ}, end: {begin + (Interval * slots.Count):yyyy-MM-ddTHH:mm:ssZ}}}"));
        }
        Write(start, timeline, telemetry);
        return start + (Interval * timeline.Count);
    }

    /// <summary>Writes the counts up to the end of each slot, a day a request.</summary>
    private static void Write(DateTimeOffset start, List<Slot> timeline, TextWriter telemetry)
    {
        var metrics = new OtlpMetricsJson("petsite");
        var served = new long[Bounds.Length + 1];
        var failed = new long[Bounds.Length + 1];
        (double servedSum, double failedSum) = (0, 0);
        for (int index = -1; index < timeline.Count; index++)
        {
            if (index >= 0)
            {
                servedSum += timeline[index].AddTo(served, isFailed: false);
                failedSum += timeline[index].AddTo(failed, isFailed: true);
            }
            long time = (start + (Interval * (index + 1))).ToUnixTimeMilliseconds();
            metrics.Histogram("http.server.request.duration", [new("http.request.method", "GET"), new("http.response.status_code", "200")], time, Bounds, served, servedSum, "s");
            metrics.Histogram("http.server.request.duration", [new("http.request.method", "GET"), new("http.response.status_code", "500")], time, Bounds, failed, failedSum, "s");
            if (index % 288 == 287 || index == timeline.Count - 1)
            {
                telemetry.WriteLine(metrics.Take().ReplaceLineEndings(""));
            }
        }
    }

    private static List<Slot> Slots(string folder)
    {
        string[][] rows = [.. File.ReadLines(Path.Combine(folder, "metrics.csv")).Select(line => line.Split(','))];
        string[] quantiles = ["p50", "p90", "p95", "p99"];
        return [.. rows[4..].Select(row => new Slot(
            double.Parse(row[0], CultureInfo.InvariantCulture), (long)Value(row, "requests", "Sum"), Value(row, "availability", "Average") / 100,
            [.. quantiles.Select(quantile => Value(row, "latency", quantile))]))];

        double Value(string[] row, string metric, string statistic)
        {
            int column = Enumerable.Range(0, rows[0].Length).First(index => rows[0][index] == "PetSite" && rows[1][index] == metric && rows[2][index] == statistic);
            return double.Parse(row[column], CultureInfo.InvariantCulture);
        }
    }

    private static string? Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string candidate = Path.Combine(directory.FullName, "shared", "conformance", "telemetry", "petshop");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }
        return null;
    }

    /// <summary>Five minutes.</summary>
    /// <param name="Seconds">When they began, Unix time.</param>
    /// <param name="Requests">Requests.</param>
    /// <param name="Availability">Share of them that did not fail.</param>
    /// <param name="Latency">Quantiles 0.5, 0.9, 0.95 and 0.99 of their latency, in seconds.</param>
    private sealed record Slot(double Seconds, long Requests, double Availability, double[] Latency)
    {
        private static readonly double[] Shares = [0, 0.5, 0.9, 0.95, 0.99, 1];

        /// <summary>Adds the requests that failed, or the others, to the buckets of a histogram; returns what to add to its sum.</summary>
        public double AddTo(long[] buckets, bool isFailed)
        {
            long bad = (long)Math.Round(Requests * (1 - Availability));
            long count = isFailed ? bad : Requests - bad;
            long below = 0;
            for (int bucket = 0; bucket < buckets.Length; bucket++)
            {
                long upTo = bucket < Bounds.Length ? (long)Math.Round(count * ShareBelow(Bounds[bucket])) : count;
                buckets[bucket] += upTo - below;
                below = upTo;
            }
            return count * Latency[0];
        }

        /// <summary>Share of the requests that took at most so long: linear between the quantiles; none took longer than one and a half times the last of them.</summary>
        private double ShareBelow(double seconds)
        {
            double[] quantiles = [0, .. Latency, Latency[^1] * 1.5];
            int above = Array.FindIndex(quantiles, quantile => quantile >= seconds);
            return above < 0 ? 1 : above == 0 ? 0
                : Shares[above - 1] + ((Shares[above] - Shares[above - 1]) * (seconds - quantiles[above - 1]) / (quantiles[above] - quantiles[above - 1]));
        }
    }
}
