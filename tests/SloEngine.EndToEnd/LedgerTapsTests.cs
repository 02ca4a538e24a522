using SloEngine.Collector.Taps;
using SloEngine.Otlp.Metrics;
using SloEngine.Server.Slos;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.EndToEnd;

/// <summary>What the ledger counts of series that the collector has forgotten meanwhile.</summary>
[Collection(MemoryCollection.Name)]
public sealed class LedgerTapsTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Clock _time = new() { Now = Start };
    private readonly Ledger _ledger;

    public LedgerTapsTests() => _ledger = new Ledger(new NoStore(), _time);

    [Fact]
    public async Task A_counter_that_returns_after_its_series_expired_counts_from_its_last_point()
    {
        LedgerTaps taps = await TapsAsync(SeriesBaselines.None(_time));
        DateTimeOffset began = Start.AddSeconds(1);

        Show(taps, Series(1), began, 100, Start.AddMinutes(1));
        // The collector asks for a tap anew when a series was away for so long that its slot is gone.
        taps.Forget(Series(1));
        Show(taps, Series(1), began, 130, Start.AddMinutes(50));
        taps.Forget(Series(1));
        // Of a point that came before the series stopped nothing is counted again.
        Show(taps, Series(1), began, 130, Start.AddMinutes(50));

        Assert.Equal(130, Total());
    }

    [Fact]
    public async Task When_SLOs_change_before_a_series_returns_it_goes_on_all_the_same()
    {
        LedgerTaps taps = await TapsAsync(SeriesBaselines.None(_time));
        DateTimeOffset began = Start.AddSeconds(1);
        Show(taps, Series(1), began, 100, Start.AddMinutes(1));
        taps.Forget(Series(1));

        await _ledger.SetSlosAsync([Slo(), Slo("other")], default);
        Show(taps, Series(1), began, 130, Start.AddMinutes(50));

        Assert.Equal(130, Total());
    }

    [Fact]
    public async Task A_new_label_set_of_a_process_whose_series_came_back_counts_from_its_start()
    {
        LedgerTaps taps = await TapsAsync(SeriesBaselines.None(_time));
        // The process began before the ledger did: its first point says where to count from.
        DateTimeOffset began = Start.AddHours(-5);
        Show(taps, Series(1), began, 1000, Start.AddMinutes(1));
        taps.Forget(Series(1));
        Show(taps, Series(1), began, 1010, Start.AddMinutes(40));

        Show(taps, Series(2, "500"), began, 3, Start.AddMinutes(41));

        Assert.Equal(13, Total());
    }

    [Fact]
    public async Task Of_series_that_come_and_go_so_many_last_points_are_kept_and_nothing_else()
    {
        const int Kept = 1_000;
        SeriesBaselines baselines = SeriesBaselines.None(_time, Kept);
        LedgerTaps taps = await TapsAsync(baselines);
        long before = 0;
        for (uint pod = 0; pod < 60_000; pod++)
        {
            Show(taps, Series(pod), Start.AddSeconds(1), 2, Start.AddMinutes(1));
            taps.Forget(Series(pod));
            before = pod == 10_000 ? GC.GetTotalMemory(forceFullCollection: true) : before;
        }

        Assert.Equal(Kept, baselines.Kept);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 2 << 20);
        Assert.Equal(120_000, Total());
    }

    [Fact]
    public async Task After_a_day_a_series_that_stopped_is_a_new_one()
    {
        SeriesBaselines baselines = SeriesBaselines.None(_time);
        LedgerTaps taps = await TapsAsync(baselines);
        Show(taps, Series(1), Start.AddHours(-1), 100, Start.AddMinutes(1));
        taps.Forget(Series(1));
        Show(taps, Series(2), Start.AddHours(-1), 100, Start.AddHours(25));
        taps.Forget(Series(2));
        Assert.Equal(1, baselines.Kept);

        Show(taps, Series(1), Start.AddHours(-1), 150, Start.AddHours(25));

        Assert.Equal(0, Total());
    }

    public void Dispose() => _ledger?.Dispose();

    private async Task<LedgerTaps> TapsAsync(SeriesBaselines baselines)
    {
        await _ledger.SetSlosAsync([Slo()], default);
        return new LedgerTaps(_ledger, baselines);
    }

    private void Show(LedgerTaps taps, SeriesDescriptor series, DateTimeOffset began, double value, DateTimeOffset at)
    {
        _time.Now = at;
        ISeriesTap tap = taps.TapFor(series)!;
        using Lock.Scope batch = taps.BeginBatch();
        tap.Number(Nanos(began), Nanos(at), value);
    }

    private double Total() => _ledger.Sum("slo", _time.Now.AddMinutes(1), TimeSpan.FromHours(2)).Total;

    private static SeriesDescriptor Series(uint id, string code = "200") =>
        new(id, "default", "requests_total", "requests", MetricKind.Counter, Temporality.Cumulative, "", "", [new("code", code)], [], code == "200" ? id : 1);

    private static ServiceLevelObjective Slo(string id = "slo") => new()
    {
        Id = id,
        DisplayName = "slo",
        Service = "app",
        Objective = 0.999,
        Window = TimeSpan.FromDays(30),
        Indicator = new Indicator(
            "ratio",
            new MetricMeasure("requests_total", [new Matcher("code", "!~", "5..")], MetricPart.Increase),
            new MetricMeasure("requests_total", [], MetricPart.Increase),
            PartIsBad: false),
        Policies = BurnPolicy.Default(0.999, TimeSpan.FromDays(30)),
    };

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class NoStore : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }
}
