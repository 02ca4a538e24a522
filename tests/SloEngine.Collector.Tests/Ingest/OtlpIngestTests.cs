using System.Globalization;
using System.IO.Compression;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>The way of a request into the log and from there into a store whose failures and delays the test decides.</summary>
public sealed class OtlpIngestTests
{
    [Fact]
    public async Task A_request_is_acknowledged_and_shown_to_the_taps_while_the_store_is_away_and_stored_when_it_is_back()
    {
        await using var rig = new IngestRig();
        bool away = true;
        rig.Store.Before = _ => away ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();

        DecodeResult result = await rig.SendAsync(Signal.Metrics, Request(Gauge("temperature", Number(21.5, "/a"), Number(22, "/b"))));

        Assert.Equal(2, result.Accepted);
        Assert.Empty(rig.Store.Inserts);
        away = false;
        await rig.Store.HoldsAsync("samples", 2);
        Assert.Equal([("temperature_seconds", 21.5), ("temperature_seconds", 22)], rig.Taps.Numbers);
        Assert.Equal(["series", "counts", "samples"], rig.Store.Inserts);
    }

    [Fact]
    public async Task A_store_that_fails_half_way_stores_nothing_twice()
    {
        await using var rig = new IngestRig();
        int left = 3;
        rig.Store.Before = table => table == "histograms" && left-- > 0 ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, RichMetrics());
        await rig.Store.HoldsAsync("samples", 6);

        Assert.Equal((6, 1, 1), (rig.Store.Rows("samples"), rig.Store.Rows("histograms"), rig.Store.Rows("exponential_histograms")));
        Assert.Equal(1, rig.Store.Rows("exemplars"));
        Assert.Equal(8, rig.Store.Rows("counts"));
    }

    [Fact]
    public async Task Exemplars_that_come_without_samples_are_stored()
    {
        await using var rig = new IngestRig();
        await rig.StartAsync();
        byte[] request = Encode(writer => writer.Message(1, series =>
        {
            Label(series, "__name__", "requests_total");
            series.Message(3, exemplar =>
            {
                Label(exemplar, "trace_id", "0af7651916cd43dd8448eb211c80319c");
                exemplar.Double(2, 0.5);
                exemplar.Varint(3, Time / 1_000_000);
            });
        }));

        DecodeResult result = await rig.Ingest.IngestRemoteWriteAsync(isVersion2: false, "default", request, default);

        Assert.Equal((0, 0, 1, 0), (result.Accepted, result.Rejected, result.Exemplars, result.DroppedExemplars));
        await rig.Store.HoldsAsync("exemplars", 1);
        Assert.Equal(1, rig.Store.Rows("series"));

        static void Label(ProtobufWriter writer, string name, string value) => writer.Message(1, label =>
        {
            label.Text(1, name);
            label.Text(2, value);
        });
    }

    [Fact]
    public async Task Series_met_while_a_batch_is_retried_are_saved_too()
    {
        await using var rig = new IngestRig();
        Task<DecodeResult>? second = null;
        rig.Store.Before = table =>
        {
            if (table == "samples" && second is null)
            {
                // The series of the first request are saved by now; its points fail once, and meanwhile another series is met.
                second = rig.SendAsync(Signal.Metrics, Request(Gauge("humidity", Number(40))));
                throw RecordingStore.Away;
            }
            return Task.CompletedTask;
        };
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, Request(Gauge("temperature", Number(21))));
        await rig.Store.HoldsAsync("samples", 2);

        Assert.Equal(2, rig.Store.Rows("series"));
    }

    [Fact]
    public async Task A_batch_is_full_when_the_buckets_of_its_histograms_are_as_many_bytes_as_it_may_have()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxBatchBytes = 20_000 });
        var inserting = new TaskCompletionSource();
        var insert = new TaskCompletionSource();
        rig.Store.Before = table => table == "histograms" && inserting.TrySetResult() ? insert.Task : Task.CompletedTask;
        await rig.StartAsync();
        byte[] wide = Request(OtlpBuilder.Histogram("latency", Buckets([.. Enumerable.Range(0, 999).Select(bound => (double)bound)], new ulong[1000])));

        await rig.SendAsync(Signal.Metrics, wide);
        await inserting.Task;
        for (int request = 0; request < 9; request++)
        {
            await rig.SendAsync(Signal.Metrics, wide);
        }
        insert.SetResult();
        await rig.Store.HoldsAsync("histograms", 10);

        // One alone, and of the 9 of 8,000 bytes each three at a time.
        Assert.Equal(4, rig.Store.Inserts.Count(table => table == "histograms"));
    }

    [Fact]
    public async Task Requests_beyond_the_memory_for_batches_are_read_from_the_log_again()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxBatchesInMemory = 1, MaxBatchRows = 10 });
        bool away = true;
        rig.Store.Before = _ => away ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();

        for (int request = 0; request < 50; request++)
        {
            await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(request, "/a"), Number(request, "/b"), Number(request, "/c"))));
            await rig.SendAsync(Signal.Logs, RichLogs());
            await rig.SendAsync(Signal.Traces, RichSpans());
        }
        away = false;
        await rig.Store.HoldsAsync("samples", 150);

        await rig.StopAsync();
        Assert.Equal((150, 50, 50), (rig.Store.Rows("samples"), rig.Store.Rows("logs"), rig.Store.Rows("spans")));
        Assert.Equal(250, rig.Store.Rows("counts"));
        await rig.StartAsync();
    }

    [Fact]
    public async Task Every_point_of_concurrent_requests_is_stored_and_shown_once()
    {
        const int Requests = 200;
        await using var rig = new IngestRig();
        await rig.StartAsync();

        await Parallel.ForAsync(0, Requests, async (request, _) =>
            await rig.SendAsync(Signal.Metrics, Request(Sum("requests", 2, true, [.. Enumerable.Range(0, 10).Select(point => Number((request * 10) + point, Path(point)))]))));

        await rig.Store.HoldsAsync("samples", Requests * 10);
        Assert.Equal(10, rig.Store.Rows("series"));
        Assert.Equal(Enumerable.Range(0, Requests * 10).Select(value => (double)value), rig.Taps.Numbers.Select(point => point.Value).Order());
    }

    [Fact]
    public async Task Requests_that_arrive_during_an_insert_form_the_next_batch()
    {
        await using var rig = new IngestRig();
        var inserting = new TaskCompletionSource();
        var insert = new TaskCompletionSource();
        rig.Store.Before = table => table == "spans" && inserting.TrySetResult() ? insert.Task : Task.CompletedTask;
        await rig.StartAsync();

        await rig.SendAsync(Signal.Traces, RichSpans());
        await inserting.Task;
        for (int request = 0; request < 5; request++)
        {
            await rig.SendAsync(Signal.Traces, RichSpans());
        }
        insert.SetResult();
        await rig.Store.HoldsAsync("spans", 6);

        Assert.Equal(2, rig.Store.Inserts.Count(table => table == "spans"));
    }

    /// <summary>Beyond the memory for batches, and after a restart, requests come out of the log.</summary>
    [Fact]
    public async Task Requests_lie_in_the_log_as_packed_as_they_came()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxBatchesInMemory = 1, MaxBatchRows = 10 });
        bool away = true;
        rig.Store.Before = _ => away ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();
        byte[] logs = Request(record => record.Message(5, body => body.Text(1, new string('x', 100_000))));
        byte[] write = Encode(writer => writer.Message(1, series =>
        {
            series.Message(1, label =>
            {
                label.Text(1, "__name__");
                label.Text(2, "requests_total");
            });
            series.Message(2, sample =>
            {
                sample.Double(1, 3);
                sample.Varint(2, Time / 1_000_000);
            });
        }));
        long before = rig.LogEnd;

        for (int request = 0; request < 20; request++)
        {
            await rig.Ingest.IngestAsync(Signal.Logs, "default", Packed(logs, Gzip(logs), RequestPacking.Gzip), null, default);
            await rig.Ingest.IngestRemoteWriteAsync(isVersion2: false, "default", Packed(write, IronSnappy.Snappy.Encode(write), RequestPacking.Snappy), default);
        }
        Assert.True(rig.LogEnd - before < 100_000, $"{rig.LogEnd - before} bytes");
        away = false;
        await rig.Store.HoldsAsync("logs", 20);
        await rig.Store.HoldsAsync("samples", 20);

        away = true;
        await rig.Ingest.IngestAsync(Signal.Logs, "default", Packed(logs, Gzip(logs), RequestPacking.Gzip), null, default);
        await rig.StopAsync();
        away = false;
        await rig.StartAsync();
        Assert.Equal((21, 20), (rig.Store.Rows("logs"), rig.Store.Rows("samples")));

        static RequestBytes Packed(byte[] plain, byte[] packed, RequestPacking packing) => new(plain) { Packed = packed, Packing = packing };

        static byte[] Gzip(byte[] plain)
        {
            var packed = new MemoryStream();
            using (var stream = new GZipStream(packed, CompressionLevel.Optimal))
            {
                stream.Write(plain);
            }
            return packed.ToArray();
        }
    }

    [Fact]
    public async Task A_full_log_makes_senders_retry_and_takes_data_again_when_the_store_is_back()
    {
        await using var rig = new IngestRig(segmentBytes: 2000, maxLogBytes: 8000);
        bool away = true;
        rig.Store.Before = _ => away ? throw RecordingStore.Away : Task.CompletedTask;
        await rig.StartAsync();
        int accepted = 0;
        IngestUnavailableException? refused = null;
        while (refused is null)
        {
            try
            {
                await rig.SendAsync(Signal.Logs, RichLogs());
                accepted++;
            }
            catch (IngestUnavailableException full)
            {
                refused = full;
            }
        }
        Assert.Contains("8000", refused.Message, StringComparison.Ordinal);

        away = false;
        await rig.Store.HoldsAsync("logs", accepted);
        int later = 0;
        while (later < 20)
        {
            try
            {
                await rig.SendAsync(Signal.Logs, RichLogs());
                later++;
                await rig.Store.HoldsAsync("logs", accepted + later);
            }
            catch (IngestUnavailableException)
            {
                // The log is trimmed a batch later.
                await Task.Delay(5);
            }
        }

        Assert.Equal(accepted + 20, rig.Store.Rows("logs"));
    }

    [Fact]
    public async Task A_request_that_breaks_off_leaves_nothing_of_itself()
    {
        await using var rig = new IngestRig();
        await rig.StartAsync();

        var malformed = await Assert.ThrowsAsync<OtlpFormatException>(() => rig.SendAsync(Signal.Metrics, RichMetrics()[..^3]));

        Assert.NotEmpty(malformed.Message);
        Assert.Equal(0, rig.Log.Bytes);
        Assert.Empty(rig.Taps.Numbers);
    }

    [Fact]
    public async Task A_request_of_too_many_items_is_refused_for_good_and_leaves_nothing()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxItemsPerRequest = 2 });
        await rig.StartAsync();

        var refused = await Assert.ThrowsAsync<OtlpFormatException>(() => rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1, "/a"), Number(2, "/b"), Number(3, "/c")))));
        DecodeResult two = await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1, "/a"), Number(2, "/b"))));

        Assert.Equal("the request has 3 items; the limit is 2 (limits.max_items_per_request): send smaller requests", refused.Message);
        Assert.Equal(2, two.Accepted);
        await rig.Ingest.StoredAsync(TimeSpan.FromSeconds(20), default);
        Assert.Equal(2, rig.Store.Rows("samples"));
    }

    [Fact]
    public async Task Series_over_the_limit_are_rejected_and_known_ones_go_on()
    {
        await using var rig = new IngestRig(new CollectorOptions { Limits = new TenantLimits { MaxActiveSeries = 2 } });
        await rig.StartAsync();

        DecodeResult result = await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1, "/a"), Number(2, "/b"), Number(3, "/c"))));
        DecodeResult again = await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(4, "/a"))));
        DecodeResult other = await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(5, "/c"))), "another");

        Assert.Equal((2, 1), (result.Accepted, result.Rejected));
        Assert.Contains("limit of 2 active series", result.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal((1, 0), (again.Accepted, again.Rejected));
        Assert.Equal((1, 0), (other.Accepted, other.Rejected));
    }

    [Fact]
    public async Task Taps_follow_when_what_is_listened_to_changes()
    {
        await using var rig = new IngestRig();
        rig.Taps.ListensToSeries = false;
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1))));
        await rig.Store.HoldsAsync("samples", 1);
        rig.Taps.ListensToSeries = true;
        rig.Taps.RaiseChanged();
        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(2))));
        await rig.Store.HoldsAsync("samples", 2);

        Assert.Equal([("load_seconds", 2)], rig.Taps.Numbers);
    }

    [Fact]
    public async Task The_end_of_a_histogram_is_stored_and_shown_to_no_indicator_as_a_count_of_none()
    {
        await using var rig = new IngestRig();
        rig.Taps.ListensToSeries = true;
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, Request(OtlpBuilder.Histogram("latency", Buckets([1], 1, 2), point =>
        {
            point.Fixed64(3, Time + 1);
            point.Bytes(6, Words(0, 0));
            point.Bytes(7, System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>([1]));
            point.Varint(10, 1);
        })));
        await rig.Store.HoldsAsync("histograms", 2);

        Assert.Equal(3UL, Assert.Single(rig.Taps.Histograms).Count);
    }

    [Fact]
    public async Task A_series_that_stops_while_its_points_wait_for_the_store_is_stored_under_its_name_and_described_again_when_it_is_back()
    {
        await using var rig = new IngestRig(new CollectorOptions { SeriesIdle = TimeSpan.FromMilliseconds(100) });
        var back = new TaskCompletionSource();
        rig.Store.Before = table => table == "samples" ? back.Task : Task.CompletedTask;
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1, "/a"))));
        await Task.Delay(400);
        back.SetResult();
        await rig.Store.HoldsAsync("samples", 1);
        for (int wait = 0; rig.Ingest.ActiveSeries > 0 && wait < 100; wait++)
        {
            await Task.Delay(50);
        }
        Assert.Equal(0, rig.Ingest.ActiveSeries);
        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(2, "/a"))));
        await rig.Store.HoldsAsync("samples", 2);

        Assert.Equal(2, rig.Store.Rows("series"));
    }

    private static string Path(int point) => string.Create(CultureInfo.InvariantCulture, $"/{point}");
}
