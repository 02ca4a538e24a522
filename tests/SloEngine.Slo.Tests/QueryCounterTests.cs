using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Testing;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;

namespace SloEngine.Slo.Tests;

public sealed class QueryCounterTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>max() is no shape that taps know: one request in a hundred fails.</summary>
    private const string Events = """
        version: prometheus/v1
        service: web
        slos:
          - name: errors
            objective: 99
            sli:
              events:
                error_query: max(rate(requests_total{code="500"}[{{.window}}]))
                total_query: max(rate(requests_total{code="all"}[{{.window}}]))
        """;

    private const string Raw = """
        version: prometheus/v1
        service: web
        slos:
          - name: satisfaction
            objective: 90
            sli:
              raw:
                error_ratio_query: 1 - avg(avg_over_time(satisfaction_ratio[{{.window}}]))
        """;

    private readonly SetTime _time = new() { Now = Start };
    private readonly FlakyStore _store = new();
    private readonly MemorySeries _series = new();

    [Fact]
    public async Task Each_minute_counts_once_over_retries_and_restarts()
    {
        Write(minutes: 60);
        _time.Now = Start.AddMinutes(31).AddSeconds(5);
        ServiceLevelObjective slo = Slo(Events);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        using QueryCounter counter = Counter(ledger);

        // The store takes it and the answer is lost: the retry is the same insert.
        _store.LoseNextAnswer = true;
        await TickAsync(counter, slo, expectFailure: true);
        await TickAsync(counter, slo);
        await TickAsync(counter, slo);
        WindowSum half = ledger.Sum(slo.Id, _time.Now, TimeSpan.FromHours(1));
        Assert.InRange(half.Total, 100 * 28, 100 * 30);
        Assert.Equal(0.99, half.Good / half.Total, 6);

        _time.Now = Start.AddMinutes(51);
        var restarted = new Ledger.Ledger(_store, _time);
        await restarted.SetSlosAsync([slo], default);
        using QueryCounter second = Counter(restarted);
        await TickAsync(second, slo);

        // Twenty more minutes, none of them twice.
        Assert.Equal(half.Total + (20 * 100), restarted.Sum(slo.Id, _time.Now, TimeSpan.FromHours(1)).Total, 3);
        Assert.Equal(_store.Increments.Count, _store.Increments.Select(increment => increment.Minute).Distinct().Count());
    }

    [Fact]
    public async Task A_downtime_of_days_is_caught_up_with_a_stretch_at_a_time()
    {
        const int Days = 3;
        Write(minutes: (Days * 1440) + 60);
        ServiceLevelObjective slo = Slo(Events) with { Window = TimeSpan.FromDays(30) };
        _time.Now = Start.AddMinutes(31).AddSeconds(5);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        using QueryCounter counter = Counter(ledger);
        await TickAsync(counter, slo);

        _time.Now = Start.AddDays(Days).AddMinutes(31).AddSeconds(5);
        var restarted = new Ledger.Ledger(_store, _time);
        await restarted.SetSlosAsync([slo], default);
        using QueryCounter second = Counter(restarted);
        for (int stretch = 0; stretch <= Days; stretch++)
        {
            await TickAsync(second, slo);
        }

        DateTimeOffset[] minutes = [.. _store.Increments.Where(increment => increment.Key == slo.LedgerKey).Select(increment => increment.Minute).Order()];
        Assert.Equal(minutes.Distinct(), minutes);
        // From the first minute that had data to the last that is over, without a gap.
        Assert.Equal(Start.AddDays(Days).AddMinutes(29), minutes[^1]);
        Assert.Equal((minutes[^1] - minutes[0]).TotalMinutes + 1, minutes.Length);
    }

    [Fact]
    public async Task A_minute_is_not_evaluated_before_its_telemetry_had_time_to_come()
    {
        Write(minutes: 60);
        ServiceLevelObjective slo = Slo(Events);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        using QueryCounter counter = Counter(ledger);

        _time.Now = Start.AddMinutes(20).AddSeconds(59);
        await TickAsync(counter, slo);
        Assert.Equal(Start.AddMinutes(18), _store.Increments.Max(increment => increment.Minute));

        _time.Now = Start.AddMinutes(21);
        await TickAsync(counter, slo);
        Assert.Equal(Start.AddMinutes(19), _store.Increments.Max(increment => increment.Minute));
    }

    [Fact]
    public async Task A_ratio_counts_each_minute_as_one_event_and_nothing_where_there_are_no_data()
    {
        for (int second = 0; second <= 600; second += 15)
        {
            _series.Add(Series("satisfaction_ratio", "a"), Ms(second), new SequenceValue(0.75));
        }
        ServiceLevelObjective slo = Slo(Raw);
        _time.Now = Start.AddMinutes(30);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        using QueryCounter counter = Counter(ledger);
        await TickAsync(counter, slo);

        // Windows of five minutes see the samples until five minutes after the last.
        WindowSum sum = ledger.Sum(slo.Id, _time.Now, TimeSpan.FromHours(1));
        Assert.InRange(sum.Total, 14, 15);
        Assert.Equal(0.75, sum.Good / sum.Total, 9);
    }

    [Fact]
    public async Task Each_group_has_events_of_its_own_which_make_up_the_whole_and_those_beyond_the_most_count_together()
    {
        foreach ((string tenant, int perMinute, int bad) in (ReadOnlySpan<(string, int, int)>)[("a", 400, 4), ("b", 300, 30), ("c", 200, 2), ("d", 100, 50)])
        {
            for (int second = 0; second <= 3600; second += 15)
            {
                _series.Add(Series("requests_total", "all").With("tenant", tenant), Ms(second), new SequenceValue(perMinute * second / 60d));
                _series.Add(Series("requests_total", "500").With("tenant", tenant), Ms(second), new SequenceValue(bad * second / 60d));
            }
        }
        ServiceLevelObjective slo = Slo(Events) with { GroupBy = ["tenant"], MaxGroups = 2 };
        _time.Now = Start.AddMinutes(40);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        using QueryCounter counter = Counter(ledger);
        await TickAsync(counter, slo);
        _time.Now = Start.AddMinutes(50);
        var restarted = new Ledger.Ledger(_store, _time);
        await restarted.SetSlosAsync([slo], default);
        using QueryCounter next = Counter(restarted);
        await TickAsync(next, slo);

        Assert.Equal((10 * 396, 10 * 400), Of("errors{tenant=\"a\"}"));
        Assert.Equal((10 * 270, 10 * 300), Of("errors{tenant=\"b\"}"));
        Assert.Equal((10 * (198 + 50), 10 * 300), Of("errors{~others}"));
        Assert.Equal((10 * 914, 10 * 1000), Of("errors"));
        Assert.Equal(4, restarted.Evaluated(slo).Count);

        (double, double) Of(string id)
        {
            WindowSum sum = restarted.Sum(slo.Id.Replace("errors", id, StringComparison.Ordinal), Start.AddMinutes(40), TimeSpan.FromMinutes(10));
            return (Math.Round(sum.Good, 6), Math.Round(sum.Total, 6));
        }
    }

    [Fact]
    public async Task A_tenant_s_SLO_asks_for_its_series_alone_and_counts_apart_from_another_s()
    {
        Write(minutes: 60);
        var other = new MemorySeries();
        ServiceLevelObjective slo = Slo(Events) with { Tenant = "acme" };
        Assert.NotEqual(Slo(Events).LedgerKey, slo.LedgerKey);
        _time.Now = Start.AddMinutes(31);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        using var counter = new QueryCounter(
            ledger, _store, new PromQLEngine(new EngineOptions()), tenant => tenant == "acme" ? _series : other, new ReceivingMinutes(_store, _time), new QueryCounterOptions(), _time);
        await TickAsync(counter, slo);

        Assert.NotEqual(0, ledger.Sum(slo.Id, _time.Now, TimeSpan.FromHours(1)).Total);
        await ledger.SetSlosAsync([slo with { Tenant = null }], default);
        await TickAsync(counter, slo with { Tenant = null });
        Assert.Equal(0, ledger.Sum(slo.Id, _time.Now, TimeSpan.FromHours(1)).Total);
    }

    [Fact]
    public async Task An_SLO_without_data_is_not_evaluated_anew_at_every_start()
    {
        ServiceLevelObjective slo = Slo(Events);
        _time.Now = Start.AddHours(3);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        using QueryCounter counter = Counter(ledger);
        await TickAsync(counter, slo);
        // Marks, an hour apart, count nothing.
        Assert.InRange(_store.Increments.Count, 1, 3);
        Assert.Equal(0, ledger.Sum(slo.Id, _time.Now, TimeSpan.FromHours(2)).Total);

        // What comes for times that were evaluated is not looked for; what comes for later ones is.
        Write(minutes: 240);
        _time.Now = Start.AddHours(3.5);
        var restarted = new Ledger.Ledger(_store, _time);
        await restarted.SetSlosAsync([slo], default);
        using QueryCounter second = Counter(restarted);
        await TickAsync(second, slo);

        Assert.InRange(_store.Increments.Where(increment => increment.Key == slo.LedgerKey).Min(increment => increment.Minute), Start.AddHours(2), Start.AddHours(3));
        Assert.InRange(restarted.Sum(slo.Id, _time.Now, TimeSpan.FromHours(2)).Total, 100 * 29, 100 * 90);
    }

    private void Write(int minutes)
    {
        for (int second = 0; second <= minutes * 60; second += 15)
        {
            _series.Add(Series("requests_total", "all"), Ms(second), new SequenceValue(100d * second / 60));
            _series.Add(Series("requests_total", "500"), Ms(second), new SequenceValue(second / 60d));
        }
    }

    private QueryCounter Counter(Ledger.Ledger ledger) =>
        new(ledger, _store, new PromQLEngine(new EngineOptions()), _ => _series, new ReceivingMinutes(_store, _time), new QueryCounterOptions { MaxMinutes = 7 }, _time);

    private static async Task TickAsync(QueryCounter counter, ServiceLevelObjective slo, bool expectFailure = false)
    {
        var failures = new List<Exception>();
        while (await counter.TickAsync([slo], (_, failure) => failures.Add(failure), default))
        {
        }
        Assert.Equal(expectFailure ? 1 : 0, failures.Count);
    }

    private static ServiceLevelObjective Slo(string file)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("slo.yaml", file)]);
        Assert.Empty(errors);
        ServiceLevelObjective slo = Assert.Single(slos);
        Assert.True(slo.Indicator.IsQueried);
        return slo with { Window = TimeSpan.FromHours(2) };
    }

    private static Labels Series(string name, string code) => Labels.Of([new("__name__", name), new("code", code)]);

    private static long Ms(int second) => Start.AddSeconds(second).ToUnixTimeMilliseconds();
}
