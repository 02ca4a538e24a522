using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using IronSnappy;
using SloEngine.Otlp.Protobuf;
using SloEngine.Server.Configuration;

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
        Task<ServerProcess> starting = StartNodeAsync("b", "engine");
        // It takes requests before the nodes are there.
        ServerProcess gateway = await StartGatewayAsync();
        ServerProcess b = await starting;
        SpanAndLogSender[] senders = [.. Enumerable.Range(0, 3).Select(index => new SpanAndLogSender(index, resources: 5))];
        bool stop = false;
        Task running = Run();
        await SentAsync(700);
        // One node drops and rolls up what they share.
        Assert.Contains("sloengine_store_disk_free", await MetricsAsync(a), StringComparison.Ordinal);
        Assert.DoesNotContain("sloengine_store_disk_free", await MetricsAsync(b), StringComparison.Ordinal);
        Assert.Equal(["a", "b"], (await NodesAsync()).Select(node => node.GetProperty("node").GetString()));

        await b.KillAsync();
        await SentAsync(1000);
        // While one node is away, its slices wait, and the other node is not held back.
        JsonElement[] nodes = await ServerProcess.UntilAsync(NodesAsync, now => now[1].GetProperty("failure").ValueKind == JsonValueKind.String, TimeSpan.FromSeconds(20));
        Assert.True(nodes[1].GetProperty("queuedBytes").GetInt64() > 0 && nodes[1].GetProperty("ageSeconds").GetDouble() > 0, $"{nodes[1]}");
        Assert.Equal(JsonValueKind.Null, nodes[0].GetProperty("failure").ValueKind);
        await b.DisposeAsync();
        b = await StartNodeAsync("b", "engine");
        await SentAsync(500);

        await gateway.KillAsync();
        await running;
        await gateway.DisposeAsync();
        gateway = await StartGatewayAsync();
        running = Run();
        await SentAsync(700);
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
        string counted = await http.GetStringAsync(new Uri(store.Url, "/?query=" + Uri.EscapeDataString("SELECT uniqExact(node), sum(total) FROM sloengine.sli_buckets WHERE NOT startsWith(slo, 'past/')")));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"2\t{spans}\n"), counted);
        string metrics = await MetricsAsync(gateway);
        Assert.Matches("sloengine_gateway_queue_size\\S*\\{[^}]*node=\"b\"[^}]*\\} 0", metrics);
        await a.DisposeAsync();
        await b.DisposeAsync();
        await gateway.DisposeAsync();

        async Task<string> MetricsAsync(ServerProcess node)
        {
            using var http = new HttpClient();
            return await http.GetStringAsync(new Uri(node.Http, "/metrics"));
        }

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

    [Fact]
    public async Task A_gateway_takes_what_a_node_takes_with_its_tenant_and_refuses_what_it_refuses()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess node = await ServerProcess.StartAsync(Path.Combine(files.Path, "node"), "--self-telemetry", "off");
        await using ServerProcess gateway = await ServerProcess.StartAsync(
            Path.Combine(files.Path, "gateway"), "--roles", "gateway", "--engines", node.OtlpHttp.ToString(), "--self-telemetry", "off");
        using var http = new HttpClient { BaseAddress = gateway.Http };
        http.DefaultRequestHeaders.Add("X-Scope-OrgID", "acme");
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

        using HttpResponseMessage written = await PushTests.PostAsync(http, "/api/v1/write", Snappy.Encode(PushTests.WriteRequest(now)), "application/x-protobuf", "snappy");
        using HttpResponseMessage pushed = await PushTests.PostAsync(http, "/loki/api/v1/push", Encoding.UTF8.GetBytes(
            $$$"""{"streams":[{"stream":{"service_name":"pushed"},"values":[["{{{now}}}000000","disk is full"]]}]}"""), "application/json", null);
        string called = await CallAsync(gateway.Grpc, now);
        using HttpResponseMessage broken = await PushTests.PostAsync(
            http, "/api/v1/write", Snappy.Encode(PushTests.WriteRequest(now).AsSpan()[..^3]), "application/x-protobuf", "snappy");

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent, "0"), (written.StatusCode, pushed.StatusCode, called));
        Assert.Equal(HttpStatusCode.BadRequest, broken.StatusCode);
        await ServerProcess.UntilAsync(
            async () => (await gateway.GetAsync("/api/v1/status/gateway")).GetProperty("nodes")[0].GetProperty("queuedBytes").GetInt64(), queued => queued == 0, TimeSpan.FromSeconds(20));
        await node.StoredAsync();
        string stored = await http.GetStringAsync(new Uri(node.Http, "/api/v1/sql?format=csv&query=" + Uri.EscapeDataString(
            "SELECT (SELECT count() FROM samples), (SELECT groupArray(body) FROM (SELECT body FROM logs ORDER BY body))")));
        Assert.Contains("2,\"['by gRPC','disk is full']\"", stored, StringComparison.Ordinal);
        Assert.Equal(0, await node.SqlNumberAsync("SELECT count() FROM logs"));
    }

    [Theory]
    [InlineData("engines", "", "there is no role 'engines'; did you mean engine?")]
    [InlineData("engine,gateway", "", "expected engine,alerting, or engine, or gateway")]
    [InlineData("gateway", "", "at least one engine node")]
    [InlineData("gateway", "a=http://10.0.0.1:4318,10.0.0.2:4318", "'10.0.0.2:4318' does not fit; expected the http or https URL")]
    [InlineData("gateway", "a=http://10.0.0.1:4318,a=http://10.0.0.2:4318", "each name and each address once")]
    [InlineData("engine", "http://10.0.0.1:4318", "this node is no gateway")]
    public void Roles_and_engines_that_do_not_fit_are_named_with_what_is_expected(string roles, string engines, string message)
    {
        var given = new Dictionary<Setting, string> { [Setting.Roles] = roles, [Setting.Engines] = engines };

        ConfigurationException wrong = Assert.Throws<ConfigurationException>(() => ServerOptions.Resolve(given, null, _ => null));

        Assert.Contains(message, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_tables_of_a_cluster_are_printed_and_a_cluster_without_a_server_is_refused()
    {
        (int exit, string ddl, string errors) = await Cli.RunAsync("store", "ddl", "--cluster", "telemetry");

        Assert.True(exit == 0, errors);
        Assert.Contains("CREATE TABLE IF NOT EXISTS sloengine_local.samples ON CLUSTER 'telemetry'\n", ddl, StringComparison.Ordinal);
        Assert.Contains("ENGINE = Distributed('telemetry', 'sloengine_local', 'samples', sipHash64(id));\n", ddl, StringComparison.Ordinal);
        ConfigurationException wrong = Assert.Throws<ConfigurationException>(
            () => ServerOptions.Resolve(new Dictionary<Setting, string> { [Setting.StoreCluster] = "telemetry" }, null, _ => null));
        Assert.Contains("the embedded engine is no server of a cluster", wrong.Message, StringComparison.Ordinal);
    }

    /// <summary>Exports a log record by gRPC; returns the status.</summary>
    private static async Task<string> CallAsync(Uri grpc, long nowMs)
    {
        var writer = new ProtobufWriter();
        int resource = writer.Begin(1);
        int scope = writer.Begin(2);
        int record = writer.Begin(2);
        writer.Fixed64(1, (ulong)nowMs * 1_000_000);
        int body = writer.Begin(5);
        writer.Text(1, "by gRPC");
        writer.End(body);
        writer.End(record);
        writer.End(scope);
        writer.End(resource);
        byte[] message = [0, 0, 0, 0, (byte)writer.Written.Length, .. writer.Written.Span];
        using var http = new HttpClient { BaseAddress = grpc };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/opentelemetry.proto.collector.logs.v1.LogsService/Export")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(message),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");
        request.Headers.Add("X-Scope-OrgID", "acme");
        request.Headers.TE.ParseAdd("trailers");
        using HttpResponseMessage response = await http.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        return response.TrailingHeaders.TryGetValues("grpc-status", out IEnumerable<string>? status) ? status.Single() : response.Headers.GetValues("grpc-status").Single();
    }
}
