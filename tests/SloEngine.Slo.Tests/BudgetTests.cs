using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

/// <summary>Several objectives, groups, composites, exclusions, windows.</summary>
public sealed class BudgetTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Each_objective_has_a_budget_and_all_of_one_indicator_are_counted_once()
    {
        ServiceLevelObjective slo = Slo() with { Objectives = [new Objective("loose", 0.9), new Objective("strict", 0.99)] };
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(slo);
        Count(ledger, clock.Now, [], 95, 5);
        var evaluator = new SloEvaluator(ledger);

        SloStatus[] statuses = [.. evaluator.Evaluated(slo).Select(objective => evaluator.Evaluate(objective, clock.Now))];

        Assert.Equal(["slo/loose", "slo/strict"], statuses.Select(status => status.Slo.Id));
        Assert.Equal([0.5, -4], statuses.Select(status => Math.Round(status.BudgetRemaining, 9)));
        Assert.Equal(100, ledger.TakeUnsaved().Sum(increment => increment.Total));
    }

    [Fact]
    public async Task Groups_have_budgets_of_their_own_and_the_whole_has_the_sum_also_after_a_restart()
    {
        ServiceLevelObjective slo = Slo() with { GroupBy = ["tenant"] };
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(slo);
        Count(ledger, clock.Now, [("tenant", "a")], 100, 0);
        Count(ledger, clock.Now, [("tenant", "b")], 80, 20);
        IReadOnlyList<LedgerIncrement> stored = ledger.TakeUnsaved();

        var restarted = new Ledger.Ledger(new ListStore(stored), clock);
        await restarted.SetSlosAsync([slo], default);
        foreach (Ledger.Ledger one in (Ledger.Ledger[])[ledger, restarted])
        {
            var evaluator = new SloEvaluator(one);
            Dictionary<string, SloStatus> statuses = evaluator.Evaluated(slo).ToDictionary(each => each.Id, each => evaluator.Evaluate(each, clock.Now));
            Assert.Equal(["slo", "slo{tenant=\"a\"}", "slo{tenant=\"b\"}"], statuses.Keys.Order(StringComparer.Ordinal));
            Assert.Equal(200, statuses["slo"].Events.Total);
            Assert.Equal(1, statuses["slo{tenant=\"a\"}"].Attained);
            Assert.Equal(0.8, statuses["slo{tenant=\"b\"}"].Attained);
            Assert.True(statuses["slo{tenant=\"b\"}"].BudgetRemaining < 0);
        }
    }

    [Fact]
    public async Task Groups_beyond_the_most_there_may_be_are_counted_together()
    {
        ServiceLevelObjective slo = Slo() with { GroupBy = ["tenant"], MaxGroups = 2 };
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(slo);
        for (int tenant = 0; tenant < 50; tenant++)
        {
            Count(ledger, clock.Now, [("tenant", $"t{tenant}")], 1, 0);
        }

        Assert.Equal(4, ledger.Evaluated(slo).Count);
        Assert.Equal(48, ledger.Sum("slo{~others}", clock.Now, TimeSpan.FromHours(1)).Total);
        Assert.Equal(50, ledger.Sum("slo", clock.Now, TimeSpan.FromHours(1)).Total);
    }

    [Fact]
    public async Task A_composite_attains_the_weighted_mean_of_its_members()
    {
        ServiceLevelObjective checkout = Slo() with { Id = "checkout", Indicator = Indicator("checkout") };
        ServiceLevelObjective search = Slo() with { Id = "search", Indicator = Indicator("search") };
        var members = new CompositeMeasure([new CompositeMember("checkout", 3), new CompositeMember("search", 1)]);
        ServiceLevelObjective shop = Slo() with { Id = "shop", Indicator = new Indicator("composite", members, members, PartIsBad: false) };
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(checkout, search, shop);
        Count(ledger, clock.Now, [("job", "checkout")], 900, 100);
        Assert.Equal(0.9, new SloEvaluator(ledger).Evaluate(shop, clock.Now).Attained!.Value, 9);
        Count(ledger, clock.Now, [("job", "search")], 5, 5);

        SloStatus status = new SloEvaluator(ledger).Evaluate(shop, clock.Now);

        Assert.Equal(((3 * 0.9) + 0.5) / 4, status.Attained!.Value, 9);
        Assert.Equal(2, status.BudgetConsumed, 9);
        Assert.Equal(2, status.Burns[0].Rate!.Value, 9);
    }

    [Theory]
    [InlineData("Occurrences")]
    [InlineData("RatioTimeslices")]
    public async Task A_composite_of_objectives_burns_at_the_sum_of_their_weighted_burn_rates(string method)
    {
        (Ledger.Ledger ledger, TestClock clock, ServiceLevelObjective journey) = await JourneyAsync(method, "compositeWeight: 2");
        Assert.Equal(["journey", "journey/checkout", "journey/search"], journey.Each().Select(each => each.Id));
        Assert.Equal([4, 0, 0], journey.Each().Select(each => each.Policies.Count));
        Count(ledger, clock.Now, [("job", "checkout")], 90, 10);
        Count(ledger, clock.Now, [("job", "search")], 995, 5);
        clock.Now += TimeSpan.FromMinutes(1);

        SloStatus[] statuses = [.. journey.Each().Select(each => new SloEvaluator(ledger).Evaluate(each, clock.Now))];

        // 10 % of a budget of 10 %, twice, and 0.5 % of one of 1 %.
        Assert.Equal([2.5, 1, 0.5], statuses.Select(status => Math.Round(status.BudgetConsumed, 9)));
        Assert.Equal(0.975, statuses[0].Attained!.Value, 9);
        Assert.All(statuses[0].Burns, burn => Assert.Equal(2.5, burn.Rate!.Value, 9));
        Assert.Equal(0.975, new SloEvaluator(ledger).Evaluate(journey, clock.Now).Attained!.Value, 9);

        // A total outage of both is no more than all.
        Count(ledger, clock.Now, [("job", "checkout")], 0, 1e12);
        Count(ledger, clock.Now, [("job", "search")], 0, 1e12);
        clock.Now += TimeSpan.FromMinutes(1);
        Assert.InRange(new SloEvaluator(ledger).Evaluate(journey, clock.Now).Attained!.Value, 0, method == "Occurrences" ? 0 : 0.5);
    }

    [Fact]
    public async Task Two_objectives_that_miss_five_percent_of_their_slices_make_a_composite_that_misses_ten()
    {
        // The example of the specification; weights are 1 without compositeWeight.
        (Ledger.Ledger ledger, TestClock clock, ServiceLevelObjective journey) = await JourneyAsync("RatioTimeslices", "description: none", "0.99");
        Count(ledger, clock.Now, [("job", "checkout")], 95, 5);
        Count(ledger, clock.Now, [("job", "search")], 950, 50);
        clock.Now += TimeSpan.FromMinutes(1);

        Assert.Equal(0.9, new SloEvaluator(ledger).Evaluate(journey, clock.Now).Attained!.Value, 9);
    }

    [Fact]
    public void A_slice_of_a_composite_is_bad_where_that_of_an_objective_is() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(30), Prop.ForAll(
        Arb.From(Gen.ListOf(
            from minute in Gen.Choose(0, 300)
            from isCheckout in Gen.Elements(true, false)
            from bad in Gen.Elements(0, 1)
            select (minute, isCheckout, bad))),
        events =>
        {
            (Ledger.Ledger ledger, TestClock clock, ServiceLevelObjective journey) = JourneyAsync("Timeslices", "timeSliceWindow: 1m").GetAwaiter().GetResult();
            clock.Now = Start.AddMinutes(301);
            foreach ((int minute, bool isCheckout, int bad) in events)
            {
                Count(ledger, Start.AddMinutes(minute), [("job", isCheckout ? "checkout" : "search")], 1 - bad, bad);
            }
            var evaluator = new SloEvaluator(ledger);

            for (int now = 1; now <= 301; now += 7)
            {
                foreach (int window in (int[])[5, 60, 128, 10_000])
                {
                    // An objective's slice is good when half of its events are: of one, or two.
                    var slices = events.Where(one => one.minute < now && one.minute > now - window).GroupBy(one => one.minute).ToList();
                    int failed = slices.Count(slice => slice.GroupBy(one => one.isCheckout).Any(member => member.Count(one => one.bad == 0) * 2 < member.Count()));
                    WindowSum sum = ledger.Sum("journey", Start.AddMinutes(now), TimeSpan.FromMinutes(window));
                    Assert.Equal((slices.Count - failed, slices.Count), (sum.Good, sum.Total));
                }
            }
            Assert.Equal(events.Select(one => one.minute).Distinct().Count(), evaluator.Evaluate(journey, clock.Now).Sum.Total);
        }));

    [Fact]
    public void Objectives_of_a_composite_of_slices_have_slices_of_one_length() =>
        Assert.Contains("spec.objectives have slices of different lengths", Assert.Single(Journey("Timeslices", "timeSliceWindow: 5m", "0.99").Errors).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Events_of_an_exclusion_are_kept_and_do_not_count()
    {
        DateTimeOffset sunday = new(2026, 1, 4, 0, 0, 0, TimeSpan.Zero);
        ServiceLevelObjective slo = Slo() with
        {
            Exclusions =
            [
                new OneOffExclusion(sunday.AddHours(1), sunday.AddHours(2)),
                new RecurringExclusion(new CalendarWindow(CalendarUnit.Week, 1, new DateTime(2025, 12, 28, 3, 0, 0), TimeZoneInfo.Utc), TimeSpan.FromMinutes(30)),
            ],
        };
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(slo);
        clock.Now = sunday.AddHours(5);
        foreach (int minute in (int[])[59, 60, 119, 120, 179, 180, 209, 210])
        {
            Count(ledger, sunday.AddMinutes(minute), [], 0, 1);
        }

        Assert.Equal(4, ledger.Sum("slo", clock.Now, TimeSpan.FromDays(30)).Total);
        IReadOnlyList<LedgerIncrement> stored = ledger.TakeUnsaved();
        Assert.Equal(8, stored.Sum(increment => increment.Total));

        // Who takes the exclusions back gets the events back.
        var restarted = new Ledger.Ledger(new ListStore(stored), clock);
        await restarted.SetSlosAsync([slo], default);
        Assert.Equal(4, restarted.Sum("slo", clock.Now, TimeSpan.FromDays(30)).Total);
        await restarted.SetSlosAsync([slo with { Exclusions = [] }], default);
        Assert.Equal(8, restarted.Sum("slo", clock.Now, TimeSpan.FromDays(30)).Total);
    }

    [Fact]
    public async Task A_window_of_a_year_is_counted_whole()
    {
        ServiceLevelObjective slo = Slo() with { Window = TimeSpan.FromDays(365) };
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(slo);
        SeriesTap tap = ledger.Bind(OracleTests.Series("200", isDelta: true))!;
        for (int hour = 1; hour <= 400 * 24; hour++)
        {
            clock.Now = Start.AddHours(hour);
            using Lock.Scope batch = ledger.BeginBatch();
            tap.Number(0, OracleTests.Nanos(clock.Now), 1);
        }

        // To a slot of half a day at its start.
        Assert.InRange(ledger.Sum("slo", clock.Now, slo.Window).Total, (365 * 24) - 12, 365 * 24);
        Assert.Equal(72, ledger.Sum("slo", clock.Now, TimeSpan.FromHours(72)).Total);
    }

    [Fact]
    public async Task A_calendar_month_of_slices_has_its_whole_budget_when_it_begins()
    {
        ServiceLevelObjective slo = Slo() with
        {
            Method = BudgetingMethod.Timeslices,
            Objective = 0.99,
            BudgetWindow = new CalendarWindow(CalendarUnit.Month, 1, new DateTime(2026, 1, 1), TimeZoneInfo.Utc),
        };
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(slo);
        Count(ledger, Start.AddMinutes(1), [], 0, 10);
        clock.Now = Start.AddMinutes(10);

        SloStatus status = new SloEvaluator(ledger).Evaluate(slo, clock.Now);

        Assert.Equal(31 * 1440 * 0.01, status.AllowedBad, 6);
        Assert.Equal(1, status.Sum.Bad);
        Assert.Equal(1 - (1 / 446.4), status.BudgetRemaining, 6);
        Assert.Equal(10, status.Events.Total);
    }

    [Fact]
    public async Task Old_delta_points_that_come_again_count_once()
    {
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf(Slo());
        clock.Now = Start.AddHours(1);
        SeriesTap tap = ledger.Bind(OracleTests.Series("200", isDelta: true))!;
        for (int twice = 0; twice < 2; twice++)
        {
            using Lock.Scope batch = ledger.BeginBatch();
            // The third is late: it closes the gap that the others left.
            foreach (int minute in (int[])[1, 2, 4, 5, 3, 40])
            {
                tap.Number(OracleTests.Nanos(Start.AddMinutes(minute - 1)), OracleTests.Nanos(Start.AddMinutes(minute)), 10);
            }
        }

        Assert.Equal(60, ledger.Sum("slo", clock.Now, TimeSpan.FromHours(2)).Total);
    }

    [Theory]
    [InlineData("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")]
    [InlineData("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")]
    // Midnight is skipped: the day begins at one.
    [InlineData("Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z")]
    // Midnight comes twice: the day begins with the first.
    [InlineData("America/Havana", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z")]
    public void Days_begin_at_local_midnight_where_the_clock_is_changed(string zone, string now, string start, string end)
    {
        var days = new CalendarWindow(CalendarUnit.Day, 1, new DateTime(2020, 1, 1), TimeZoneInfo.FindSystemTimeZoneById(zone));

        Assert.Equal((Time(start), Time(end)), days.Bounds(Time(now)));
    }

    [Theory]
    [InlineData(CalendarUnit.Month, 1, "2025-01-31", "2026-02-28T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z")]
    [InlineData(CalendarUnit.Quarter, 1, "2025-01-01", "2026-05-20T00:00:00Z", "2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z")]
    [InlineData(CalendarUnit.Year, 1, "2024-02-29", "2026-01-01T00:00:00Z", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z")]
    [InlineData(CalendarUnit.Week, 2, "2026-01-05", "2025-12-31T00:00:00Z", "2025-12-22T00:00:00Z", "2026-01-05T00:00:00Z")]
    public void Months_quarters_years_and_weeks_follow_each_other(CalendarUnit unit, int count, string from, string now, string start, string end) => Assert.Equal(
        (Time(start), Time(end)),
        new CalendarWindow(unit, count, DateTime.Parse(from, System.Globalization.CultureInfo.InvariantCulture), TimeZoneInfo.Utc).Bounds(Time(now)));

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static void Count(Ledger.Ledger ledger, DateTimeOffset time, (string, string)[] labels, double good, double bad)
    {
        using Lock.Scope batch = ledger.BeginBatch();
        ledger.Bind(OracleTests.Series("200", isDelta: true, labels))!.Number(0, OracleTests.Nanos(time), good);
        ledger.Bind(OracleTests.Series("500", isDelta: true, labels))!.Number(0, OracleTests.Nanos(time), bad);
    }

    private static ServiceLevelObjective Slo() => OracleTests.Slo(BudgetingMethod.Occurrences);

    private static Indicator Indicator(string job) => new(
        "ratio",
        new MetricMeasure("requests_total", [new Matcher("job", "=", job), new Matcher("code", "=", "200")], MetricPart.Increase),
        new MetricMeasure("requests_total", [new Matcher("job", "=", job)], MetricPart.Increase),
        PartIsBad: false);

    private static async Task<(Ledger.Ledger Ledger, TestClock Clock, ServiceLevelObjective Journey)> JourneyAsync(string method, string detail, string target = "0.9")
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = Journey(method, detail, target);
        Assert.Empty(errors);
        (Ledger.Ledger ledger, TestClock clock) = await LedgerOf([.. slos]);
        return (ledger, clock, slos[0]);
    }

    private static (IReadOnlyList<ServiceLevelObjective> Slos, IReadOnlyList<SloFileError> Errors) Journey(string method, string detail, string target) => SloFileReader.Read([("journey.yaml", $"""
        apiVersion: openslo/v1
        kind: SLO
        metadata:
          name: journey
        spec:
          service: shop
          budgetingMethod: {method}
          objectives:
          - displayName: checkout
            target: {target}
            timeSliceTarget: 0.5
            {detail}
            indicatorRef: checkout
          - displayName: search
            target: 0.99
            timeSliceTarget: 0.5
            indicatorRef: search
        ---
        apiVersion: openslo/v1
        kind: SLI
        metadata:
          name: checkout
        spec: {Sli("checkout")}
        ---
        apiVersion: openslo/v1
        kind: SLI
        metadata:
          name: search
        spec: {Sli("search")}
        """)]);

    private static string Sli(string job) => """
        {ratioMetric: {good: {metricSource: {spec: {query: 'requests_total{job="JOB",code="200"}'}}}, total: {metricSource: {spec: {query: 'requests_total{job="JOB"}'}}}}}
        """.Replace("JOB", job, StringComparison.Ordinal);

    private static async Task<(Ledger.Ledger Ledger, TestClock Clock)> LedgerOf(params ServiceLevelObjective[] slos)
    {
        var clock = new TestClock { Now = Start };
        var ledger = new Ledger.Ledger(new NoStore(), clock);
        await ledger.SetSlosAsync(slos, default);
        return (ledger, clock);
    }

    private sealed class ListStore(IReadOnlyList<LedgerIncrement> all) : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([.. all.Where(increment => increment.Key == key && increment.Minute >= since)]);
    }
}
