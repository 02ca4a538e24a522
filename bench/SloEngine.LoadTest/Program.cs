using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using SloEngine.LoadTest;
using SloEngine.LoadTest.Queries;

var serverOption = new Option<FileInfo>("--server") { Description = "Path of the sloengine program", Required = true };
var seconds = new Option<int>("--seconds") { Description = "Seconds of load a signal", DefaultValueFactory = _ => 10 };
var warmUpSeconds = new Option<int>("--warm-up") { Description = "Seconds of load before those that are measured", DefaultValueFactory = _ => 10 };
var connections = new Option<int>("--connections") { Description = "Requests in flight", DefaultValueFactory = _ => 8 };
var only = new Option<string?>("--signal") { Description = "numbers, metrics, logs or traces (default: all)" };
var protocol = new Option<string>("--protocol") { Description = "http, or grpc: one connection with as many calls in flight", DefaultValueFactory = _ => "http" };
protocol.AcceptOnlyFromAmong("http", "grpc");
var rest = new Option<int>("--rest") { Description = "Measure the server at rest instead, for so many seconds before and after a load" };
var together = new Option<int>("--processes-per-request") { Description = "Processes whose items a request has: 1 as SDKs send, 17 for some 8,000 items as the OpenTelemetry Collector's batches have", DefaultValueFactory = _ => 1 };
var gateway = new Option<bool>("--gateway") { Description = "Load a gateway in front of the server, and count its CPU alone" };
var root = new RootCommand("Whole-process OTLP load: starts a server, sends metrics, logs and spans, and prints what one CPU second of it takes in.")
{
    serverOption, seconds, warmUpSeconds, connections, only, protocol, together, rest, gateway,
};
root.SetAction(async (parsed, cancellation) =>
{
    if (parsed.GetValue(rest) is > 0 and int resting)
    {
        await RestingServer.MeasureAsync(parsed.GetValue(serverOption)!.FullName, TimeSpan.FromSeconds(resting), cancellation);
        return 0;
    }
    Console.WriteLine($"{"signal",-10}{"items",12}{"items/s",12}{"items/CPU s",14}{"p50 ms",9}{"p99 ms",9}{"RSS MB",9}{"B/item",9}");
    foreach ((string load, string signal, Func<int, Request> make, int processes, string count) in ((string, string, Func<int, Request>, int, string)[])
    [
        ("numbers", "metrics", Request.Numbers, 32, "SELECT count() FROM samples WHERE id NOT IN (SELECT id FROM series WHERE metric = 'target_info')"),
        ("metrics", "metrics", Request.Metrics, 32, "SELECT (SELECT count() FROM samples WHERE id NOT IN (SELECT id FROM series WHERE metric = 'target_info')) + (SELECT count() FROM histograms)"),
        ("logs", "logs", Request.Logs, 32, "SELECT count() FROM logs"),
        ("traces", "traces", Request.Spans, 32, "SELECT count() FROM spans"),
    ])
    {
        if (parsed.GetValue(only) is { } wanted && wanted != load)
        {
            continue;
        }
        string program = parsed.GetValue(serverOption)!.FullName;
        await using LoadedServer server = parsed.GetValue(gateway) ? await LoadedServer.StartGatewayAsync(program) : await LoadedServer.StartAsync(program);
        int each = parsed.GetValue(together);
        Request[] requests = [.. Enumerable.Range(0, Math.Max(each * parsed.GetValue(connections), processes)).Select(make).Chunk(each).Select(Request.Join)];
        Console.WriteLine(await server.RunAsync(
            load, signal, requests, TimeSpan.FromSeconds(parsed.GetValue(warmUpSeconds)), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(connections), parsed.GetValue(protocol) == "grpc", count, cancellation));
    }
    return 0;
});
var series = new Option<int>("--series") { Description = "Series, of 500 a target", DefaultValueFactory = _ => 32_000 };
var rounds = new Option<int>("--rounds") { Description = "Samples of each that are measured, 15 seconds apart", DefaultValueFactory = _ => 900 };
var warmUp = new Option<int>("--warm-up") { Description = "Samples of each that are sent before the measurement begins", DefaultValueFactory = _ => 100 };
var perRequest = new Option<int>("--samples-per-request") { Description = "Samples a request, a multiple of 500; 2,000 is what Prometheus sends since 2023 (prometheus#12203), 500 what it sent before", DefaultValueFactory = _ => 2_000 };
var prometheus = new Option<string>("--prometheus") { Description = "Path of Prometheus", DefaultValueFactory = _ => "/usr/bin/prometheus" };
var victoria = new Option<string>("--victoria-metrics") { Description = "Path of VictoriaMetrics", DefaultValueFactory = _ => "/usr/bin/victoria-metrics" };
var onlyPeer = new Option<string?>("--only") { Description = "sloengine, prometheus or victoria-metrics alone" };
onlyPeer.AcceptOnlyFromAmong("sloengine", "prometheus", "victoria-metrics");
var peers = new Command("peers", "The same remote-write load into sloengine, Prometheus and VictoriaMetrics, one after the other.")
{
    serverOption, series, rounds, warmUp, perRequest, connections, prometheus, victoria, onlyPeer,
};
peers.SetAction(async (parsed, cancellation) =>
{
    int all = parsed.GetValue(warmUp) + parsed.GetValue(rounds);
    var load = new RemoteWriteLoad(parsed.GetValue(series) / 500, 500, all, DateTimeOffset.UtcNow.AddSeconds(-15 * all));
    Console.WriteLine($"{"program",-18}{"samples",12}{"samples/s",14}{"samples/CPU s",16}{"RSS MB",9}{"B/sample",12}{"active",12}");
    foreach (Peer peer in (Peer[])
    [
        Peer.SloEngine(parsed.GetValue(serverOption)!.FullName), Peer.Prometheus(parsed.GetValue(prometheus)!), Peer.VictoriaMetrics(parsed.GetValue(victoria)!),
    ])
    {
        if (parsed.GetValue(onlyPeer) is { } wanted && wanted != peer.Name)
        {
            continue;
        }
        Console.WriteLine(await peer.MeasureAsync(load, Math.Max(1, parsed.GetValue(perRequest) / 500), parsed.GetValue(connections), parsed.GetValue(warmUp), cancellation));
    }
    return 0;
});
root.Subcommands.Add(peers);
root.Subcommands.Add(Outage.Command(serverOption));
root.Subcommands.Add(Attack.Command(serverOption));
root.Subcommands.Add(Soak.Command(serverOption));
root.Subcommands.Add(Backfill.Command(serverOption));
root.Subcommands.Add(SloComparison.Command(serverOption, prometheus));
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
