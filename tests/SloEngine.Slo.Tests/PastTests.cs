using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

/// <summary>The past of new SLOs where something goes wrong, or something else goes on, while it is read.</summary>
public sealed class PastTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly SetTime _clock = new() { Now = Start };
    private readonly FlakyStore _store = new();
    private readonly Ledger.Ledger _ledger;

    public PastTests() => _ledger = new Ledger.Ledger(_store, _clock, since: Start, LedgerOptions.Default with { ReadsPast = true });

    public void Dispose() => _ledger.Dispose();

    [Fact]
    public async Task What_comes_late_between_two_attempts_to_read_the_past_counts_once()
    {
        _clock.Now = Start.AddHours(1);
        await _ledger.SetSlosAsync([Slo("app")], default);
        PendingPast past = Assert.Single(_ledger.Pending);
        SeriesTap tap = _ledger.Bind(Series("app", isDelta: true))!;
        _clock.Now = past.Until.AddMinutes(1);
        _ledger.ReadPast([past]);
        DateTimeOffset late = past.Until.AddMinutes(-10);
        Show(tap, default, late, 10);
        Show(tap, late, past.Until.AddSeconds(5), 7);
        await _ledger.SaveAsync(_ledger.TakeUnsaved(), "batch", default);

        // The reading failed, and is done again: the late point is in the store by then.
        _ledger.ReadPast([past]);
        using var counter = new PastCounter([past], Start, _clock);
        counter.Bind(1, Series("app", isDelta: true))!.Number(0, OracleTests.Nanos(late), 10);
        counter.Finish();
        await _ledger.AddPastAsync([(past, counter.Increments(past))], default);

        Assert.Equal(17, _ledger.Sum("app", _clock.Now, TimeSpan.FromHours(2)).Total);
        Assert.Equal(17, _store.Increments.Where(increment => increment.Key == past.Slo.LedgerKey).Sum(increment => increment.Total));
    }

    [Fact]
    public async Task The_first_point_of_a_series_waits_for_the_past_of_its_own_SLO()
    {
        _clock.Now = Start.AddHours(1);
        await _ledger.SetSlosAsync([Slo("one")], default);
        PendingPast one = Assert.Single(_ledger.Pending);
        _clock.Now += TimeSpan.FromMinutes(1);
        await _ledger.SetSlosAsync([Slo("one"), Slo("other")], default);
        PendingPast other = Assert.Single(_ledger.Pending, past => past != one);
        SeriesTap tap = _ledger.Bind(Series("other", isDelta: false))!;
        _clock.Now = other.Until.AddMinutes(1);
        Show(tap, Start.AddHours(-9), other.Until.AddSeconds(5), 150);

        await FinishAsync(one, tap, _ => { });
        await FinishAsync(other, tap, counter =>
        {
            SeriesTap stored = counter.Bind(1, Series("other", isDelta: false))!;
            stored.Number(OracleTests.Nanos(Start.AddHours(-9)), OracleTests.Nanos(Start), 60);
            stored.Number(OracleTests.Nanos(Start.AddHours(-9)), OracleTests.Nanos(Start.AddMinutes(30)), 100);
        });

        // 40 that are stored, and 50 from the last stored point to the first that passed.
        Assert.Equal(90, _ledger.Sum("other", _clock.Now, TimeSpan.FromDays(1)).Total);
    }

    [Fact]
    public async Task New_SLOs_have_one_past_which_ends_after_all_of_them_are_listened_to()
    {
        _clock.Now = Start.AddHours(1);
        _store.Reading = _ =>
        {
            // The store is slow.
            _clock.Now += TimeSpan.FromSeconds(20);
            return Task.CompletedTask;
        };

        await _ledger.SetSlosAsync([Slo("one"), Slo("other"), Slo("third")], default);

        Assert.Equal(3, _ledger.Pending.Count);
        DateTimeOffset until = Assert.Single(_ledger.Pending.Select(past => past.Until).Distinct());
        Assert.InRange(until, _clock.Now.AddSeconds(2), _clock.Now.AddSeconds(12));
    }

    [Fact]
    public async Task What_other_nodes_count_while_the_past_is_read_for_long_is_there_after_it()
    {
        _clock.Now = Start.AddHours(1);
        await _ledger.SetSlosAsync([Slo("app")], default);
        PendingPast past = Assert.Single(_ledger.Pending);
        _store.Others.Add(new LedgerIncrement(past.Slo.LedgerKey, "", Start.AddMinutes(65), 5, 6));
        _clock.Now = Start.AddHours(2);
        _ledger.ReadPast([past]);

        await _ledger.AddPastAsync([(past, [new LedgerIncrement(past.Slo.LedgerKey, "", Start.AddMinutes(30), 10, 10)])], default);

        Assert.Equal((15, 16), _ledger.Sum("app", _clock.Now, TimeSpan.FromDays(1)) is var sum ? (sum.Good, sum.Total) : default);
    }

    [Fact]
    public async Task Slices_of_the_past_are_judged_with_the_events_that_corrections_add()
    {
        DateTimeOffset early = Start.AddMinutes(30);
        _clock.Now = Start.AddDays(10);
        await _ledger.SetSlosAsync(
            [Slo("app") with { Method = BudgetingMethod.Timeslices }],
            [new BudgetCorrection("app", "", "", CorrectionKind.AddEvents, early, early.AddMinutes(2), Good: 200)], default);
        PendingPast past = Assert.Single(_ledger.Pending);
        _ledger.ReadPast([past]);

        // A minute that the correction makes good, and two days of others long after it; the other minute of the correction had no events.
        string key = past.Slo.LedgerKey;
        IEnumerable<LedgerIncrement> later = Enumerable.Range(0, 2880).Select(minute => new LedgerIncrement(key, "", Start.AddDays(7).AddMinutes(minute), 10, 10));
        await _ledger.AddPastAsync([(past, [new LedgerIncrement(key, "", early, 50, 60), .. later])], default);

        Assert.Equal((2882, 2882), _ledger.Sum("app", _clock.Now, TimeSpan.FromDays(30)) is var sum ? (sum.Good, sum.Total) : default);
    }

    [Fact]
    public async Task Groups_of_the_past_beyond_the_most_there_may_be_are_counted_together()
    {
        _clock.Now = Start.AddHours(1);
        await _ledger.SetSlosAsync([Slo("app") with { GroupBy = ["pod"], MaxGroups = 3 }], default);
        PendingPast past = Assert.Single(_ledger.Pending);
        using var counter = new PastCounter([past], Start, _clock);
        for (int pod = 0; pod < 100; pod++)
        {
            counter.Bind((UInt128)pod, Series("app", isDelta: true, ("pod", $"{pod}")))!.Number(0, OracleTests.Nanos(Start.AddMinutes(5)), 1);
        }
        counter.Finish();

        IReadOnlyList<LedgerIncrement> counted = counter.Increments(past);

        Assert.Equal(4, counted.Select(increment => increment.Group).Distinct().Count());
        Assert.Equal((100, 97), (counted.Sum(increment => increment.Total), counted.Single(increment => increment.Group == ServiceLevelObjective.OtherGroups).Total));
    }

    [Fact]
    public async Task First_points_count_whichever_reader_has_read_them()
    {
        _clock.Now = Start.AddHours(1);
        await _ledger.SetSlosAsync([Slo("app")], default);
        PendingPast past = Assert.Single(_ledger.Pending);
        using var counter = new PastCounter([past], Start, _clock);
        using var other = new PastCounter([past], Start, _clock);
        foreach ((PastCounter reader, UInt128 pod) in ((PastCounter, UInt128)[])[(counter, 1), (other, 2), (other, 3)])
        {
            SeriesTap tap = reader.Bind(pod, Series("app", isDelta: false, ("pod", $"{pod}")))!;
            tap.Number(OracleTests.Nanos(Start.AddMinutes(1)), OracleTests.Nanos(Start.AddMinutes(5)), 10);
            tap.Number(OracleTests.Nanos(Start.AddMinutes(1)), OracleTests.Nanos(Start.AddMinutes(6)), 11);
        }
        counter.Add(other);
        counter.Finish();

        Assert.Equal(33, counter.Increments(past).Sum(increment => increment.Total));
    }

    [Fact]
    public async Task What_a_process_of_one_tenant_has_exported_says_nothing_of_its_equal_of_another()
    {
        var ledger = new Ledger.Ledger(_store, _clock, since: Start);
        await ledger.SetSlosAsync([Slo("app") with { Tenant = "b" }, Slo("app") with { Id = "a", Tenant = "a" }], default);
        SeriesView series = Series("app", isDelta: false);
        _clock.Now = Start.AddHours(1);
        foreach ((string tenant, int minute) in ((string, int)[])[("a", 1), ("a", 2), ("b", 3)])
        {
            using Lock.Scope batch = ledger.BeginBatch();
            ledger.Bind(series with { Tenant = tenant })!.Number(OracleTests.Nanos(Start.AddDays(-1)), OracleTests.Nanos(Start.AddMinutes(minute)), 1000);
        }

        // Began long before the ledger did: where it stood when it was first seen, nobody knows.
        Assert.Equal(0, ledger.Sum("app", _clock.Now, TimeSpan.FromDays(1)).Total);
    }

    private void Show(SeriesTap tap, DateTimeOffset start, DateTimeOffset time, double value)
    {
        using Lock.Scope batch = _ledger.BeginBatch();
        tap.Number(start == default ? 0 : OracleTests.Nanos(start), OracleTests.Nanos(time), value);
    }

    private async Task FinishAsync(PendingPast past, SeriesTap tap, Action<PastCounter> show)
    {
        _ledger.ReadPast([past]);
        using var counter = new PastCounter([past], Start, _clock);
        show(counter);
        counter.Finish();
        using (_ledger.BeginBatch())
        {
            tap.Settle(counter, 1);
        }
        await _ledger.AddPastAsync([(past, counter.Increments(past))], default);
    }

    private static ServiceLevelObjective Slo(string job) => OracleTests.Slo(BudgetingMethod.Occurrences) with
    {
        Id = job,
        Indicator = new Indicator(
            "ratio",
            new MetricMeasure("requests_total", [new Matcher("job", "=", job), new Matcher("code", "=", "200")], MetricPart.Increase),
            new MetricMeasure("requests_total", [new Matcher("job", "=", job)], MetricPart.Increase),
            PartIsBad: false),
    };

    private static SeriesView Series(string job, bool isDelta, params (string, string)[] labels) => OracleTests.Series("200", isDelta, [("job", job), .. labels]);
}
