using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Storage;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>The way of a request, over a store whose failures and delays the test decides.</summary>
public sealed class OtlpIngestTests : IAsyncDisposable
{
    private static readonly StoreException Down = new(210, "the store is away");

    private readonly RecordingStore _store = new();
    private readonly RecordingTaps _taps = new();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task Series_and_points_are_in_the_store_and_the_taps_have_seen_them_before_the_acknowledgement()
    {
        var committing = new TaskCompletionSource();
        var commit = new TaskCompletionSource();
        _taps.OnCommit = () =>
        {
            committing.SetResult();
            return commit.Task;
        };
        await using OtlpIngest ingest = Start();

        Task<DecodeResult> request = Send(ingest, Signal.Metrics, Request(Gauge("temperature", Number(21.5, "/a"), Number(22, "/b"))));
        await committing.Task;

        Assert.False(request.IsCompleted);
        Assert.Equal(["series", "samples"], _store.Inserts);
        Assert.Equal([("temperature_seconds", 21.5), ("temperature_seconds", 22)], _taps.Numbers);
        commit.SetResult();
        Assert.Equal(2, (await request).Accepted);
    }

    [Fact]
    public async Task A_store_that_fails_for_a_moment_costs_the_sender_nothing_and_stores_nothing_twice()
    {
        int left = 2;
        _store.Before = table => table == "histograms" && left-- > 0 ? throw Down : Task.CompletedTask;
        await using OtlpIngest ingest = Start();

        await Send(ingest, Signal.Metrics, RichMetrics());

        Assert.Equal((6, 1, 1), (_store.Rows("samples"), _store.Rows("histograms"), _store.Rows("exponential_histograms")));
        Assert.Equal(6, _taps.Numbers.Count);
        Assert.Equal(2, _taps.Histograms.Count);
    }

    [Fact]
    public async Task Series_met_while_a_flush_is_retried_are_saved_too()
    {
        OtlpIngest ingest = null!;
        Task<DecodeResult>? second = null;
        _store.Before = table =>
        {
            if (table == "samples" && second is null)
            {
                // The series of the first request are saved by now; its points fail once, and meanwhile another series is met.
                second = Send(ingest, Signal.Metrics, Request(Gauge("humidity", Number(40))));
                throw Down;
            }
            return Task.CompletedTask;
        };
        await using OtlpIngest owned = ingest = Start();

        await Send(ingest, Signal.Metrics, Request(Gauge("temperature", Number(21))));
        await second!;

        Assert.Equal(2, _store.Rows("series"));
        Assert.Equal(2, _store.Rows("samples"));
    }

    [Fact]
    public async Task A_store_that_stays_away_makes_senders_retry_and_takes_data_again_when_it_is_back()
    {
        bool away = true;
        _store.Before = _ => away ? throw Down : Task.CompletedTask;
        await using OtlpIngest ingest = Start(new CollectorOptions { HoldTime = TimeSpan.FromMilliseconds(1), RetryAfter = TimeSpan.FromSeconds(7) });

        var refused = await Assert.ThrowsAsync<IngestUnavailableException>(() => Send(ingest, Signal.Metrics, RichMetrics()));
        away = false;
        await Send(ingest, Signal.Metrics, RichMetrics());

        Assert.Equal(TimeSpan.FromSeconds(7), refused.RetryAfter);
        Assert.Contains("the store is away", refused.Message, StringComparison.Ordinal);
        Assert.Equal((6, 1, 1), (_store.Rows("samples"), _store.Rows("histograms"), _store.Rows("exponential_histograms")));
        Assert.Equal(8, _store.Rows("series"));
        Assert.Equal(6, _taps.Numbers.Count);
    }

    [Fact]
    public async Task A_log_is_not_acknowledged_while_the_span_before_it_is_still_saving_their_resource()
    {
        var saving = new TaskCompletionSource();
        var save = new TaskCompletionSource();
        int saves = 0;
        _store.Before = table =>
        {
            if (table != "resources" || Interlocked.Increment(ref saves) > 1)
            {
                return Task.CompletedTask;
            }
            saving.SetResult();
            return save.Task;
        };
        await using OtlpIngest ingest = Start();

        Task<DecodeResult> spans = Send(ingest, Signal.Traces, RichSpans());
        await saving.Task;
        Task<DecodeResult> logs = Send(ingest, Signal.Logs, RichLogs());
        await using OtlpIngest other = Start();
        await Send(other, Signal.Logs, RichLogs());

        // The other collector has come all the way to the store; this one waits for the resource.
        Assert.False(logs.IsCompleted);
        save.SetResult();
        await Task.WhenAll(spans, logs);
        Assert.Equal((1, 2), (_taps.Spans, _taps.Logs));
    }

    [Fact]
    public async Task Every_point_of_concurrent_requests_is_stored_and_shown_once()
    {
        const int Requests = 200;
        await using OtlpIngest ingest = Start();

        await Parallel.ForAsync(0, Requests, async (request, _) =>
            await Send(ingest, Signal.Metrics, Request(Sum("requests", 2, true, [.. Enumerable.Range(0, 10).Select(point => Number((request * 10) + point, Path(point)))]))));

        Assert.Equal(Requests * 10, _store.Rows("samples"));
        Assert.Equal(10, _store.Rows("series"));
        Assert.Equal(Enumerable.Range(0, Requests * 10).Select(value => (double)value), _taps.Numbers.Select(point => point.Value).Order());
    }

    [Fact]
    public async Task Requests_that_arrive_during_a_flush_form_the_next_one()
    {
        var flushing = new TaskCompletionSource();
        var flush = new TaskCompletionSource();
        _store.Before = table =>
        {
            if (table != "spans" || !flushing.TrySetResult())
            {
                return Task.CompletedTask;
            }
            return flush.Task;
        };
        await using OtlpIngest ingest = Start();

        Task first = Send(ingest, Signal.Traces, RichSpans());
        await flushing.Task;
        Task[] others = [.. Enumerable.Range(0, 5).Select(_ => Send(ingest, Signal.Traces, RichSpans()))];
        flush.SetResult();
        await Task.WhenAll([first, .. others]);

        Assert.Equal(["resources", "spans", "spans"], _store.Inserts);
        Assert.Equal(6, _store.Rows("spans"));
    }

    [Fact]
    public async Task Stopping_stores_what_was_handed_over_and_asks_later_senders_to_retry()
    {
        var flushing = new TaskCompletionSource();
        var flush = new TaskCompletionSource();
        _store.Before = table =>
        {
            flushing.TrySetResult();
            return flush.Task;
        };
        OtlpIngest ingest = Start();

        Task[] handedOver = [Send(ingest, Signal.Logs, RichLogs()), Send(ingest, Signal.Metrics, RichMetrics())];
        await flushing.Task;
        Task stopping = ingest.DisposeAsync().AsTask();
        flush.SetResult();
        await stopping;
        await Task.WhenAll(handedOver);

        Assert.Equal((1, 6), (_store.Rows("logs"), _store.Rows("samples")));
        await Assert.ThrowsAsync<IngestUnavailableException>(() => Send(ingest, Signal.Logs, RichLogs()));
    }

    [Fact]
    public async Task A_request_that_breaks_off_stores_nothing_of_itself()
    {
        await using OtlpIngest ingest = Start();

        var malformed = await Assert.ThrowsAsync<OtlpFormatException>(() => Send(ingest, Signal.Metrics, RichMetrics()[..^3]));

        Assert.NotEmpty(malformed.Message);
        Assert.Empty(_store.Inserts);
        Assert.Empty(_taps.Numbers);
    }

    [Fact]
    public async Task Series_over_the_limit_are_rejected_and_known_ones_go_on()
    {
        await using OtlpIngest ingest = Start(new CollectorOptions { MaxActiveSeries = 2 });

        DecodeResult result = await Send(ingest, Signal.Metrics, Request(Gauge("load", Number(1, "/a"), Number(2, "/b"), Number(3, "/c"))));
        DecodeResult again = await Send(ingest, Signal.Metrics, Request(Gauge("load", Number(4, "/a"))));
        DecodeResult other = await ingest.IngestAsync(Signal.Metrics, "another", Request(Gauge("load", Number(5, "/c"))), default);

        Assert.Equal((2, 1), (result.Accepted, result.Rejected));
        Assert.Contains("limit of 2 active series", result.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal((1, 0), (again.Accepted, again.Rejected));
        Assert.Equal((1, 0), (other.Accepted, other.Rejected));
    }

    [Fact]
    public async Task Taps_follow_when_what_is_listened_to_changes()
    {
        _taps.ListensToSeries = false;
        await using OtlpIngest ingest = Start();

        await Send(ingest, Signal.Metrics, Request(Gauge("load", Number(1))));
        _taps.ListensToSeries = true;
        _taps.RaiseChanged();
        await Send(ingest, Signal.Metrics, Request(Gauge("load", Number(2))));

        Assert.Equal([("load_seconds", 2)], _taps.Numbers);
    }

    [Fact]
    public async Task Target_info_comes_with_every_kind_of_point_once_a_while()
    {
        await using OtlpIngest ingest = Start();

        await Send(ingest, Signal.Metrics, OnHost("a", OtlpBuilder.Histogram("latency", Buckets([1], 1, 2))));
        await Send(ingest, Signal.Metrics, OnHost("a", OtlpBuilder.Histogram("latency", Buckets([1], 1, 2))));

        Assert.Equal([("target_info", 1)], _taps.Numbers);
        Assert.Equal(1, _store.Rows("samples"));
    }

    [Fact]
    public async Task Target_info_recovers_from_a_point_of_a_clock_far_ahead()
    {
        await using OtlpIngest ingest = Start();

        await Send(ingest, Signal.Metrics, OnHost("a", Gauge("load", At(Time + 1_000_000_000_000_000_000))));
        await Send(ingest, Signal.Metrics, OnHost("a", Gauge("load", At(Time))));

        Assert.Equal(2, _taps.Numbers.Count(point => point.Metric == "target_info"));
    }

    [Fact]
    public async Task Target_info_that_did_not_come_into_the_store_is_written_again()
    {
        bool away = true;
        _store.Before = _ => away ? throw Down : Task.CompletedTask;
        await using OtlpIngest ingest = Start(new CollectorOptions { HoldTime = TimeSpan.FromMilliseconds(1) });

        await Assert.ThrowsAsync<IngestUnavailableException>(() => Send(ingest, Signal.Metrics, OnHost("a", Gauge("load", At(Time)))));
        away = false;
        await Send(ingest, Signal.Metrics, OnHost("a", Gauge("load", At(Time))));

        Assert.Contains(("target_info", 1), _taps.Numbers);
    }

    [Fact]
    public async Task Target_info_follows_a_resource_whose_series_stay_the_same()
    {
        await using OtlpIngest ingest = Start();

        await Send(ingest, Signal.Metrics, OnHost("a", Gauge("load", At(Time))));
        await Send(ingest, Signal.Metrics, OnHost("b", Gauge("load", At(Time))));

        Assert.Equal(2, _taps.Numbers.Count(point => point.Metric == "target_info"));
        Assert.Single(_taps.Series, series => series.Metric == "load_seconds");
    }

    private OtlpIngest Start(CollectorOptions? options = null) =>
        new(_store, _taps, options ?? new CollectorOptions(), TimeProvider.System, NullLogger<OtlpIngest>.Instance);

    private static async Task<DecodeResult> Send(OtlpIngest ingest, Signal signal, byte[] request) =>
        await ingest.IngestAsync(signal, "default", request, default);

    private static string Path(int point) => string.Create(CultureInfo.InvariantCulture, $"/{point}");

    private static Action<ProtobufWriter> At(ulong time) => point =>
    {
        point.Fixed64(3, time);
        point.Double(4, 1);
    };

    /// <summary>A request of a service on a host, which is no label of its series.</summary>
    private static byte[] OnHost(string host, Action<ProtobufWriter> metric) => Encode(request => request.Message(1, resource =>
    {
        resource.Message(1, attributes =>
        {
            attributes.Attribute(1, "service.name", "shop");
            attributes.Attribute(1, "host.id", host);
        });
        resource.Message(2, scope => scope.Message(2, metric));
    }));
}
