using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Tests.Expiry;
using SloEngine.Otlp.Common;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>What a tenant is refused, while others are served.</summary>
[Collection(MemoryCollection.Name)]
public sealed class TenantLimitTests
{
    [Fact]
    public void A_rate_lets_a_burst_through_and_then_as_much_as_time_brings()
    {
        var clock = new ManualClock();
        var rate = new RateLimit(new TenantLimits { BytesPerSecond = 100, BurstBytes = 300 }, clock);

        Assert.True(rate.TryTake(200, out _));
        Assert.True(rate.TryTake(200, out _));
        Assert.False(rate.TryTake(50, out TimeSpan retryAfter));
        Assert.Equal(TimeSpan.FromSeconds(1.5), retryAfter);
        clock.Pass(retryAfter);
        Assert.True(rate.TryTake(50, out _));
        clock.Pass(TimeSpan.FromHours(1));
        Assert.True(rate.IsFull);
    }

    [Fact]
    public void A_request_larger_than_the_burst_passes_and_is_paid_for_by_those_after_it()
    {
        var clock = new ManualClock();
        var rate = new RateLimit(new TenantLimits { BytesPerSecond = 100 }, clock);

        Assert.True(rate.TryTake(10_000, out _));
        clock.Pass(TimeSpan.FromSeconds(97));
        Assert.False(rate.TryTake(1, out _));
        clock.Pass(TimeSpan.FromSeconds(2));
        Assert.True(rate.TryTake(1, out _));
    }

    [Fact]
    public async Task A_tenant_is_not_charged_for_what_the_log_refuses()
    {
        await using var rig = new IngestRig(
            new CollectorOptions { Tenants = new Dictionary<string, TenantLimits> { ["loud"] = new() { BytesPerSecond = 1, BurstBytes = 1 } } }, segmentBytes: 700, maxLogBytes: 2000);
        rig.Store.Before = _ => throw RecordingStore.Away;
        await rig.StartAsync();
        await Assert.ThrowsAsync<IngestUnavailableException>(async () =>
        {
            while (true)
            {
                await rig.SendAsync(Signal.Logs, RichLogs());
            }
        });

        string[] reasons = [await RefusalAsync(), await RefusalAsync()];

        Assert.Equal(["log", "log"], reasons);

        async Task<string> RefusalAsync() => (await Assert.ThrowsAsync<IngestUnavailableException>(() => rig.SendAsync(Signal.Logs, RichLogs(), "loud"))).Reason;
    }

    [Fact]
    public async Task A_tenant_over_its_rate_is_to_come_again_and_the_others_are_served()
    {
        await using var rig = new IngestRig(new CollectorOptions
        {
            Tenants = new Dictionary<string, TenantLimits> { ["loud"] = new() { BytesPerSecond = 10, BurstBytes = 1 } },
        });
        await rig.StartAsync();

        await rig.SendAsync(Signal.Logs, RichLogs(), "loud");
        var refused = await Assert.ThrowsAsync<IngestUnavailableException>(() => rig.SendAsync(Signal.Logs, RichLogs(), "loud"));

        Assert.True(refused.IsTenantLimit);
        Assert.InRange(refused.RetryAfter.TotalSeconds, 1, 1000);
        for (int request = 0; request < 10; request++)
        {
            Assert.Equal(1, (await rig.SendAsync(Signal.Logs, RichLogs())).Accepted);
        }
    }

    [Fact]
    public async Task Rejected_points_are_counted_by_tenant_and_reason()
    {
        await using var rig = new IngestRig(new CollectorOptions
        {
            Tenants = new Dictionary<string, TenantLimits> { ["small"] = new() { MaxActiveSeries = 1, MaxLabelValueLength = 20 } },
        });
        await rig.StartAsync();
        var counted = new ConcurrentQueue<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "sloengine.collector.rejected_items")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, items, tags, _) =>
        {
            string text = string.Join(' ', tags.ToArray().Select(tag => tag.Value));
            if (text.Contains("small", StringComparison.Ordinal))
            {
                counted.Enqueue($"{items} {text}");
            }
        });
        listener.Start();

        DecodeResult result = await rig.SendAsync(
            Signal.Metrics, Request(Gauge("load", Number(1, "/a"), Number(2, "/b"), Number(3, "/c"), Number(4, "/" + new string('x', 30)))), "small");

        Assert.Equal((1, 3), (result.Accepted, result.Rejected));
        Assert.Equal(["2 metrics small series_limit", "1 metrics small label_limit"], counted);
    }

    [Fact]
    public async Task Endless_names_of_tenants_leave_nothing_behind()
    {
        await using var rig = new IngestRig();
        await rig.StartAsync();
        long before = 0;
        for (int tenant = 0; tenant < 60_000; tenant++)
        {
            await rig.SendAsync(Signal.Metrics, [], $"tenant-{tenant}");
            await rig.SendAsync(Signal.Logs, [], $"tenant-{tenant}");
            before = tenant == 10_000 ? GC.GetTotalMemory(forceFullCollection: true) : before;
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 8 << 20);
    }

    [Fact]
    public async Task Whoever_waits_for_the_store_is_told_when_it_has_what_was_acknowledged_or_that_it_has_not()
    {
        await using var rig = new IngestRig();
        var away = new TaskCompletionSource();
        await rig.StartAsync();
        rig.Store.Before = table => table == "logs" ? away.Task : Task.CompletedTask;
        await rig.SendAsync(Signal.Logs, RichLogs());

        await Assert.ThrowsAsync<TimeoutException>(() => rig.Ingest.StoredAsync(TimeSpan.FromMilliseconds(50), default));
        Task stored = rig.Ingest.StoredAsync(TimeSpan.FromSeconds(20), default);
        Assert.False(stored.IsCompleted);
        away.SetResult();
        await stored;

        Assert.Equal(1, rig.Store.Rows("logs"));
    }

    [Fact]
    public void Tenants_beyond_the_named_ones_are_counted_together()
    {
        var tags = new TenantTags(new CollectorOptions { Tenants = new Dictionary<string, TenantLimits> { ["known"] = new() } });

        HashSet<object?> names = [.. Enumerable.Range(0, 5000).Select(tenant => tags.Of($"t{tenant}").Value)];

        Assert.Equal(201, names.Count);
        Assert.Equal("known", tags.Of("known").Value);
        Assert.Equal(TenantTags.Others, tags.Of("t4999").Value);
    }
}
