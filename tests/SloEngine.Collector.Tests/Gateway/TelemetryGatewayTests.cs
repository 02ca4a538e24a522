using System.Globalization;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Gateway;

/// <summary>From a gateway's log to nodes on real ports, whose answers are lost and which end and begin as the test says.</summary>
public sealed class TelemetryGatewayTests
{
    [Fact]
    public async Task A_sender_for_one_tenant_cannot_write_for_another_through_a_gateway_by_what_a_resource_names()
    {
        await using TargetNode node = new(new CollectorOptions { TenantAttribute = "tenant.id" });
        await node.StartAsync();
        await using var rig = new GatewayRig([node]);
        rig.Start();
        byte[] foreign = Logs("other");

        await rig.Gateway.IngestAsync(Signal.Logs, "acme", foreign, tenant => tenant == "acme", default);
        await rig.DeliveredAsync();
        Assert.Empty(node.Rig.Ingest.Resources.Usages());

        await rig.Gateway.IngestAsync(Signal.Logs, "acme", Logs("acme"), tenant => tenant == "acme", default);
        await rig.Gateway.IngestAsync(Signal.Logs, "acme", foreign, null, default);
        await rig.DeliveredAsync();
        Assert.Equal(["acme", "other"], node.Rig.Ingest.Resources.Usages().Select(usage => usage.Tenant).Order());

        static byte[] Logs(string tenant) => Encode(request => request.Message(1, resource =>
        {
            resource.Message(1, own => own.Attribute(1, "tenant.id", tenant));
            resource.Message(2, scope => scope.Message(2, record => record.Fixed64(1, Time)));
        }));
    }

    [Fact]
    public async Task Whatever_ends_and_whichever_answers_are_lost_each_item_is_stored_once()
    {
        for (int seed = 0; seed < 12; seed++)
        {
            var random = new Random(seed);
            await using TargetNode a = new(), b = new();
            foreach (TargetNode node in (TargetNode[])[a, b])
            {
                int unlucky = random.Next(2, 6);
                node.Decide = () => random.Next(unlucky) > 0 ? Fate.Taken : (Fate)random.Next(1, 4);
                await node.StartAsync();
            }
            await using var rig = new GatewayRig([a, b]);
            rig.Start();
            int sent = 0;
            for (int step = 0; step < 12; step++)
            {
                for (int request = 0; request < 5; request++)
                {
                    await rig.Gateway.IngestAsync(Signal.Metrics, request % 2 == 0 ? "default" : "acme", Gauges(sent, 4), null, default);
                    sent += 4;
                }
                switch (random.Next(6))
                {
                    case 0:
                        TargetNode restarted = random.Next(2) == 0 ? a : b;
                        await restarted.StopAsync();
                        await restarted.StartAsync();
                        break;
                    case 1:
                        await rig.CrashAsync(2);
                        rig.Start();
                        break;
                    default:
                        break;
                }
            }
            await rig.DeliveredAsync();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            while (a.Rig.Store.Rows("samples") + b.Rig.Store.Rows("samples") < sent)
            {
                await Task.Delay(5, patience.Token);
            }
            // A sample stored twice would come with these, or with what the next restart replays.
            foreach (TargetNode node in (TargetNode[])[a, b])
            {
                await node.StopAsync();
                await node.StartAsync();
            }
            Assert.Equal(sent, a.Rig.Store.Rows("samples") + b.Rig.Store.Rows("samples"));
            Assert.True(a.Rig.Store.Rows("samples") > 0 && b.Rig.Store.Rows("samples") > 0, $"seed {seed}");
        }
    }

    [Fact]
    public async Task A_repeated_forward_is_not_stored_again_when_the_record_of_the_first_is_trimmed_and_the_node_began_anew()
    {
        await using var rig = new IngestRig(segmentBytes: 2048);
        await rig.StartAsync();
        var gateway = Guid.NewGuid();
        var first = new ForwardId(gateway, 0, 100);
        Assert.Equal(1, (await ForwardAsync(first)).Accepted);
        for (int request = 0; request < 60; request++)
        {
            await rig.SendAsync(Signal.Metrics, Gauges(1000 + request, 1));
        }
        await rig.Store.HoldsAsync("samples", 61);
        await rig.StopAsync();
        await rig.StartAsync();
        Assert.True(rig.Log.Start > 0, "nothing was trimmed, so that this says nothing");

        ForwardAnswer repeated = await ForwardAsync(first);
        ForwardAnswer overlapping = await ForwardAsync(new ForwardId(gateway, 50, 150));
        ForwardAnswer next = await ForwardAsync(new ForwardId(gateway, 100, 200));
        ForwardAnswer other = await ForwardAsync(first with { Gateway = Guid.NewGuid() });

        Assert.Equal((100, 0, false), (repeated.Position, repeated.Accepted, repeated.IsOverlap));
        Assert.Equal((100, 0, true), (overlapping.Position, overlapping.Accepted, overlapping.IsOverlap));
        Assert.Equal((200, 1), (next.Position, next.Accepted));
        Assert.Equal(1, other.Accepted);

        ValueTask<ForwardAnswer> ForwardAsync(ForwardId id) =>
            rig.Ingest.IngestForwardAsync(id, [new ForwardFrame(id.To, RequestKind.Metrics, "default", Gauges(1, 1))], default);
    }

    [Fact]
    public async Task Damage_in_what_a_node_has_taken_has_it_take_nothing_new_for_a_repeat()
    {
        await using var node = new TargetNode();
        await node.StartAsync();
        await using var rig = new GatewayRig([node]);
        rig.Start();
        await rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(0, 4), null, default);
        await rig.DeliveredAsync();
        await rig.StopAsync();

        rig.DamageLastRecord();
        rig.Start();
        await rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(4, 1), null, default);
        await rig.DeliveredAsync();

        await node.Rig.Store.HoldsAsync("samples", 5);
    }

    [Fact]
    public async Task A_log_that_was_put_back_from_a_copy_acknowledges_nothing_that_a_node_would_take_for_repeated_also_after_a_restart()
    {
        await using var node = new TargetNode();
        await node.StartAsync();
        await using var rig = new GatewayRig([node]);
        rig.Start();
        await SendAsync(0);
        await rig.DeliveredAsync();
        await rig.StopAsync();
        rig.Copy();
        rig.Start();
        for (int request = 1; request < 20; request++)
        {
            await SendAsync(request);
        }
        await rig.DeliveredAsync();
        await rig.StopAsync();

        rig.PutBack();
        rig.Start();
        await SendAsync(20);
        await GatewayRig.UntilAsync(() => rig.Gateway.Nodes[0].Failure?.Contains("it was put back from a copy", StringComparison.Ordinal) == true);
        string first = (await Assert.ThrowsAsync<IngestUnavailableException>(() => SendAsync(21))).Message;
        await rig.StopAsync();
        rig.Start();
        string second = (await Assert.ThrowsAsync<IngestUnavailableException>(() => SendAsync(22))).Message;

        Assert.StartsWith("node node-0 has taken this log up to ", first, StringComparison.Ordinal);
        Assert.Equal(first, second);

        Task SendAsync(int request) => rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(request * 4, 4), null, default).AsTask();
    }

    [Fact]
    public async Task A_request_that_is_larger_than_nodes_take_is_refused_at_the_gateway()
    {
        await using var node = new TargetNode();
        await node.StartAsync();
        await using var rig = new GatewayRig([node]);
        rig.Start();
        byte[] large = new byte[new CollectorOptions().MaxBodyBytes + 1];

        OtlpFormatException refused = await Assert.ThrowsAsync<OtlpFormatException>(() => rig.Gateway.IngestAsync(Signal.Logs, "default", large, null, default).AsTask());

        Assert.Contains("the limit is 16777216 (limits.max_body_bytes): send smaller requests", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_malformed_slice_is_told_and_the_others_of_its_forward_are_stored()
    {
        await using var rig = new IngestRig();
        await rig.StartAsync();

        ForwardAnswer answer = await rig.Ingest.IngestForwardAsync(
            new ForwardId(Guid.NewGuid(), 0, 30),
            [
                new ForwardFrame(10, RequestKind.Metrics, "default", Gauges(1, 1)),
                new ForwardFrame(20, RequestKind.Logs, "default", new byte[] { 0x0A, 0x05, 0x01 }),
                new ForwardFrame(30, RequestKind.Metrics, "acme", Gauges(2, 1)),
            ],
            default);

        Assert.Equal((30, 2, 1), (answer.Position, answer.Accepted, answer.Rejected));
        Assert.StartsWith("a slice is malformed: ", answer.Message, StringComparison.Ordinal);
        await rig.Store.HoldsAsync("samples", 2);
    }

    [Fact]
    public async Task A_full_log_is_a_refusal_that_may_be_retried()
    {
        await using var away = new TargetNode { Decide = () => Fate.Refused };
        await away.StartAsync();
        await using var rig = new GatewayRig([away], maxLogBytes: 20_000);
        rig.Start();

        IngestUnavailableException full = await Assert.ThrowsAsync<IngestUnavailableException>(async () =>
        {
            for (int request = 0; request < 1000; request++)
            {
                await rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(request, 1), null, default);
            }
        });

        Assert.Contains("its limit is 20000", full.Message, StringComparison.Ordinal);
        await GatewayRig.UntilAsync(() => rig.Gateway.Nodes.All(node => node.Failure is not null));
        NodeStatus status = Assert.Single(rig.Gateway.Nodes);
        Assert.True(status.QueuedBytes > 0);
        Assert.StartsWith("503 ", status.Failure, StringComparison.Ordinal);
        // Room again, without a restart.
        away.Decide = () => Fate.Taken;
        await rig.DeliveredAsync();
        await TakenAsync(() => rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(5000, 1), null, default));
    }

    [Fact]
    public async Task A_node_that_is_taken_away_while_slices_wait_for_it_is_an_error_that_says_so_and_none_once_it_has_them()
    {
        await using TargetNode stays = new(), goes = new() { Decide = () => Fate.Refused };
        await stays.StartAsync();
        await goes.StartAsync();
        await using var rig = new GatewayRig([stays, goes]);
        rig.Start();
        await rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(0, 20), null, default);
        await rig.StopAsync();

        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => rig.Start(0));

        Assert.Matches("node node-1 is not among them, and \\d+ acknowledged bytes wait for it", refused.Message);
        goes.Decide = () => Fate.Taken;
        rig.Start();
        await rig.DeliveredAsync();
        await rig.StopAsync();
        rig.Start(0);
    }

    [Fact]
    public async Task A_malformed_request_is_refused_at_the_gateway()
    {
        await using var node = new TargetNode();
        await node.StartAsync();
        await using var rig = new GatewayRig([node]);
        rig.Start();

        await Assert.ThrowsAsync<OtlpFormatException>(async () => await rig.Gateway.IngestAsync(Signal.Traces, "default", new byte[] { 0x0A, 0x05, 0x01 }, null, default));
    }

    [Fact]
    public async Task A_slice_that_a_node_never_takes_is_kept_apart_and_all_others_go_on()
    {
        await using var small = new TargetNode(new CollectorOptions { MaxBodyBytes = 700 });
        small.Decide = () => Fate.Refused;
        await small.StartAsync();
        await using var rig = new GatewayRig([small]);
        rig.Start();
        byte[] large = Encode(request => request.Resource(new string('x', 1000), scope => scope.Message(2, Gauge("temperature", Number(1)))));
        await rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(0, 4), null, default);
        await rig.Gateway.IngestAsync(Signal.Metrics, "acme", large, null, default);
        await rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(4, 4), null, default);

        small.Decide = () => Fate.Taken;
        await rig.DeliveredAsync();

        await GatewayRig.UntilAsync(() => small.Rig.Store.Rows("samples") == 8);
        Assert.Equal(large, await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(rig.Refused(0), "*.pb"))));
        string why = await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(rig.Refused(0), "*.txt")));
        Assert.StartsWith("A request to /v1/metrics of tenant acme, come 20", why, StringComparison.Ordinal);
        Assert.Contains("which node node-0 never takes", why, StringComparison.Ordinal);
        Assert.Contains("413 ", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slice_that_a_node_refuses_is_sent_again_for_a_while_however_long_the_node_was_away_before()
    {
        var time = new ShiftedTime();
        int asked = 0;
        int refused = 0;
        await using var small = new TargetNode(new CollectorOptions { MaxBodyBytes = 700 }) { Decide = Away };
        await small.StartAsync();
        await using var rig = new GatewayRig([small]) { Time = time, RefusalPatience = TimeSpan.FromMinutes(15) };
        rig.Start();
        await rig.Gateway.IngestAsync(
            Signal.Metrics, "acme", Encode(request => request.Resource(new string('x', 1000), scope => scope.Message(2, Gauge("temperature", Number(1))))), null, default);

        await GatewayRig.UntilAsync(() => asked >= 2);
        time.Shift(TimeSpan.FromHours(1));
        small.Decide = Back;
        await GatewayRig.UntilAsync(() => refused >= 5);
        Assert.False(Directory.Exists(rig.Refused(0)));

        time.Shift(TimeSpan.FromMinutes(15));
        await rig.DeliveredAsync();
        Assert.Single(Directory.GetFiles(rig.Refused(0), "*.pb"));

        Fate Away()
        {
            asked++;
            return Fate.Refused;
        }

        Fate Back()
        {
            refused++;
            return Fate.Taken;
        }
    }

    [Fact]
    public async Task What_something_between_gateway_and_node_refuses_is_not_kept_apart()
    {
        int refusals = 0;
        await using var node = new TargetNode { Decide = () => refusals++ < 20 ? Fate.RefusedOnTheWay : Fate.Taken };
        await node.StartAsync();
        await using var rig = new GatewayRig([node]);
        rig.Start();

        await rig.Gateway.IngestAsync(Signal.Metrics, "default", Gauges(0, 4), null, default);
        await rig.DeliveredAsync();

        await GatewayRig.UntilAsync(() => node.Rig.Store.Rows("samples") == 4);
        Assert.False(Directory.Exists(rig.Refused(0)));
    }

    /// <summary>A clock whose timers are the system's, and whose time passes faster where a test says so.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        private long _ticks;

        public override long GetTimestamp() => base.GetTimestamp() + Volatile.Read(ref _ticks);

        public void Shift(TimeSpan by) => Interlocked.Add(ref _ticks, (long)(by.TotalSeconds * TimestampFrequency));
    }

    /// <summary>Points of different processes, each with a series of its own.</summary>
    private static byte[] Gauges(int first, int count) => Encode(request =>
    {
        for (int number = first; number < first + count; number++)
        {
            request.Resource(string.Create(CultureInfo.InvariantCulture, $"process-{number}"), scope => scope.Message(2, Gauge("temperature", Number(number))));
        }
    });

    private static async Task TakenAsync(Func<ValueTask<Otlp.Common.DecodeResult>> send)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            try
            {
                await send();
                return;
            }
            catch (IngestUnavailableException)
            {
                await Task.Delay(5, patience.Token);
            }
        }
    }
}
