using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

public sealed class LedgerTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Config Quick = Config.QuickThrowOnFailure.WithMaxTest(200);

    [Fact]
    public void Window_sums_equal_brute_force_whatever_the_order_of_events()
    {
        Gen<(int Offset, int Good, int Bad)[]> events = Gen.ArrayOf(
            from offset in Gen.Choose(0, 3600)
            from good in Gen.Choose(0, 5)
            from bad in Gen.Choose(0, 2)
            select (offset, good, bad));
        Check.One(Quick, Prop.ForAll(Arb.From(events), all =>
        {
            var sums = new RollingSums(TimeSpan.FromSeconds(10), TimeSpan.FromHours(2));
            foreach ((int offset, int good, int bad) in all)
            {
                Assert.True(sums.Add(Start.AddSeconds(offset), good, good + bad));
            }
            foreach (int window in (int[])[20, 300, 1800, 3600, 7200])
            {
                DateTimeOffset now = Start.AddSeconds(3600);
                long last = now.ToUnixTimeSeconds() / 10;
                long before = now.AddSeconds(-window).ToUnixTimeSeconds() / 10;
                var inside = all.Where(one => Start.AddSeconds(one.Offset).ToUnixTimeSeconds() / 10 is { } slot && slot > before && slot <= last).ToArray();
                WindowSum sum = sums.Sum(now, TimeSpan.FromSeconds(window));
                Assert.Equal(inside.Sum(one => one.Good), sum.Good);
                Assert.Equal(inside.Sum(one => one.Good + one.Bad), sum.Total);
                Assert.Equal(inside.Select(one => Start.AddSeconds(one.Offset).ToUnixTimeSeconds() / 10).Distinct().Count(), sum.CoveredSlots);
            }
        }));
    }

    [Fact]
    public void A_ring_forgets_what_is_older_than_it_reaches()
    {
        var sums = new RollingSums(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10));
        for (int minute = 0; minute < 60; minute++)
        {
            sums.Add(Start.AddMinutes(minute), 1, 2);
        }

        Assert.False(sums.Add(Start, 1, 1));
        Assert.Equal(10, sums.Sum(Start.AddMinutes(59), TimeSpan.FromMinutes(10)).Good);
        Assert.Equal(5, sums.Sum(Start.AddMinutes(59), TimeSpan.FromMinutes(5)).Good);
    }

    [Fact]
    public void Counters_with_resets_duplicates_and_late_points_count_what_truly_happened()
    {
        // A true history of increments; the process restarts at random; each export may come twice, or after the next one.
        Gen<(int Increment, bool Restart, int Delivery)[]> history = Gen.ArrayOf(
            from increment in Gen.Choose(0, 50)
            from restart in Gen.Choose(0, 9)
            from delivery in Gen.Choose(0, 3)
            select (increment, restart == 0, delivery));
        Check.One(Quick, Prop.ForAll(Arb.From(history), steps =>
        {
            Ledger.Ledger ledger = NewLedger(out _);
            SeriesTap tap = ledger.Bind(Counter("200"))!;
            long startNanos = Nanos(Start.AddSeconds(1));
            double value = 0;
            double total = 0;
            long now = startNanos;
            (long Start, long Time, double Value)? late = null;
            foreach ((int increment, bool restart, int delivery) in steps)
            {
                now += 10_000_000_000;
                if (restart)
                {
                    // The old process' last points are out before the new one begins.
                    (value, startNanos) = (0, now - 5_000_000_000);
                    late = null;
                }
                value += increment;
                total += increment;
                using Lock.Scope batch = ledger.BeginBatch();
                tap.Number(startNanos, now, value);
                if (delivery == 1)
                {
                    tap.Number(startNanos, now, value);
                }
                else if (delivery == 2 && late is { } earlier)
                {
                    tap.Number(earlier.Start, earlier.Time, earlier.Value);
                }
                late = (startNanos, now, value);
            }
            Assert.Equal(total, ledger.Sum("slo", DateTimeOffset.UnixEpoch.AddTicks(now / 100), TimeSpan.FromDays(30)).Total);
        }));
    }

    [Fact]
    public void The_first_point_of_an_old_process_is_only_a_baseline_but_a_new_label_set_of_it_counts()
    {
        Ledger.Ledger ledger = NewLedger(out _);
        long old = Nanos(Start.AddHours(-5));
        SeriesTap good = ledger.Bind(Counter("200"))!;
        SeriesTap alsoGood = ledger.Bind(Counter("201"))!;
        using (ledger.BeginBatch())
        {
            good.Number(old, Nanos(Start.AddSeconds(10)), 1000);
            alsoGood.Number(old, Nanos(Start.AddSeconds(10)), 500);
            good.Number(old, Nanos(Start.AddSeconds(20)), 1010);
            ledger.Bind(Counter("500"))!.Number(old, Nanos(Start.AddSeconds(20)), 3);
        }

        WindowSum sum = ledger.Sum("slo", Start.AddSeconds(20), TimeSpan.FromHours(1));
        Assert.Equal(10, sum.Good);
        Assert.Equal(13, sum.Total);
    }

    [Fact]
    public void An_event_within_the_lateness_budget_counts_at_its_time_and_an_older_one_does_not()
    {
        Ledger.Ledger ledger = NewLedger(out FakeTime time);
        DateTimeOffset now = time.GetUtcNow();
        SeriesTap tap = ledger.Bind(Counter("200") with { IsDelta = true })!;
        using (ledger.BeginBatch())
        {
            tap.Number(1, Nanos(now), 1);
            tap.Number(1, Nanos(now.AddHours(-23)), 10);
            tap.Number(1, Nanos(now.AddHours(-25)), 100);
        }

        Assert.Equal(1, ledger.Sum("slo", now, TimeSpan.FromHours(1)).Total);
        Assert.Equal(11, ledger.Sum("slo", now, TimeSpan.FromDays(30)).Total);
    }

    [Fact]
    public void Delta_points_count_as_they_are()
    {
        Ledger.Ledger ledger = NewLedger(out _);
        SeriesTap tap = ledger.Bind(Counter("200") with { IsDelta = true })!;
        using (ledger.BeginBatch())
        {
            tap.Number(1, Nanos(Start.AddSeconds(10)), 5);
            tap.Number(1, Nanos(Start.AddSeconds(20)), 2);
            tap.Number(1, Nanos(Start.AddSeconds(20)), 2);
        }

        Assert.Equal(7, ledger.Sum("slo", Start.AddSeconds(20), TimeSpan.FromHours(1)).Total);
    }

    [Fact]
    public void A_sender_whose_clock_is_years_ahead_does_not_wipe_the_windows()
    {
        Ledger.Ledger ledger = NewLedger(out FakeTime time);
        SeriesTap tap = ledger.Bind(Counter("200") with { IsDelta = true })!;
        SeriesTap ahead = ledger.Bind(Counter("201") with { IsDelta = true })!;
        using (ledger.BeginBatch())
        {
            tap.Number(1, Nanos(time.Now.AddMinutes(-10)), 5);
            ahead.Number(1, Nanos(time.Now.AddYears(10)), 2);
        }

        Assert.Equal(7, ledger.Sum("slo", time.Now, TimeSpan.FromHours(1)).Total);
        Assert.Equal(7, ledger.Sum("slo", time.Now, TimeSpan.FromDays(30)).Total);
    }

    [Fact]
    public void Events_count_at_their_own_time_while_the_clock_is_set_ahead_and_after_it_is_set_back()
    {
        Ledger.Ledger ledger = NewLedger(out FakeTime time);
        SeriesTap tap = ledger.Bind(Counter("200") with { IsDelta = true })!;
        DateTimeOffset truth = time.Now;
        foreach (TimeSpan set in (TimeSpan[])[TimeSpan.Zero, TimeSpan.FromDays(3650), TimeSpan.FromDays(-2), TimeSpan.Zero])
        {
            truth += TimeSpan.FromMinutes(1);
            time.Now = truth + set;
            using Lock.Scope batch = ledger.BeginBatch();
            tap.Number(1, Nanos(truth), 1);
        }

        Assert.Equal(4, ledger.Sum("slo", truth, TimeSpan.FromDays(30)).Total);
    }

    [Fact]
    public async Task Minutes_counted_under_a_clock_that_was_ahead_do_not_hide_the_others_after_a_restart()
    {
        var store = new MemoryStore();
        await store.AppendAsync(
            [new LedgerIncrement(Slo().LedgerKey, "", Start, 1, 2), new LedgerIncrement(Slo().LedgerKey, "", Start.AddYears(10), 1, 2)], "1", default);

        var ledger = new Ledger.Ledger(store, new FakeTime { Now = Start.AddMinutes(2) });
        await ledger.SetSlosAsync([Slo()], default);

        Assert.Equal(2, ledger.Sum("slo", Start.AddMinutes(2), TimeSpan.FromDays(30)).Total);
    }

    [Fact]
    public async Task What_was_counted_is_taken_once_and_a_restart_reads_it_back()
    {
        var store = new MemoryStore();
        Ledger.Ledger ledger = NewLedger(out FakeTime time, store);
        SeriesTap tap = ledger.Bind(Counter("200"))!;
        using (ledger.BeginBatch())
        {
            tap.Number(Nanos(Start.AddSeconds(1)), Nanos(Start.AddSeconds(10)), 5);
        }
        await store.AppendAsync(ledger.TakeUnsaved(), "1", default);
        Assert.Empty(ledger.TakeUnsaved());

        var restarted = new Ledger.Ledger(store, time);
        await restarted.SetSlosAsync([Slo()], default);
        Assert.Equal(5, restarted.Sum("slo", Start.AddSeconds(60), TimeSpan.FromHours(1)).Total);
    }

    [Fact]
    public async Task Telemetry_without_events_fills_a_window_and_costs_the_store_nothing()
    {
        var store = new MemoryStore();
        Ledger.Ledger ledger = NewLedger(out FakeTime time, store);
        SeriesTap tap = ledger.Bind(Counter("200"))!;
        var window = TimeSpan.FromMinutes(2);
        DateTimeOffset begun = time.Now;
        void Report(int second)
        {
            time.Now = begun.AddSeconds(second);
            using Lock.Scope batch = ledger.BeginBatch();
            tap.Number(Nanos(begun), Nanos(time.Now), 7);
        }

        for (int second = 10; second <= 130; second += 10)
        {
            Report(second);
            Assert.Null(ledger.FilledUntil("slo", time.Now, window));
        }
        await store.AppendAsync(ledger.TakeUnsaved(), "", default);
        for (int second = 140; second <= 300; second += 10)
        {
            Report(second);
        }
        await store.AppendAsync(ledger.TakeUnsaved(), "", default);

        Assert.Equal(time.Now.AddTicks(-1), ledger.FilledUntil("slo", time.Now, window));
        Assert.Equal(0, ledger.Sum("slo", time.Now, window).Total);
        Assert.Equal(1, ledger.Coverage("slo", time.Now, window));
        Assert.Equal(1, store.Rows);

        Assert.Equal(time.Now, ledger.FilledUntil("slo", time.Now.AddMinutes(2), window));
        Assert.Null(ledger.FilledUntil("slo", time.Now.AddMinutes(2).AddSeconds(1), window));
    }

    [Fact]
    public void A_gap_empties_the_window_until_telemetry_fills_it_again()
    {
        Ledger.Ledger ledger = NewLedger(out FakeTime time);
        SeriesTap tap = ledger.Bind(Counter("200"))!;
        var window = TimeSpan.FromMinutes(1);
        DateTimeOffset begun = time.Now;
        List<DateTimeOffset> filled = [];
        double value = 0;
        foreach (int second in (int[])[.. Enumerable.Range(1, 12).Select(step => 10 * step), .. Enumerable.Range(1, 12).Select(step => 600 + (10 * step))])
        {
            // The counter goes on through the gap: the first point after it counts ten minutes.
            (time.Now, value) = (begun.AddSeconds(second), second * 2);
            using (ledger.BeginBatch())
            {
                tap.Number(Nanos(begun), Nanos(time.Now), value);
            }
            if (ledger.FilledUntil("slo", time.Now, window) is { } end)
            {
                filled.Add(end);
                Assert.Equal(120, ledger.Sum("slo", end, window).Total);
            }
        }

        Assert.Equal([.. Seconds(80, 120), .. Seconds(680, 720)], filled);

        IEnumerable<DateTimeOffset> Seconds(int from, int to) => Enumerable.Range(0, ((to - from) / 10) + 1).Select(step => begun.AddSeconds(from + (10 * step)).AddTicks(-1));
    }

    [Fact]
    public void A_slot_under_way_fills_no_window()
    {
        Ledger.Ledger ledger = NewLedger(out FakeTime time);
        SeriesTap tap = ledger.Bind(Counter("200") with { IsDelta = true })!;
        DateTimeOffset now = time.Now.AddSeconds(5);
        var window = TimeSpan.FromMinutes(1);
        using (ledger.BeginBatch())
        {
            tap.Number(1, Nanos(now.AddSeconds(-75)), 1);
            tap.Number(1, Nanos(now), 600);
        }

        Assert.Null(ledger.FilledUntil("slo", now, window));
        Assert.Equal(600, ledger.Sum("slo", Assert.NotNull(ledger.FilledUntil("slo", now.AddSeconds(5), window)), window).Total);
    }

    [Fact]
    public async Task A_restart_leaves_the_rate_of_a_window_as_it_was()
    {
        var store = new MemoryStore();
        Ledger.Ledger ledger = NewLedger(out FakeTime time, store);
        SeriesTap tap = ledger.Bind(Counter("200"))!;
        DateTimeOffset begun = time.Now;
        for (int second = 10; second <= 320; second += 10)
        {
            time.Now = begun.AddSeconds(second);
            using (ledger.BeginBatch())
            {
                tap.Number(Nanos(begun), Nanos(time.Now), second * 2);
            }
        }
        await store.AppendAsync(ledger.TakeUnsaved(), "", default);

        time.Now = time.Now.AddSeconds(5);
        var restarted = new Ledger.Ledger(store, time);
        await restarted.SetSlosAsync([Slo()], default);
        var window = TimeSpan.FromMinutes(2);
        DateTimeOffset end = Assert.NotNull(restarted.FilledUntil("slo", time.Now, window));
        Assert.Equal(240, restarted.Sum("slo", end, window).Total);
    }

    [Theory]
    [InlineData(0.05, 0.5)]
    [InlineData(0.2, 3.5)]
    [InlineData(0.3, 6)]
    [InlineData(5, 9)]
    public void A_threshold_between_bounds_counts_in_proportion(double threshold, double expected) =>
        Assert.Equal(expected, HistogramShare.AtOrBelow(threshold, [0.1, 0.3, 1], [1, 5, 3, 2]), 9);

    [Fact]
    public void The_default_policies_are_the_workbooks()
    {
        IReadOnlyList<BurnPolicy> policies = BurnPolicy.Default(0.999, TimeSpan.FromDays(30));

        Assert.Equal([14.4, 6, 3, 1], policies.Select(policy => Math.Round(policy.Factor, 9)));
        Assert.All(policies.Take(3), policy => Assert.Equal(12, policy.Long / policy.Short, 9));
        // Of an objective of 90 % even a total outage burns at 10 only: 14.4 could never fire.
        Assert.Equal([6, 3, 1], BurnPolicy.Default(0.9, TimeSpan.FromDays(30)).Select(policy => Math.Round(policy.Factor, 9)));
    }

    [Fact]
    public void A_total_outage_holds_the_fast_page_within_a_minute_after_an_hour_of_health()
    {
        Ledger.Ledger ledger = NewLedger(out _);
        SeriesTap good = ledger.Bind(Counter("200"))!;
        SeriesTap bad = ledger.Bind(Counter("500"))!;
        long begun = Nanos(Start.AddSeconds(1));
        using (ledger.BeginBatch())
        {
            for (int second = 10; second <= 3600; second += 10)
            {
                good.Number(begun, Nanos(Start.AddSeconds(second)), second);
            }
            for (int second = 3610; second <= 3660; second += 10)
            {
                bad.Number(begun, Nanos(Start.AddSeconds(second)), second - 3600);
            }
        }

        SloStatus status = new SloEvaluator(ledger).Evaluate(Slo(), Start.AddSeconds(3660));

        // 60 bad of 3,600 in the hour is 1.67 %: 16.7 times the budget of 0.1 %, above 14.4 (the workbook's detection within a minute).
        PolicyState fast = status.Policies.Single(policy => policy.Policy.Name == "fast-burn");
        Assert.True(fast.Holds);
        Assert.InRange(fast.LongBurn!.Value, 16.5, 17);
        Assert.Equal(SloState.Burning, status.State);
    }

    [Fact]
    public async Task What_other_nodes_count_is_added_once_however_often_it_is_read_and_this_nodes_own_stays()
    {
        var store = new MemoryStore();
        Ledger.Ledger ledger = NewLedger(out FakeTime time, store);
        time.Now = Start.AddDays(1).AddSeconds(25);
        DateTimeOffset minute = Start.AddDays(1);
        store.Others[minute] = (8, 10);
        await ledger.RefreshOthersAsync(TimeSpan.FromHours(1), default);
        await ledger.RefreshOthersAsync(TimeSpan.FromHours(1), default);
        using (ledger.BeginBatch())
        {
            SeriesTap tap = ledger.Bind(Counter("200"))!;
            tap.Number(Nanos(time.Now), Nanos(time.Now), 5);
        }

        Assert.Equal((13, 15), Sums(TimeSpan.FromMinutes(5)));

        time.Now = Start.AddDays(1).AddSeconds(70);
        store.Others[minute] = (16, 20);
        store.Others[minute.AddMinutes(1)] = (3, 4);
        await ledger.RefreshOthersAsync(TimeSpan.FromHours(1), default);

        Assert.Equal((24, 29), Sums(TimeSpan.FromMinutes(5)));
        Assert.Equal((24, 29), Sums(TimeSpan.FromDays(1)));
        Assert.Equal([(5.0, 5.0)], ledger.TakeUnsaved().Select(increment => (increment.Good, increment.Total)));

        (double, double) Sums(TimeSpan window)
        {
            WindowSum sum = ledger.Sum("slo", time.Now, window);
            return (sum.Good, sum.Total);
        }
    }

    [Fact]
    public async Task Counts_of_other_nodes_fall_into_the_seconds_in_which_they_were_read()
    {
        var store = new MemoryStore();
        Ledger.Ledger ledger = NewLedger(out FakeTime time, store);
        DateTimeOffset begin = Start.AddDays(1);
        for (int read = 1; read <= 18; read++)
        {
            // Another node serves 60 requests each ten seconds, and stores them at once.
            time.Now = begin.AddSeconds(10 * read);
            DateTimeOffset minute = begin.AddMinutes((read - 1) / 6);
            (double good, double total) = store.Others.GetValueOrDefault(minute);
            store.Others[minute] = (good + 60, total + 60);
            await ledger.RefreshOthersAsync(TimeSpan.FromHours(1), default);
        }

        Assert.Equal(18 * 60, ledger.Sum("slo", time.Now, TimeSpan.FromHours(1)).Total);
        // A window that begins within a minute: off by no more than what is stored later than it happened.
        Assert.InRange(ledger.Sum("slo", time.Now, TimeSpan.FromSeconds(90)).Total, (9 - 1.5) * 60, (9 + 1.5) * 60);
    }

    private static Ledger.Ledger NewLedger(out FakeTime time, ILedgerStore? store = null)
    {
        time = new FakeTime { Now = Start };
        var ledger = new Ledger.Ledger(store ?? new MemoryStore(), time);
        ledger.SetSlosAsync([Slo()], default).GetAwaiter().GetResult();
        time.Now = Start.AddDays(1);
        return ledger;
    }

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

    private static SeriesView Counter(string code) =>
        new("requests_total", "requests", SeriesKind.Counter, IsDelta: false, new Dictionary<string, string> { ["code"] = code }, [], "process-1");

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;

    private sealed class FakeTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class MemoryStore : ILedgerStore
    {
        private readonly List<LedgerIncrement> _all = [];

        public int Rows => _all.Count;

        /// <summary>What other nodes have stored, by minutes.</summary>
        public Dictionary<DateTimeOffset, (double Good, double Total)> Others { get; } = [];

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>(
                [.. Others.Where(minute => minute.Key >= since).Select(minute => new LedgerIncrement(Slo().LedgerKey, "", minute.Key, minute.Value.Good, minute.Value.Total))]);

        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation)
        {
            _all.AddRange(increments);
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([.. _all.Where(increment => increment.Key == key && increment.Minute >= since)]);
    }
}
