namespace SloEngine.EndToEnd;

public sealed class DurabilityTests
{
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
}
