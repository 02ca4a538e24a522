using System.Globalization;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>A gateway, two engine nodes and the store they share, each a process of its own.</summary>
public sealed class ClusterTests
{
    [Fact]
    public async Task Nothing_is_lost_or_doubled_when_an_engine_node_and_then_the_gateway_are_killed_under_load_and_slos_know_the_sums_of_both_nodes()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", DurabilityTests.SpanSlo);
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        await store.StartAsync();
        int[] ports = [StoreProcess.FreePort(), StoreProcess.FreePort(), StoreProcess.FreePort()];
        ServerProcess a = await StartNodeAsync("a", "engine,alerting");
        ServerProcess b = await StartNodeAsync("b", "engine");
        ServerProcess gateway = await StartGatewayAsync();
        SpanAndLogSender[] senders = [.. Enumerable.Range(0, 3).Select(index => new SpanAndLogSender(index, resources: 5))];
        bool stop = false;
        Task running = Run();
        await SentAsync(2000);
        Assert.Equal(["a", "b"], (await NodesAsync()).Select(node => node.GetProperty("node").GetString()));

        await b.KillAsync();
        await SentAsync(3000);
        // While one node is away, its slices wait, and the other node is not held back.
        JsonElement[] nodes = await ServerProcess.UntilAsync(NodesAsync, now => now[1].GetProperty("failure").ValueKind == JsonValueKind.String, TimeSpan.FromSeconds(20));
        Assert.True(nodes[1].GetProperty("queuedBytes").GetInt64() > 0 && nodes[1].GetProperty("ageSeconds").GetDouble() > 0, $"{nodes[1]}");
        Assert.Equal(JsonValueKind.Null, nodes[0].GetProperty("failure").ValueKind);
        await b.DisposeAsync();
        b = await StartNodeAsync("b", "engine");
        await SentAsync(1000);

        await gateway.KillAsync();
        await running;
        await gateway.DisposeAsync();
        gateway = await StartGatewayAsync();
        running = Run();
        await SentAsync(2000);
        Volatile.Write(ref stop, true);
        await running;

        await ServerProcess.UntilAsync(NodesAsync, now => now.All(node => node.GetProperty("queuedBytes").GetInt64() == 0), TimeSpan.FromSeconds(30));
        await a.StoredAsync();
        await b.StoredAsync();
        double spans = await a.SqlNumberAsync("SELECT count() FROM spans");
        double logs = await b.SqlNumberAsync("SELECT count() FROM logs");
        Assert.All(senders, sender => Assert.Equal(0, sender.Refused));
        Assert.InRange(spans + logs, senders.Sum(sender => sender.Acknowledged), senders.Sum(sender => sender.Acknowledged + sender.Doubtful));
        Assert.Equal(spans, await a.SqlNumberAsync("SELECT uniqExact(trace_id) FROM spans"));
        Assert.Equal(logs, await a.SqlNumberAsync("SELECT uniqExact(body) FROM logs"));
        // Both nodes counted, and each knows the sum.
        foreach (ServerProcess node in (ServerProcess[])[a, b])
        {
            await ServerProcess.UntilAsync(
                async () => (await node.GetAsync("/api/v1/slos/app-spans")).GetProperty("totalEvents").GetDouble(), total => total == spans, TimeSpan.FromSeconds(25));
        }
        using var http = new HttpClient();
        string counted = await http.GetStringAsync(new Uri(store.Url, "/?query=" + Uri.EscapeDataString("SELECT uniqExact(node), sum(total) FROM sloengine.sli_buckets")));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"2\t{spans}\n"), counted);
        string metrics = await http.GetStringAsync(new Uri(gateway.Http, "/metrics"));
        Assert.Matches("sloengine_gateway_queue_size\\S*\\{[^}]*node=\"b\"[^}]*\\} 0", metrics);
        await a.DisposeAsync();
        await b.DisposeAsync();
        await gateway.DisposeAsync();

        Task<ServerProcess> StartNodeAsync(string name, string roles) => ServerProcess.StartAsync(
            Path.Combine(files.Path, name), "--roles", roles, "--store", store.Url.ToString(), "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off",
            "--listen-otlp-http", $"127.0.0.1:{ports[name == "a" ? 0 : 1]}");

        Task<ServerProcess> StartGatewayAsync() => ServerProcess.StartAsync(
            Path.Combine(files.Path, "gateway"), "--roles", "gateway", "--engines", $"a=http://127.0.0.1:{ports[0]},b=http://127.0.0.1:{ports[1]}", "--self-telemetry", "off",
            "--listen-otlp-http", $"127.0.0.1:{ports[2]}");

        Task Run() => Task.WhenAll(senders.Select(sender => sender.RunAsync(gateway.OtlpHttp, () => Volatile.Read(ref stop))));

        async Task SentAsync(long more)
        {
            long before = senders.Sum(sender => sender.Acknowledged);
            await ServerProcess.UntilAsync(() => Task.FromResult(senders.Sum(sender => sender.Acknowledged)), sent => sent > before + more, TimeSpan.FromSeconds(30));
        }

        async Task<JsonElement[]> NodesAsync() => [.. (await gateway.GetAsync("/api/v1/status/gateway")).GetProperty("nodes").EnumerateArray()];
    }
}
