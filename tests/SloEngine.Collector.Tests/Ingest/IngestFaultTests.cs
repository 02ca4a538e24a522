using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Storage;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>What becomes of acknowledged requests over restarts, crashes, damage, and faults of the store and of our own.</summary>
public sealed class IngestFaultTests
{
    [Fact]
    public async Task A_restart_stores_what_the_store_did_not_take_before_and_a_second_one_has_nothing_to_do()
    {
        await using var rig = new IngestRig();
        rig.Store.Before = _ => throw RecordingStore.Away;
        await rig.StartAsync();
        await rig.SendAsync(Signal.Metrics, RichMetrics());
        await rig.SendAsync(Signal.Logs, RichLogs(), "another");
        await rig.StopAsync();
        await Assert.ThrowsAsync<IngestUnavailableException>(() => rig.SendAsync(Signal.Logs, RichLogs()));

        rig.Store.Before = _ => Task.CompletedTask;
        await rig.StartAsync();
        Assert.Equal((6, 1, 9), (rig.Store.Rows("samples"), rig.Store.Rows("logs"), rig.Store.Rows("counts")));
        int inserts = rig.Store.Inserts.Length;
        await rig.StopAsync();
        await rig.StartAsync();

        Assert.Equal(inserts, rig.Store.Inserts.Length);
    }

    [Fact]
    public async Task A_fault_of_our_own_in_an_insert_is_tried_again_and_does_not_end_inserting()
    {
        await using var rig = new IngestRig();
        int left = 2;
        rig.Store.Before = table => table == "samples" && left-- > 0 ? throw new InvalidOperationException("a fault") : Task.CompletedTask;
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, RichMetrics());
        await rig.Store.HoldsAsync("samples", 6);
        await rig.SendAsync(Signal.Logs, RichLogs());
        await rig.Store.HoldsAsync("logs", 1);
    }

    [Fact]
    public async Task Damage_in_the_log_while_the_store_is_away_costs_the_damaged_segment_and_no_more()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxBatchesInMemory = 1, MaxBatchRows = 4 }, segmentBytes: 700);
        bool away = true;
        rig.Store.Before = _ => away ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();
        for (int request = 0; request < 40; request++)
        {
            await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(request, "/a"))));
        }
        await rig.SendAsync(Signal.Traces, RichSpans());

        rig.DamageLog(segment: 5);
        away = false;
        await rig.Ingest.StoredAsync(TimeSpan.FromSeconds(20), default);

        Assert.Equal(1, rig.Store.Rows("spans"));
        Assert.InRange(rig.Store.Rows("samples"), 30, 39);
    }

    [Fact]
    public async Task A_restart_stores_what_a_tenant_at_its_limit_was_told_is_kept()
    {
        await using var rig = new IngestRig(new CollectorOptions { Limits = new TenantLimits { MaxActiveSeries = 2 } });
        await rig.StartAsync();
        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1, "/a"), Number(2, "/b"))));
        await rig.Store.HoldsAsync("samples", 2);
        rig.Store.Before = _ => throw RecordingStore.Away;
        // Of the new series none fits, of the known ones both do; replayed alone, the first two would.
        DecodeResult result = await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(3, "/c"), Number(4, "/d"), Number(5, "/a"), Number(6, "/b"))));
        Assert.Equal((2, 2), (result.Accepted, result.Rejected));
        await rig.StopAsync();

        rig.Store.Before = _ => Task.CompletedTask;
        await rig.StartAsync();

        // The two from before and the two that were acknowledged.
        Assert.Equal(4, rig.Store.Rows("samples"));
    }

    [Fact]
    public async Task Points_before_what_is_kept_and_ahead_of_the_clock_are_rejected_and_stay_so_after_a_restart()
    {
        var options = new CollectorOptions { MaxFuture = TimeSpan.FromHours(1), Retention = new Dictionary<Signal, TimeSpan> { [Signal.Metrics] = TimeSpan.FromDays(1) } };
        await using var rig = new IngestRig(options);
        rig.Store.Before = _ => throw RecordingStore.Away;
        await rig.StartAsync();

        DecodeResult result = await rig.SendAsync(Signal.Metrics, Request(Gauge("load", In(-3), In(0), In(0.2))));
        DecodeResult logs = await rig.SendAsync(Signal.Logs, RichLogs());
        await rig.StopAsync();
        rig.Store.Before = _ => Task.CompletedTask;
        rig.Options = rig.Options with { MaxFuture = null, Retention = new Dictionary<Signal, TimeSpan>() };
        await rig.StartAsync();

        Assert.Equal((1, 2), (result.Accepted, result.Rejected));
        Assert.StartsWith("resource_metrics[0].scope_metrics[0].metrics[0].data_points[0]: time_unix_nano is ", result.ErrorMessage, StringComparison.Ordinal);
        Assert.EndsWith(" is kept (retention)", result.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal((1, 1), (rig.Store.Rows("samples"), rig.Store.Rows("logs")));
        Assert.Equal((1, 0), (logs.Accepted, logs.Rejected));

        static Action<ProtobufWriter> In(double days) => At((ulong)(DateTimeOffset.UtcNow.AddDays(days) - DateTimeOffset.UnixEpoch).Ticks * 100);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_that_the_store_never_takes_are_kept_apart_and_all_others_are_stored_once_whenever_the_process_ends(bool isFaultOfOurs)
    {
        const int Requests = 20;
        for (int crashAfter = 0; crashAfter < 16; crashAfter += 3)
        {
            await using var rig = new IngestRig(new CollectorOptions { RefusalPatience = TimeSpan.Zero });
            int inserts = 0;
            bool away = true;
            rig.Store.Before = table => away || (table == "logs" && inserts++ == crashAfter) ? throw RecordingStore.Away : Task.CompletedTask;
            rig.Store.Check = block =>
            {
                if (block.Table == "logs" && block.Data.Span.IndexOf("poison"u8) >= 0)
                {
                    throw isFaultOfOurs ? new InvalidOperationException("a fault") : new StoreException(117, "incorrect data");
                }
            };
            await rig.StartAsync();
            for (int request = 0; request < Requests; request++)
            {
                await rig.SendAsync(Signal.Logs, Log(request));
                await rig.SendAsync(Signal.Traces, RichSpans());
            }
            string refused = System.IO.Path.Combine(rig.Log.Directory, "refused");
            await rig.StopAsync();

            // All of them are one batch now.
            away = false;
            using (var ending = new CancellationTokenSource())
            {
                Func<string, Task> before = rig.Store.Before;
                rig.Store.Before = async table =>
                {
                    try
                    {
                        await before(table);
                    }
                    catch (StoreException)
                    {
                        await ending.CancelAsync();
                        throw;
                    }
                };
                await Record.ExceptionAsync(() => rig.StartAsync(ending.Token));
            }
            rig.Store.Before = _ => Task.CompletedTask;
            await rig.StartAsync();

            Assert.Equal((Requests - 2, Requests), (rig.Store.Rows("logs"), rig.Store.Rows("spans")));
            string[] kept = [.. Directory.GetFiles(refused, "*.pb").Order(StringComparer.Ordinal)];
            Assert.Equal([Log(3), Log(17)], await Task.WhenAll(kept.Select(file => File.ReadAllBytesAsync(file))));
            Assert.Contains("A request to /v1/logs of tenant default, come ", await File.ReadAllTextAsync(System.IO.Path.ChangeExtension(kept[0], ".txt")), StringComparison.Ordinal);
        }

        static byte[] Log(int request) => Request(record =>
        {
            record.Fixed64(1, Time);
            record.Message(5, value => value.Text(1, request is 3 or 17 ? $"poison {request}" : $"line {request}"));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_crash_at_any_insert_loses_nothing_and_stores_nothing_twice(bool gathers)
    {
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var options = new CollectorOptions
            {
                MaxBatchesInMemory = 1 + (seed % 3), MaxBatchRows = 15, MaxGatheredSamples = 1 + random.Next(40), GatherTime = TimeSpan.FromMilliseconds(random.Next(50)),
            };
            await using var rig = new IngestRig(options, segmentBytes: 700) { Gathers = gathers };
            int points = 0;
            int exemplars = 0;
            int logs = 0;
            for (int process = 0; process < 4; process++)
            {
                // From some insert on, this process reaches the store no more; the last one it tried may have been done.
                int inserts = random.Next(1, 12);
                bool done = random.Next(2) == 0;
                rig.Store.Before = _ => Volatile.Read(ref inserts) < (done ? 0 : 1) ? throw RecordingStore.Away : Task.CompletedTask;
                rig.Store.After = _ => Interlocked.Decrement(ref inserts) < 0 ? throw RecordingStore.Away : Task.CompletedTask;
                using var crash = new CancellationTokenSource();
                Task start = rig.StartAsync(crash.Token);
                while (!start.IsCompleted)
                {
                    if (Volatile.Read(ref inserts) < 1)
                    {
                        await crash.CancelAsync();
                    }
                    await Task.WhenAny(start, Task.Delay(1));
                }
                if (start.IsCanceled)
                {
                    continue;
                }
                await start;
                int requests = random.Next(1, 15);
                for (int request = 0; request < requests; request++)
                {
                    DecodeResult metrics = await rig.SendAsync(
                        Signal.Metrics, Request(Gauge("load", Number(request, "/a"), With(5, Number(request, "/b"), Exemplar(request, TraceId, SpanId)))));
                    points += metrics.Accepted;
                    exemplars += metrics.Exemplars;
                    logs += (await rig.SendAsync(Signal.Logs, RichLogs())).Accepted;
                }
                if (random.Next(2) == 0)
                {
                    await Task.Yield();
                }
                await rig.StopAsync();
            }
            rig.Store.Before = rig.Store.After = _ => Task.CompletedTask;
            await rig.StartAsync();

            Assert.Equal((seed, points, logs, points + logs), (seed, rig.Store.Rows("samples"), rig.Store.Rows("logs"), rig.Store.Rows("counts")));
            Assert.Equal((seed, exemplars), (seed, rig.Store.Rows("exemplars")));
        }
    }
}
