using SloEngine.Collector.Expiry;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Expiry;

/// <summary>Series and resources that stop leave the indexes, and their slots are reused when nothing refers to them any more.</summary>
public sealed class IdleExpiryTests : IDisposable
{
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(30);

    private readonly ManualClock _clock = new();
    private readonly ReferenceLeases _leases = new();
    private readonly RecordingTaps _taps = new(new RecordingStore());
    private readonly CollectorOptions _options = new() { SeriesIdle = Idle, Limits = new TenantLimits { MaxActiveSeries = 3 } };
    private readonly SeriesIndex _series;
    private readonly ResourceIndex _resources;
    private readonly TapListeners _listeners;
    private readonly BatchQueue _batches;
    private readonly IdleExpiry _expiry;

    public IdleExpiryTests()
    {
        _series = new SeriesIndex(_options, _taps, _clock);
        _resources = new ResourceIndex(_options, _clock);
        _listeners = new TapListeners(_series, _resources, _taps);
        _batches = new BatchQueue(_options, _series, _resources, _taps, _leases, _clock, StoreSelection.All, null);
        _expiry = new IdleExpiry(_options, _series, _resources, _batches, _leases, _clock);
    }

    [Fact]
    public void A_series_that_stops_makes_room_for_another_and_those_that_go_on_stay()
    {
        int[] before = Send("/a", "/b", "/c");
        Assert.Equal(-1, Send("/d").Single());

        _clock.Pass(Idle / 2);
        Send("/a", "/b");
        _clock.Pass(Idle * 0.6);
        _expiry.Sweep();

        Assert.Equal(2, _series.Count);
        Assert.True(Send("/d").Single() >= 0);
        Assert.Equal(before[..2], Send("/a", "/b"));
        Assert.Equal(-1, Send("/c").Single());
    }

    [Fact]
    public void A_series_that_comes_back_is_described_to_the_store_again()
    {
        Send("/a");
        Assert.Single(_series.TakeUnsaved());
        Send("/a");
        Assert.Empty(_series.TakeUnsaved());

        Expire();
        Expire();
        Expire();
        Send("/a");

        Assert.Equal("load_seconds", Assert.Single(_series.TakeUnsaved()).Metric);
        Assert.Equal(2, _taps.Series.Count);
    }

    [Fact]
    public void Series_that_go_on_are_described_again_about_once_a_day()
    {
        Send("/a", "/b", "/c");
        _series.TakeUnsaved();
        var described = new List<string>();
        for (int minute = 0; minute < 3 * 24 * 60; minute++)
        {
            _clock.Pass(TimeSpan.FromMinutes(1));
            Send("/a", "/b");
            _expiry.Sweep();
            described.AddRange(_series.TakeUnsaved().Select(series => string.Join(',', series.Labels)));
        }

        Assert.Equal(2, described.Distinct().Count());
        Assert.All(described.GroupBy(series => series), one => Assert.InRange(one.Count(), 2, 4));
    }

    [Fact]
    public void While_points_may_be_in_flight_a_series_comes_back_to_its_slot_and_its_tap()
    {
        int slot = Send("/a").Single();
        ISeriesTap? tap = _series.Table.Taps[slot];
        int lease = _leases.Take();

        for (int sweep = 0; sweep < 5; sweep++)
        {
            Expire();
        }
        int other = Send("/b").Single();
        int again = Send("/a").Single();

        Assert.NotEqual(slot, other);
        Assert.Equal(slot, again);
        Assert.Same(tap, _series.Table.Taps[again]);
        _leases.GiveBack(lease);
    }

    [Fact]
    public void A_slot_is_reused_once_every_lease_from_before_is_given_back()
    {
        int slot = Send("/a").Single();
        int lease = _leases.Take();
        for (int sweep = 0; sweep < 5; sweep++)
        {
            Expire();
        }
        Assert.NotNull(_series.Table.Descriptors[slot]);
        Assert.Empty(_taps.Forgotten);

        _leases.GiveBack(lease);
        Expire();
        Expire();

        Assert.Null(_series.Table.Descriptors[slot]);
        Assert.Equal(_taps.Series, _taps.Forgotten);
        Assert.Equal(slot, Send("/b").Single());
    }

    [Fact]
    public void Slots_do_not_grow_with_the_series_that_came_and_went()
    {
        for (int generation = 0; generation < 1000; generation++)
        {
            Assert.All(Send($"/{generation}/a", $"/{generation}/b", $"/{generation}/c"), series => Assert.InRange(series, 0, 20));
            Expire();
        }

        Assert.InRange(_series.Table.Count, 3, 20);
    }

    [Fact]
    public void What_came_before_the_store_fell_behind_expires_and_what_came_since_does_not()
    {
        Send("/old");
        _clock.Pass(Idle * 1.5);
        using var block = new MetricBlock();
        Decode(block, "/new");
        _batches.Add([new Submission(RequestKind.Metrics, "default", 0, default, block, 1, _ => { }) { Lease = _leases.Take() }]);

        _clock.Pass(Idle * 10);
        _expiry.Sweep();

        Assert.Equal(1, _series.Count);
        Assert.Equal("/new", _series.Table.Descriptors.Where((_, slot) => _series.Table.Active[slot]).Single()!.Labels.Single(label => label.Key == "path").Value);
    }

    [Fact]
    public void Resources_expire_and_come_back_too()
    {
        int first = Log("one");
        Assert.Single(_resources.TakeUnsaved());
        Expire();
        Assert.Equal(0, _resources.Count);
        Expire();
        Expire();

        Assert.Equal(first, Log("two"));
        Assert.Equal("two", _resources[first].Service);
        Assert.NotEqual(first, Log("one"));
        Assert.Equal(2, _resources.TakeUnsaved().Count);
    }

    [Fact]
    public void Whoever_holds_a_lease_finds_in_each_slot_the_series_that_it_looked_up()
    {
        var options = new CollectorOptions { SeriesIdle = TimeSpan.FromTicks(1) };
        var series = new SeriesIndex(options, _taps, _clock);
        var expiry = new IdleExpiry(options, series, _resources, _batches, _leases, _clock);
        using var ended = new CancellationTokenSource();
        int sweeps = 0;
        var sweeper = new Thread(() =>
        {
            while (!ended.IsCancellationRequested)
            {
                _clock.Pass(TimeSpan.FromTicks(10));
                expiry.Sweep();
                sweeps++;
            }
        });
        sweeper.Start();

        Parallel.For(0, 4, worker =>
        {
            var random = new Random(worker);
            using var block = new MetricBlock();
            var decoder = new MetricsDecoder(new TenantSeries("default", series), 7);
            for (int request = 0; request < 2000; request++)
            {
                string[] paths = [.. Enumerable.Range(0, 5).Select(_ => $"/{random.Next(60)}")];
                int lease = _leases.Take();
                Assert.Equal(0, decoder.Decode(Request(Gauge("load", [.. paths.Select(path => Number(1, path))])), block).Rejected);
                if (random.Next(4) == 0)
                {
                    Thread.Yield();
                }
                SeriesTable table = series.Table;
                for (int row = 0; row < paths.Length; row++)
                {
                    int slot = block.Numbers.Series[row];
                    Assert.Equal(paths[row], table.Descriptors[slot]!.Labels.Single(label => label.Key == "path").Value);
                    Assert.Equal(table.Descriptors[slot]!.Id, table.Ids[slot]);
                }
                block.Clear();
                _leases.GiveBack(lease);
            }
        });
        ended.Cancel();
        sweeper.Join();

        Assert.True(sweeps > 10, "the sweeper had no turn");
        Assert.InRange(series.Table.Count, 1, 1000);
    }

    public void Dispose() => _batches.Dispose();

    private void Expire()
    {
        _clock.Pass(Idle * 2);
        _expiry.Sweep();
    }

    /// <summary>Sends points of a gauge as a request does; returns the references of those that were taken, or -1.</summary>
    private int[] Send(params string[] paths)
    {
        using var block = new MetricBlock();
        DecodeResult result = Decode(block, paths);
        _listeners.Show(block, _clock.GetTimestamp());
        return [.. block.Numbers.Series.Values, .. Enumerable.Repeat(-1, result.Rejected)];
    }

    private DecodeResult Decode(MetricBlock block, params string[] paths) =>
        new MetricsDecoder(new TenantSeries("default", _series), 7).Decode(Request(Gauge("load", [.. paths.Select(path => Number(1, path))])), block);

    private int Log(string service)
    {
        using var block = new LogBlock();
        byte[] request = Encode(logs => logs.Message(1, resource =>
        {
            resource.Message(1, attributes => attributes.Attribute(1, "service.name", service));
            resource.Message(2, scope => scope.Message(2, record => record.Fixed64(1, Time)));
        }));
        new LogsDecoder(new TenantResources("default", _resources), 7, _clock).Decode(request, block);
        _listeners.Show(block, _clock.GetTimestamp());
        return block.Resources[0];
    }
}
