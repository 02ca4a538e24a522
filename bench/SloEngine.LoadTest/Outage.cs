using System.CommandLine;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace SloEngine.LoadTest;

/// <summary>
/// The store in a process of its own goes away under a steady load of metrics, stopped or killed, and comes back: what was acknowledged is to be
/// there once. Tells how senders fared meanwhile and how long the store took to catch up.
/// </summary>
internal static class Outage
{
    private const int Processes = 64;
    private const int Senders = 16;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(500);

    public static Command Command(Option<FileInfo> server)
    {
        var rate = new Option<int>("--rate") { Description = "Points a second", DefaultValueFactory = _ => 50_000 };
        var away = new Option<int>("--away") { Description = "Seconds for which the store is away", DefaultValueFactory = _ => 60 };
        var around = new Option<int>("--around") { Description = "Seconds of load before, and after the store has caught up", DefaultValueFactory = _ => 10 };
        var kind = new Option<string>("--kind") { Description = "stop (SIGSTOP, SIGCONT) or kill (SIGKILL, started again)", DefaultValueFactory = _ => "kill" };
        kind.AcceptOnlyFromAmong("stop", "kill");
        var command = new Command("outage", "The store goes away under load and comes back: nothing is to be lost or doubled.") { server, rate, away, around, kind };
        command.SetAction(async (parsed, cancellation) =>
        {
            bool isWhole = await RunAsync(
                parsed.GetValue(server)!.FullName, parsed.GetValue(rate), TimeSpan.FromSeconds(parsed.GetValue(away)),
                TimeSpan.FromSeconds(parsed.GetValue(around)), parsed.GetValue(kind)!, cancellation);
            return isWhole ? 0 : 1;
        });
        return command;
    }

    private static async Task<bool> RunAsync(string program, int rate, TimeSpan away, TimeSpan around, string kind, CancellationToken cancellation)
    {
        DirectoryInfo data = Directory.CreateTempSubdirectory("sloengine-store-");
        int port = FreePort();
        Process store = await StartStoreAsync();
        try
        {
            await using LoadedServer server = await LoadedServer.StartAsync(program, "--store", $"http://127.0.0.1:{port}");
            using var steady = new SteadyLoad(server, rate);
            await Task.Delay(around, cancellation);
            (double normalLag, _) = await LagAsync(server, cancellation);

            steady.Phase = "away";
            if (kind == "stop")
            {
                await SignalAsync(store, "STOP");
            }
            else
            {
                store.Kill();
                await store.WaitForExitAsync(cancellation);
            }
            double mostLog = 0;
            long mostMemory = 0;
            for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < away;)
            {
                await Task.Delay(Tick, cancellation);
                mostLog = Math.Max(mostLog, (await LagAsync(server, cancellation)).Log);
                mostMemory = Math.Max(mostMemory, server.ResidentBytes);
            }

            steady.Phase = "back";
            long back = Stopwatch.GetTimestamp();
            if (kind == "stop")
            {
                await SignalAsync(store, "CONT");
            }
            else
            {
                store = await StartStoreAsync();
            }
            while (true)
            {
                (double lag, double log) = await LagAsync(server, cancellation);
                mostLog = Math.Max(mostLog, log);
                mostMemory = Math.Max(mostMemory, server.ResidentBytes);
                // What a second brings waits always.
                if (lag <= Math.Max(normalLag, steady.BytesPerSecond) * 2)
                {
                    break;
                }
                await Task.Delay(Tick, cancellation);
            }
            double caughtUp = Stopwatch.GetElapsedTime(back).TotalSeconds;
            steady.Phase = "after";
            await Task.Delay(around, cancellation);
            await steady.StopAsync();
            await server.StoredAsync(TimeSpan.FromMinutes(5), cancellation);

            const string Of = "FROM (SELECT id, ts FROM samples WHERE id NOT IN (SELECT id FROM series WHERE metric = 'target_info') UNION ALL SELECT id, ts FROM histograms)";
            long stored = (long)await server.SqlAsync("SELECT count() " + Of, null, cancellation);
            long distinct = (long)await server.SqlAsync("SELECT uniqExact(id, ts) " + Of, null, cancellation);
            bool isWhole = stored == steady.Acknowledged && distinct == stored;
            Console.WriteLine($"{"phase",-8}{"requests",10}{"refused",9}{"p50 ms",9}{"p99 ms",9}{"max ms",9}");
            foreach (string phase in (string[])["before", "away", "back", "after"])
            {
                (Latencies latencies, int refused) = steady.Of(phase);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{phase,-8}{latencies.Count,10}{refused,9}{latencies.At(0.5),9:0.0}{latencies.At(0.99),9:0.0}{latencies.At(1),9:0.0}"));
            }
            (Latencies during, int refusedDuring) = steady.Of("away");
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                kind, rate, awaySeconds = away.TotalSeconds, acknowledged = steady.Acknowledged, stored, distinct, isWhole, refused = refusedDuring,
                catchUpSeconds = Math.Round(caughtUp, 1), largestLogBytes = mostLog, largestResidentBytes = mostMemory,
                ackP50Ms = Math.Round(during.At(0.5), 1), ackP99Ms = Math.Round(during.At(0.99), 1),
            }));
            return isWhole;
        }
        finally
        {
            store.Kill();
            await store.WaitForExitAsync(CancellationToken.None);
            data.Delete(recursive: true);
        }

        async Task<Process> StartStoreAsync()
        {
            Process process = Process.Start(
                new ProcessStartInfo(program, ["store", "serve", "--data", data.FullName, "--listen", $"127.0.0.1:{port}"]) { RedirectStandardOutput = true })!;
            string? line = await process.StandardOutput.ReadLineAsync(cancellation);
            return line == "ready" ? process : throw new InvalidOperationException("the store did not start: " + line);
        }
    }

    private static async Task<(double Lag, double Log)> LagAsync(LoadedServer server, CancellationToken cancellation)
    {
        Dictionary<string, double> metrics = await server.MetricsAsync(cancellation);
        return (metrics["sloengine_collector_log_lag_bytes"], metrics["sloengine_collector_log_size_bytes"]);
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using Process kill = Process.Start("kill", ["-" + signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Requests at even intervals, whether those before are answered or not; a refused one is sent again.</summary>
    private sealed class SteadyLoad : IDisposable
    {
        private readonly ConcurrentBag<(string Phase, double Milliseconds)> _answered = [];
        private readonly ConcurrentBag<string> _refused = [];
        private readonly CancellationTokenSource _stop = new();
        private readonly OtlpSender _sender;
        private readonly Task _running;
        private long _acknowledged;

        public SteadyLoad(LoadedServer server, int rate)
        {
            _sender = server.Sender(isGrpc: false, Senders);
            Request[] requests = [.. Enumerable.Range(0, Processes).Select(Request.Metrics)];
            TimeSpan interval = TimeSpan.FromSeconds((double)requests[0].Items / rate * Senders);
            BytesPerSecond = (double)requests[0].Body.Length / requests[0].Items * rate;
            _running = Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(() => RunAsync(requests, sender, interval))));
        }

        public string Phase { get; set; } = "before";

        public double BytesPerSecond { get; }

        /// <summary>Points acknowledged.</summary>
        public long Acknowledged => Interlocked.Read(ref _acknowledged);

        public (Latencies Answered, int Refused) Of(string phase) => (
            new Latencies(_answered.Where(one => one.Phase == phase).Select(one => one.Milliseconds)), _refused.Count(one => one == phase));

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running;
        }

        public void Dispose()
        {
            _stop.Dispose();
            _sender.Dispose();
        }

        private async Task RunAsync(Request[] requests, int sender, TimeSpan interval)
        {
            long began = Stopwatch.GetTimestamp();
            for (int next = 0; !_stop.IsCancellationRequested; next++)
            {
                // Latency counts from the moment at which the request was due: a slow answer does not hide those that had to wait for it.
                TimeSpan due = (next + ((double)sender / Senders)) * interval;
                if (due - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } early)
                {
                    await Task.Delay(early);
                }
                Request request = requests[(next % (Processes / Senders) * Senders) + sender];
                request.SetTime((DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100);
                string phase = Phase;
                while (!(await _sender.TrySendAsync("metrics", request.Body, null, default)).IsAcknowledged)
                {
                    _refused.Add(phase);
                    await Task.Delay(TimeSpan.FromSeconds(1));
                }
                _answered.Add((phase, (Stopwatch.GetElapsedTime(began) - due).TotalMilliseconds));
                Interlocked.Add(ref _acknowledged, request.Items);
            }
        }
    }
}
