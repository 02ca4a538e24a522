using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using SloEngine.LoadTest.Queries;

namespace SloEngine.LoadTest;

/// <summary>
/// What it takes to keep SLOs evaluated: here, and in Prometheus by the rules that Sloth generates for them. Both get the same samples at the same
/// time, and so does another process of each that has no SLOs: what it takes is taken off.
/// </summary>
internal sealed class SloComparison(string program, string prometheus, int slos, TimeSpan history, TimeSpan duration, TimeSpan interval) : IDisposable
{
    private const int SeriesEach = 10;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(15);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-slos-");

    public static Command Command(Option<FileInfo> server, Option<string> prometheus)
    {
        var slos = new Option<int>("--slos") { Description = "SLOs, each over 10 series of its own", DefaultValueFactory = _ => 1000 };
        var history = new Option<int>("--history") { Description = "Minutes of samples before the measurement: Prometheus takes no older ones than an hour", DefaultValueFactory = _ => 45 };
        var minutes = new Option<int>("--minutes") { Description = "Minutes to measure", DefaultValueFactory = _ => 5 };
        var interval = new Option<int>("--evaluation-interval") { Description = "Seconds between Prometheus' evaluations", DefaultValueFactory = _ => 30 };
        var command = new Command("slos", "CPU that SLOs take here, and in Prometheus by Sloth's rules for them, over the same samples.") { server, prometheus, slos, history, minutes, interval };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var comparison = new SloComparison(
                parsed.GetValue(server)!.FullName, parsed.GetValue(prometheus)!, parsed.GetValue(slos), TimeSpan.FromMinutes(parsed.GetValue(history)),
                TimeSpan.FromMinutes(parsed.GetValue(minutes)), TimeSpan.FromSeconds(parsed.GetValue(interval)));
            await comparison.RunAsync(cancellation);
            return 0;
        });
        return command;
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private async Task RunAsync(CancellationToken cancellation)
    {
        string files = _directory.CreateSubdirectory("slos").FullName;
        string definitions = Path.Combine(files, "slos.yaml");
        await File.WriteAllTextAsync(definitions, Definitions(), cancellation);
        string rules = Path.Combine(_directory.FullName, "rules.yml");
        await File.WriteAllTextAsync(rules, await ExportAsync(definitions, cancellation), cancellation);
        var none = Peer.Prometheus(prometheus);
        (string Name, Peer Peer)[] peers =
        [
            ("sloengine", Ours("--slos", files)), ("sloengine, no SLOs", Ours()),
            ("prometheus", none with { Arguments = (data, port) => Configured(none.Arguments(data, port), data, $"rule_files: ['{rules}']\n") }), ("prometheus, no rules", none),
        ];
        var running = new List<RunningPeer>();
        try
        {
            foreach ((string name, Peer peer) in peers)
            {
                running.Add(await RunningPeer.StartAsync(peer, _directory.CreateSubdirectory(name.Replace(' ', '-')), cancellation));
            }
            int rounds = (int)(history / Round);
            var load = new RemoteWriteLoad(slos, SeriesEach, rounds, DateTimeOffset.UtcNow - history);
            for (int round = 0; round < rounds; round++)
            {
                await SendAsync(running, load, round, cancellation);
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{slos} SLOs over {slos * SeriesEach:N0} series, {history.TotalMinutes:0} minutes of samples sent"));
            foreach (RunningPeer peer in running)
            {
                await peer.SettleAsync(cancellation);
            }
            double[] before = [.. running.Select(peer => peer.Cpu())];
            double evaluationsBefore = await EvaluationsAsync(running[0], cancellation);
            long began = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(began) < duration)
            {
                long next = Stopwatch.GetTimestamp();
                await SendAsync(running, load, (int)((DateTimeOffset.UtcNow - (load.End - history)) / Round), cancellation);
                TimeSpan left = Round - Stopwatch.GetElapsedTime(next);
                await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellation);
            }
            TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
            double[] used = [.. running.Select((peer, index) => peer.Cpu() - before[index])];
            double evaluations = await EvaluationsAsync(running[0], cancellation) - evaluationsBefore;
            for (int index = 0; index < peers.Length; index++)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{peers[index].Name,-22}{used[index],8:0.00} CPU s in {elapsed.TotalSeconds:0} s"));
            }
            double ours = (used[0] - used[1]) / evaluations;
            double theirs = (used[2] - used[3]) / (elapsed / interval);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"an evaluation of all: {ours * 1000:0.00} ms here ({evaluations:0} of them), {theirs * 1000:0} ms in Prometheus ({elapsed / interval:0}): {theirs / ours:0} times as much"));
        }
        finally
        {
            foreach (RunningPeer peer in running)
            {
                await peer.DisposeAsync();
            }
        }
    }

    private Peer Ours(params string[] settings)
    {
        Peer peer = Peer.SloEngine(program);
        return peer with { Arguments = (data, port) => [.. peer.Arguments(data, port), .. settings] };
    }

    private string[] Configured(string[] arguments, string data, string configuration)
    {
        File.WriteAllText(Path.Combine(data, "prometheus.yml"), string.Create(CultureInfo.InvariantCulture, $"global: {{evaluation_interval: {interval.TotalSeconds}s}}\n{configuration}"));
        return arguments;
    }

    private async Task SendAsync(List<RunningPeer> peers, RemoteWriteLoad load, int round, CancellationToken cancellation)
    {
        const int Targets = 100;
        for (int first = 0; first < slos; first += Targets)
        {
            byte[] request = load.Request(first, Math.Min(Targets, slos - first), round);
            foreach (RunningPeer peer in peers)
            {
                await Peer.WriteAsync(peer.Http, request, cancellation);
            }
        }
    }

    /// <summary>How often all SLOs have been evaluated.</summary>
    private static async Task<double> EvaluationsAsync(RunningPeer peer, CancellationToken cancellation)
    {
        string metrics = Encoding.UTF8.GetString(await peer.AskAsync("/metrics", cancellation));
        string line = metrics.Split('\n').First(line => line.StartsWith("sloengine_alerting_evaluations", StringComparison.Ordinal));
        return double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture);
    }

    private async Task<string> ExportAsync(string definitions, CancellationToken cancellation)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, ["slo", "export", "--format", "sloth-rules", definitions]) { RedirectStandardOutput = true })!;
        string rules = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return process.ExitCode == 0 ? rules : throw new InvalidOperationException("the rules could not be exported");
    }

    private string Definitions() => string.Join("---\n", Enumerable.Range(0, slos).Select(slo => $$$"""
        version: prometheus/v1
        service: service-{{{slo}}}
        slos:
          - name: requests
            objective: 99.9
            sli:
              events:
                error_query: sum(rate(load_requests_total{instance="{{{RemoteWriteLoad.Instance(slo)}}}",code="500"}[{{.window}}]))
                total_query: sum(rate(load_requests_total{instance="{{{RemoteWriteLoad.Instance(slo)}}}"}[{{.window}}]))
            alerting:
              name: ServiceFails

        """));
}
