using System.Collections.Concurrent;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.LoadTest;

/// <summary>
/// One tenant sends label sets without end beside others that send what they always do: how those fare, what memory it takes, and whom
/// <c>/api/v1/status/cardinality</c> names.
/// </summary>
internal static class Attack
{
    private const string Attacker = "reckless";
    private const int Others = 4;

    public static Command Command(Option<FileInfo> server)
    {
        var sets = new Option<int>("--sets") { Description = "Distinct label sets", DefaultValueFactory = _ => 10_000_000 };
        var perRequest = new Option<int>("--per-request") { Description = "Label sets a request", DefaultValueFactory = _ => 10_000 };
        var limit = new Option<int?>("--max-active-series") { Description = "The server's limit for a tenant (default: its own); one above the label sets lifts it" };
        var total = new Option<int?>("--max-total-series") { Description = "The server's limit for all tenants together (default: its own, of its memory)" };
        var quiet = new Option<int>("--quiet") { Description = "Seconds without the attack, to compare with", DefaultValueFactory = _ => 10 };
        var command = new Command("attack", "A tenant sends millions of label sets beside others: who pays for it?") { server, sets, perRequest, limit, total, quiet };
        command.SetAction(async (parsed, cancellation) =>
        {
            string[] settings = [.. Setting("--max-active-series", parsed.GetValue(limit)), .. Setting("--max-total-series", parsed.GetValue(total))];
            bool isHarmless = await RunAsync(
                parsed.GetValue(server)!.FullName, settings, parsed.GetValue(sets), parsed.GetValue(perRequest), TimeSpan.FromSeconds(parsed.GetValue(quiet)), cancellation);
            return isHarmless ? 0 : 1;
        });
        return command;
    }

    private static string[] Setting(string flag, int? value) => value is { } given ? [flag, given.ToString(CultureInfo.InvariantCulture)] : [];

    private static async Task<bool> RunAsync(string program, string[] settings, int sets, int perRequest, TimeSpan quiet, CancellationToken cancellation)
    {
        await using LoadedServer server = await LoadedServer.StartAsync(program, settings);
        using OtlpSender sender = server.Sender(isGrpc: false, Others + 2);
        using var stop = new CancellationTokenSource();
        var answered = new ConcurrentBag<(bool Attacked, double Milliseconds)>();
        var acknowledged = new long[Others];
        bool attacked = false;
        Task others = Task.WhenAll(Enumerable.Range(0, Others).Select(other => Task.Run(async () =>
        {
            Request[] requests = [.. Enumerable.Range(other * 8, 8).Select(Request.Metrics)];
            for (int next = 0; !stop.IsCancellationRequested; next = (next + 1) % requests.Length)
            {
                requests[next].SetTime(Now());
                long began = Stopwatch.GetTimestamp();
                Sent sent = await sender.SendAsync("metrics", requests[next].Body, Name(other), default);
                answered.Add((attacked, Stopwatch.GetElapsedTime(began).TotalMilliseconds));
                acknowledged[other] += requests[next].Items - sent.Rejected;
                await Task.Delay(100);
            }
        })));
        await Task.Delay(quiet, cancellation);

        attacked = true;
        Console.WriteLine($"{"label sets",12}{"accepted",12}{"RSS MB",9}{"heap MB",9}{"log MB",9}{"seconds",9}");
        long start = Stopwatch.GetTimestamp();
        long accepted = 0;
        long mostMemory = 0;
        byte[] body = Body(0, perRequest);
        for (int first = 0; first < sets;)
        {
            // The next request is made while this one is on its way.
            Task<Sent> sending = sender.TrySendAsync("metrics", body, Attacker, cancellation);
            byte[] following = Body(first + perRequest, perRequest);
            Sent sent = await sending;
            if (!sent.IsAcknowledged)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
                continue;
            }
            accepted += perRequest - sent.Rejected;
            mostMemory = Math.Max(mostMemory, server.ResidentBytes);
            (body, first) = (following, first + perRequest);
            if (first % Math.Max(perRequest, sets / 10 / perRequest * perRequest) == 0 || first >= sets)
            {
                Dictionary<string, double> metrics = await server.MetricsAsync(cancellation);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{first,12:N0}{accepted,12:N0}{server.ResidentBytes / 1e6,9:0}{metrics["dotnet_gc_last_collection_heap_size_bytes"] / 1e6,9:0}{metrics["sloengine_collector_log_size_bytes"] / 1e6,9:0}{Stopwatch.GetElapsedTime(start).TotalSeconds,9:0}"));
            }
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await stop.CancelAsync();
        await others;
        JsonElement named = (await server.GetAsync("/api/v1/status/cardinality", null, cancellation)).GetProperty("data").GetProperty("tenants")[0];
        await server.StoredAsync(TimeSpan.FromMinutes(10), cancellation);

        bool isWhole = true;
        for (int other = 0; other < Others; other++)
        {
            const string Sql = "SELECT (SELECT count() FROM samples WHERE id NOT IN (SELECT id FROM series WHERE metric = 'target_info')) + (SELECT count() FROM histograms)";
            isWhole &= await server.SqlAsync(Sql, Name(other), cancellation) == acknowledged[other];
        }
        var calm = new Latencies(answered.Where(one => !one.Attacked).Select(one => one.Milliseconds));
        var under = new Latencies(answered.Where(one => one.Attacked).Select(one => one.Milliseconds));
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            sets, accepted, seconds = Math.Round(seconds, 1), othersWhole = isWhole, othersAcknowledged = acknowledged.Sum(), largestResidentBytes = mostMemory,
            othersP50MsQuiet = Math.Round(calm.At(0.5), 1), othersP99MsQuiet = Math.Round(calm.At(0.99), 1),
            othersP50Ms = Math.Round(under.At(0.5), 1), othersP99Ms = Math.Round(under.At(0.99), 1), othersMaxMs = Math.Round(under.At(1), 1),
            named = named.GetProperty("tenant").GetString(), namedSeries = named.GetProperty("activeSeries").GetInt32(), limit = named.GetProperty("seriesLimit").GetInt32(),
            rejections = named.GetProperty("rejectedSeries").GetProperty("seriesLimit").GetInt64(),
            label = named.GetProperty("labelValueCountByLabelName")[0].GetProperty("name").GetString(),
        }));
        return isWhole && named.GetProperty("tenant").GetString() == Attacker;
    }

    private static string Name(int other) => string.Create(CultureInfo.InvariantCulture, $"careful-{other}");

    /// <summary>A gauge with a point for each of so many values of a label, as a metric with an id of a session among its attributes.</summary>
    private static byte[] Body(int first, int count)
    {
        var writer = new ProtobufWriter();
        int resource = writer.Begin(1);
        int scope = writer.Begin(2);
        int metric = writer.Begin(2);
        writer.Text(1, "sessions");
        int gauge = writer.Begin(5);
        ulong now = (ulong)Now();
        for (int set = first; set < first + count; set++)
        {
            int point = writer.Begin(1);
            int attribute = writer.Begin(7);
            writer.Text(1, "session");
            int value = writer.Begin(2);
            writer.Text(1, string.Create(CultureInfo.InvariantCulture, $"{set:x8}-{set * 7919L:x12}"));
            writer.End(value);
            writer.End(attribute);
            writer.Fixed64(3, now);
            writer.Double(4, set);
            writer.End(point);
        }
        writer.End(gauge);
        writer.End(metric);
        writer.End(scope);
        writer.End(resource);
        return writer.Written.ToArray();
    }

    private static long Now() => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
}
