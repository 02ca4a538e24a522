using SloEngine.Alerting.Http;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Tests;

public sealed class SloHistoryTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 10, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("1e12")]
    [InlineData("3e11")]
    [InlineData("59")]
    [InlineData("-60")]
    [InlineData("1h")]
    public void A_step_of_less_than_a_minute_or_more_than_a_year_is_refused(string step)
    {
        using var ledger = new Ledger(new NoLedgerStore(), TimeProvider.System);

        ApiProblemException refused = Assert.Throws<ApiProblemException>(() => SloHistory.Read(Slo(), ledger, null, null, step, Noon));

        Assert.Equal((400, $"step is '{step}', expected seconds, from 60, since the ledger keeps minutes, to 31626000"), (refused.Status, refused.Message));
    }

    [Fact]
    public void A_step_of_a_year_makes_one_point()
    {
        using var ledger = new Ledger(new NoLedgerStore(), TimeProvider.System);

        Assert.Single(SloHistory.Read(Slo(), ledger, null, null, "31626000", Noon).Points(ledger));
    }

    [Theory]
    [InlineData("", "target: 0.9")]
    [InlineData("budgetingMethod: Timeslices", "target: 0.9, slice: 1m, sliceTarget: 0.9")]
    public async Task The_last_point_holds_nothing_of_what_comes_after_it(string method, string objective)
    {
        ServiceLevelObjective slo = Slo(method, objective);
        using Ledger ledger = await LedgerAsync(Noon.AddHours(2), slo, (Noon.AddMinutes(15), 0, 10), (Noon.AddMinutes(45), 10, 10));

        HistoryPoint[] points = [.. SloHistory.Read(slo, ledger, "2026-01-10T10:00:00Z", "2026-01-10T12:30:00Z", "3600", Noon.AddHours(2)).Points(ledger)];

        Assert.Equal([Noon.AddHours(-1), Noon, Noon.AddMinutes(30)], points.Select(point => point.T));
        Assert.Equal([(0, 0, null), (0, 0, null), (0, 10, 10)], points.Select(point => (point.Good, point.Total, Rounded(point.BurnRate))));
    }

    [Fact]
    public async Task The_last_point_of_times_that_longer_slots_keep_ends_with_its_slot()
    {
        ServiceLevelObjective slo = Slo();
        using Ledger ledger = await LedgerAsync(Noon.AddDays(10), slo, (Noon.AddMinutes(15), 0, 10), (Noon.AddMinutes(45), 10, 10), (Noon.AddDays(10).AddHours(-2), 1, 1), (Noon.AddDays(10).AddHours(-1), 1, 1));

        HistoryPoint last = SloHistory.Read(slo, ledger, "2026-01-10T10:00:00Z", "2026-01-10T12:30:00Z", "3600", Noon.AddDays(10)).Points(ledger).Last();

        Assert.Equal((Noon.AddHours(1), 20), (last.T, last.Total));
    }

    [Fact]
    public async Task The_last_point_before_a_calendars_next_window_is_about_this_one()
    {
        DateTimeOffset now = new(2026, 1, 31, 20, 0, 0, TimeSpan.Zero);
        ServiceLevelObjective slo = Slo("window: {calendar: 1M, start: 2026-01-01 00:00, timeZone: UTC}");
        using Ledger ledger = await LedgerAsync(now, slo, (now.AddHours(-1), 95, 100));

        HistoryPoint last = SloHistory.Read(slo, ledger, null, null, "86400", now).Points(ledger).Last();

        Assert.Equal((now, 100, 0.5), (last.T, last.Total, Math.Round(last.BudgetRemaining, 9)));
    }

    private static double? Rounded(double? rate) => rate is { } known ? Math.Round(known, 9) : null;

    private static async Task<Ledger> LedgerAsync(DateTimeOffset now, ServiceLevelObjective slo, params (DateTimeOffset Minute, double Good, double Total)[] minutes)
    {
        var ledger = new Ledger(new ListStore([.. minutes.Select(minute => new LedgerIncrement(slo.LedgerKey, "", minute.Minute, minute.Good, minute.Total))]), new SetTime(now));
        await ledger.SetSlosAsync([slo], default);
        return ledger;
    }

    private sealed class SetTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    private sealed class ListStore(IReadOnlyList<LedgerIncrement> all) : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([.. all.Where(increment => increment.Key == key && increment.Minute >= since)]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }

    private static ServiceLevelObjective Slo(string spec = "", string objective = "target: 0.9") => SloFileReader.Read([("app.yaml", $$"""
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: app}
        spec:
          service: app
          indicator: {good: 'requests_total{code="200"}', total: requests_total}
          objectives: [{ {{objective}} }]
          {{spec}}
        """)]).Slos[0];
}
