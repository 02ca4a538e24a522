using SloEngine.Collector.Taps;
using SloEngine.Otlp.Metrics;
using SloEngine.Server.Slos;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.EndToEnd;

/// <summary>What the ledger counts of series that the collector has forgotten meanwhile.</summary>
public sealed class LedgerTapsTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_counter_that_returns_after_its_series_expired_counts_from_its_last_point()
    {
        var time = new Clock { Now = Start };
        var ledger = new Ledger(new NoStore(), time);
        await ledger.SetSlosAsync([Slo()], default);
        var taps = new LedgerTaps(ledger, new NoStore(), SeriesBaselines.None);
        DateTimeOffset began = Start.AddSeconds(1);

        Show(100, Start.AddMinutes(1));
        // The collector asks for a tap anew when a series was away for so long that its slot is gone.
        Show(130, Start.AddMinutes(50));

        time.Now = Start.AddMinutes(51);
        Assert.Equal(130, ledger.Sum("slo", time.Now, TimeSpan.FromHours(1)).Total);

        void Show(double value, DateTimeOffset at)
        {
            time.Now = at;
            ISeriesTap tap = taps.TapFor(Series())!;
            using Lock.Scope batch = taps.BeginBatch();
            tap.Number(Nanos(began), Nanos(at), value);
        }
    }

    private static SeriesDescriptor Series() =>
        new(1, "default", "requests_total", "requests", MetricKind.Counter, Temporality.Cumulative, "", "", [new("code", "200")], [], 2);

    private static ServiceLevelObjective Slo() => new()
    {
        Id = "slo",
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

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class NoStore : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }
}
