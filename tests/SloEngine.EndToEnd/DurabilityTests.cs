namespace SloEngine.EndToEnd;

public sealed class DurabilityTests
{
    internal const string SpanSlo = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: app-spans}
        spec:
          service: app
          indicator:
            metadata: {name: app-spans}
            spec:
              ratioMetric:
                counter: true
                good: {metricSource: {type: sloengine, spec: {signal: spans, service: app, status: "!error"}}}
                total: {metricSource: {type: sloengine, spec: {signal: spans, service: app}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.999}]
        """;

    private const string CounterSlo = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: app-requests}
        spec:
          service: app
          indicator:
            metadata: {name: app-requests}
            spec:
              ratioMetric:
                counter: true
                good: {metricSource: {type: Prometheus, spec: {query: 'sum(rate(app_requests_total{code="200"}[5m]))'}}}
                total: {metricSource: {type: Prometheus, spec: {query: 'sum(rate(app_requests_total[5m]))'}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.999}]
        """;

    [Fact]
    public async Task What_was_acknowledged_under_load_is_there_exactly_once_after_kill_9()
    {
        using var files = new TemporaryDirectory();
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, "--self-telemetry", "off");
        var acknowledged = new int[4];
        var sent = new int[4];
        using var killed = new CancellationTokenSource();
        Task[] senders = [.. Enumerable.Range(0, 4).Select(async index =>
        {
            using var sender = new OtlpJsonSender(server.OtlpHttp, $"load-{index}");
            while (!killed.IsCancellationRequested)
            {
                sent[index]++;
                if (!await sender.SendAsync(1, 0))
                {
                    return;
                }
                acknowledged[index]++;
            }
        })];
        await ServerProcess.UntilAsync(() => Task.FromResult(acknowledged.Sum()), count => count > 200, TimeSpan.FromSeconds(30));
        await server.KillAsync();
        await killed.CancelAsync();
        await Task.WhenAll(senders);
        await server.DisposeAsync();

        await using ServerProcess restarted = await ServerProcess.StartAsync(data, "--self-telemetry", "off");
        for (int index = 0; index < 4; index++)
        {
            string of = $"FROM samples WHERE id IN (SELECT id FROM series WHERE metric = 'app_requests_total' AND labels['job'] = 'load-{index}')";
            double rows = await restarted.SqlNumberAsync("SELECT count() " + of);
            double distinct = await restarted.SqlNumberAsync("SELECT uniqExact(value) " + of);
            Assert.Equal(rows, distinct);
            // The one request in flight when the process died may or may not be there.
            Assert.InRange(rows, acknowledged[index], sent[index]);
        }
    }

    [Fact]
    public async Task Twenty_kills_at_random_moments_under_load_lose_and_double_nothing_and_the_ledger_counts_each_span_once()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", SpanSlo);
        string data = Path.Combine(files.Path, "data");
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        var random = new Random(20);
        SpanAndLogSender[] senders = [.. Enumerable.Range(0, 4).Select(index => new SpanAndLogSender(index))];
        for (int kill = 0; kill < 20; kill++)
        {
            await using ServerProcess server = await ServerProcess.StartAsync(data, arguments);
            Task[] running = [.. senders.Select(sender => sender.RunAsync(server.OtlpHttp, () => false))];
            long enough = senders.Sum(sender => sender.Acknowledged) + random.Next(260, 800);
            await ServerProcess.UntilAsync(() => Task.FromResult(senders.Sum(sender => sender.Acknowledged)), acknowledged => acknowledged > enough, TimeSpan.FromSeconds(60));
            await Task.Delay(random.Next(0, 50));
            await server.KillAsync();
            await Task.WhenAll(running);
        }

        await using ServerProcess last = await ServerProcess.StartAsync(data, arguments);
        await last.StoredAsync();
        double spans = await last.SqlNumberAsync("SELECT count() FROM spans");
        double logs = await last.SqlNumberAsync("SELECT count() FROM logs");
        Assert.Equal(spans, await last.SqlNumberAsync("SELECT uniqExact(trace_id) FROM spans"));
        Assert.Equal(logs, await last.SqlNumberAsync("SELECT uniqExact(body) FROM logs"));
        Assert.All(senders, sender => Assert.Equal(0, sender.Refused));
        Assert.InRange(spans + logs, senders.Sum(sender => sender.Acknowledged), senders.Sum(sender => sender.Acknowledged + sender.Doubtful));
        Assert.Equal(spans, (await last.GetAsync("/api/v1/slos/app-spans")).GetProperty("totalEvents").GetDouble());
    }

    /// <summary>Samples wait in memory for longer than these processes live: all of them come out of the log, and what they count has been counted.</summary>
    [Fact]
    public async Task Ten_kills_while_samples_are_gathered_lose_and_double_none_of_them_and_the_ledger_counts_each_event_once()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", CounterSlo);
        string data = Path.Combine(files.Path, "data");
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        var random = new Random(10);
        var sender = new OtlpJsonSender(new Uri("http://127.0.0.1:9"), "app");
        int acknowledged = 0;
        int sent = 0;
        for (int kill = 0; kill < 10; kill++)
        {
            await using ServerProcess server = await ServerProcess.StartAsync(data, arguments);
            using OtlpJsonSender running = sender.MoveTo(server.OtlpHttp);
            Task sending = Task.Run(async () =>
            {
                for (sent++; await running.SendAsync(1, 0); sent++)
                {
                    Interlocked.Increment(ref acknowledged);
                }
            });
            int enough = acknowledged + random.Next(50, 400);
            await ServerProcess.UntilAsync(() => Task.FromResult(Volatile.Read(ref acknowledged)), count => count > enough, TimeSpan.FromSeconds(60));
            await Task.Delay(random.Next(0, 1500));
            await server.KillAsync();
            await sending;
            sender = running;
        }

        await using ServerProcess last = await ServerProcess.StartAsync(data, arguments);
        const string Mine = "FROM samples WHERE id IN (SELECT id FROM series WHERE metric = 'app_requests_total')";
        double rows = await last.SqlNumberAsync("SELECT count() " + Mine);
        Assert.Equal(rows, await last.SqlNumberAsync("SELECT uniqExact(value) " + Mine));
        Assert.InRange(rows, acknowledged, sent);
        // The counter is older than the server: the first point is where counting begins.
        Assert.Equal(await last.SqlNumberAsync("SELECT max(value) - min(value) " + Mine), (await last.GetAsync("/api/v1/slos/app-requests")).GetProperty("totalEvents").GetDouble());
    }

    [Theory]
    [InlineData("--self-telemetry", "off")]
    [InlineData("--demo")]
    [InlineData("--roles", "gateway", "--engines", "http://127.0.0.1:9", "--self-telemetry", "off")]
    public async Task A_server_that_is_told_to_stop_ends_in_order(params string[] arguments)
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), arguments);
        var sender = new SpanAndLogSender(0);
        await sender.RunAsync(server.OtlpHttp, () => sender.Acknowledged > 50);

        Assert.Equal(0, await server.StopAsync());
        Assert.DoesNotContain("xception", server.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_told_to_stop_while_its_store_is_away_ends_in_order_and_the_next_one_stores_what_waits()
    {
        using var files = new TemporaryDirectory();
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        await store.StartAsync();
        string[] arguments = ["--store", store.Url.ToString(), "--self-telemetry", "off"];
        var sender = new SpanAndLogSender(0);
        await using (ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), arguments))
        {
            await store.KillAsync();
            await sender.RunAsync(server.OtlpHttp, () => sender.Acknowledged > 100);

            // It waits for the store for a while, as long as which nothing is to cut it off.
            Assert.Equal(0, await server.StopAsync());
        }
        await store.StartAsync();
        await using ServerProcess next = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), arguments);
        await next.StoredAsync();
        Assert.Equal(sender.Acknowledged, await next.SqlNumberAsync("SELECT (SELECT count() FROM spans) + (SELECT count() FROM logs)"));
    }

    [Fact]
    public async Task A_full_disk_is_a_refusal_that_senders_may_retry_and_loses_nothing()
    {
        using var files = new TemporaryDirectory();
        using SmallFileSystem? disk = SmallFileSystem.TryMount(Path.Combine(files.Path, "wal"), "8m");
        if (disk is null)
        {
            // Only root may mount; the log's own limit is tested without it.
            return;
        }
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--wal", disk.Path, "--self-telemetry", "off");
        var sender = new SpanAndLogSender(0);
        await sender.RunAsync(server.OtlpHttp, () => sender.Acknowledged > 100);
        Assert.Equal(0, sender.Refused);

        disk.Fill();
        await sender.RunAsync(server.OtlpHttp, () => sender.Refused > 50);
        disk.Free();
        long before = sender.Acknowledged;
        await sender.RunAsync(server.OtlpHttp, () => sender.Acknowledged > before + 100);

        await server.StoredAsync();
        Assert.Equal(sender.Acknowledged, await server.SqlNumberAsync("SELECT (SELECT count() FROM spans) + (SELECT count() FROM logs)"));
    }

    [Fact]
    public async Task A_store_in_another_process_may_be_killed_under_load_and_come_back_and_nothing_is_lost_or_doubled()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", SpanSlo);
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        await store.StartAsync();
        string[] arguments = ["--store", store.Url.ToString(), "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), arguments);
        SpanAndLogSender[] senders = [.. Enumerable.Range(0, 3).Select(index => new SpanAndLogSender(index))];
        bool stop = false;
        Task[] running = [.. senders.Select(sender => sender.RunAsync(server.OtlpHttp, () => Volatile.Read(ref stop)))];
        for (int kill = 0; kill < 3; kill++)
        {
            long before = senders.Sum(sender => sender.Acknowledged);
            await ServerProcess.UntilAsync(() => Task.FromResult(senders.Sum(sender => sender.Acknowledged)), sent => sent > before + 2000, TimeSpan.FromSeconds(30));
            await store.KillAsync();
            // While the store is away, requests are acknowledged and SLOs count on.
            long away = senders.Sum(sender => sender.Acknowledged);
            await ServerProcess.UntilAsync(() => Task.FromResult(senders.Sum(sender => sender.Acknowledged)), sent => sent > away + 2000, TimeSpan.FromSeconds(30));
            await store.StartAsync();
        }
        Volatile.Write(ref stop, true);
        await Task.WhenAll(running);

        await server.StoredAsync();
        double spans = await server.SqlNumberAsync("SELECT count() FROM spans");
        double logs = await server.SqlNumberAsync("SELECT count() FROM logs");
        Assert.All(senders, sender => Assert.Equal((0, 0), (sender.Refused, sender.Doubtful)));
        Assert.Equal(senders.Sum(sender => sender.Acknowledged), spans + logs);
        Assert.Equal(spans, await server.SqlNumberAsync("SELECT uniqExact(trace_id) FROM spans"));
        Assert.Equal(logs, await server.SqlNumberAsync("SELECT uniqExact(body) FROM logs"));
        Assert.Equal(spans, (await server.GetAsync("/api/v1/slos/app-spans")).GetProperty("totalEvents").GetDouble());
        Assert.Equal(0, await server.PromqlNumberAsync("count(up) or vector(0)"));
        Assert.DoesNotContain(" at SloEngine.", server.Errors, StringComparison.Ordinal);
    }
}
