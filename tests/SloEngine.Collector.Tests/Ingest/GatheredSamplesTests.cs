using SloEngine.Collector.Ingest;
using SloEngine.Storage;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>Samples that wait in memory for their insert: when it comes, who reads them meanwhile, and what is left of them when it fails or the process ends.</summary>
public sealed class GatheredSamplesTests
{
    [Fact]
    public async Task Samples_are_gathered_and_readable_and_become_one_insert_when_they_are_many_or_asked_for()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxGatheredSamples = 10, GatherTime = TimeSpan.FromHours(1) }) { Gathers = true };
        await rig.StartAsync();
        RecentSamples recent = rig.Store.Recent!;

        for (int request = 1; request <= 4; request++)
        {
            await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(request, "/a"), Number(request, "/b"))));
            await ReadableAsync(recent, 2 * request);
        }
        Assert.Equal(0, rig.Store.Rows("samples"));

        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(5, "/a"), Number(5, "/b"))));
        await rig.Store.HoldsAsync("samples", 10);
        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(6, "/a"))));
        await ReadableAsync(recent, 1);
        await ((IColumnStore)rig.Store).StoreRecentAsync();

        Assert.Equal((11, 0), (rig.Store.Rows("samples"), recent.Rows));
        Assert.Equal(2, rig.Store.Inserts.Count(static table => table == "samples"));

        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(7, "/a"))));
        await rig.Ingest.StoredAsync(TimeSpan.FromSeconds(20), default);
        Assert.Equal(12, rig.Store.Rows("samples"));
    }

    [Fact]
    public async Task Samples_go_into_the_store_after_a_while_and_whoever_asks_when_it_fails_is_not_held()
    {
        await using var rig = new IngestRig(new CollectorOptions { GatherTime = TimeSpan.FromMilliseconds(30) }) { Gathers = true };
        bool away = true;
        rig.Store.Before = table => away && table == "samples" ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1, "/a"))));
        await ReadableAsync(rig.Store.Recent!, 1);
        await ((IColumnStore)rig.Store).StoreRecentAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal((0, 1), (rig.Store.Rows("samples"), rig.Store.Recent!.Rows));

        away = false;
        await rig.Store.HoldsAsync("samples", 1);
    }

    [Fact]
    public async Task Samples_that_were_gathered_when_a_process_ended_are_stored_at_the_next_start_and_not_counted_again()
    {
        await using IngestRig rig = await EndedAmidGatheringAsync(samples: 30);

        await rig.StartAsync();

        Assert.Equal(30, rig.Store.Rows("samples"));
        Assert.Null(rig.ReplayTaps);
    }

    [Fact]
    public async Task Gathered_samples_go_into_the_store_when_the_log_has_many_bytes_of_them()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxGatheredLogBytes = 1000, GatherTime = TimeSpan.FromHours(1) }) { Gathers = true };
        await rig.StartAsync();

        for (int request = 1; rig.Store.Rows("samples") == 0; request++)
        {
            long before = rig.LogEnd;
            await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(request, "/a"))));
            Assert.InRange(request * (rig.LogEnd - before), 0, 100_000);
        }
    }

    [Fact]
    public async Task Samples_are_no_more_than_may_be_in_memory_while_the_store_does_not_take_them()
    {
        var options = new CollectorOptions { MaxGatheredSamples = 2, MaxBatchRows = 1, GatherTime = TimeSpan.FromHours(1) };
        await using var rig = new IngestRig(options) { Gathers = true };
        int tries = 0;
        var triedOften = new TaskCompletionSource();
        bool away = true;
        rig.Store.Before = table =>
        {
            if (!away || table != "samples")
            {
                return Task.CompletedTask;
            }
            if (++tries == 4)
            {
                triedOften.SetResult();
            }
            throw RecordingStore.Away;
        };
        await rig.StartAsync();
        for (int request = 0; request < 40; request++)
        {
            await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(request, "/a"))));
        }

        // Long enough for all forty batches, were there nothing to hold them.
        await triedOften.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.InRange(rig.Store.Recent!.Rows, 1, 4);

        away = false;
        await rig.Ingest.StoredAsync(TimeSpan.FromSeconds(20), default);
        Assert.Equal(40, rig.Store.Rows("samples"));
    }

    [Fact]
    public async Task Damage_in_the_log_costs_of_gathered_samples_those_of_the_damaged_segment()
    {
        await using IngestRig rig = await EndedAmidGatheringAsync(samples: 30);
        rig.DamageLog(segment: 2);

        await rig.StartAsync();
        int stored = rig.Store.Rows("samples");
        Assert.InRange(stored, 20, 29);

        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(31, "/a"))));
        await rig.Ingest.StoredAsync(TimeSpan.FromSeconds(20), default);
        Assert.Equal(stored + 1, rig.Store.Rows("samples"));
    }

    /// <summary>A collector that has ended with samples that were gathered and are not in the store, each in a segment of the log with few others.</summary>
    private static async Task<IngestRig> EndedAmidGatheringAsync(int samples)
    {
        var rig = new IngestRig(new CollectorOptions { GatherTime = TimeSpan.FromHours(1) }, segmentBytes: 700) { Gathers = true };
        bool away = false;
        rig.Store.Before = table => away && table == "samples" ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();
        for (int request = 1; request <= samples; request++)
        {
            await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(request, "/a"))));
            await ReadableAsync(rig.Store.Recent!, request);
        }
        away = true;
        await rig.StopAsync();
        Assert.Equal(0, rig.Store.Rows("samples"));
        away = false;
        return rig;
    }

    private static async Task ReadableAsync(RecentSamples recent, long samples)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (recent.Rows != samples)
        {
            await Task.Delay(1, patience.Token);
        }
    }
}
