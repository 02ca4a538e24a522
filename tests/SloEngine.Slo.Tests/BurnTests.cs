using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

/// <summary>Burn alerts: when they begin and end, and what they are made of.</summary>
public sealed class BurnTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Month = TimeSpan.FromDays(30);

    /// <summary>
    /// The workbook's detection time is (1 - SLO) / error ratio x long window x factor; with the short window an alert resets once the errors
    /// in it are few enough, short window x (1 - factor x (1 - SLO) / error ratio) after the trouble.
    /// </summary>
    [Theory]
    [InlineData(1.0, "fast-burn", 51.84, 295.68)]
    [InlineData(0.1, "fast-burn", 518.4, 256.8)]
    [InlineData(0.01, "burn", 12_960, 720)]
    public void Detection_and_reset_take_as_long_as_the_workbook_says(double errorRatio, string page, double detection, double reset)
    {
        const int perStep = 1000;
        (Ledger.Ledger ledger, TestClock clock) = NewLedger(Slo());
        var evaluator = new SloEvaluator(ledger);
        SeriesTap good = ledger.Bind(OracleTests.Series("200", isDelta: true))!;
        SeriesTap bad = ledger.Bind(OracleTests.Series("500", isDelta: true))!;
        void Pass(double errors)
        {
            clock.Now += TimeSpan.FromSeconds(10);
            using Lock.Scope batch = ledger.BeginBatch();
            // The slot that has just ended.
            good.Number(0, OracleTests.Nanos(clock.Now.AddSeconds(-1)), perStep * (1 - errors));
            bad.Number(0, OracleTests.Nanos(clock.Now.AddSeconds(-1)), perStep * errors);
        }
        bool Holds() => evaluator.Evaluate(Slo(), clock.Now.AddTicks(-1)).Policies.Any(policy => policy.Holds == true && policy.Policy.Severity == Severity.Page);

        for (int step = 0; step < 8 * 360; step++)
        {
            Pass(0);
        }
        DateTimeOffset began = clock.Now;
        while (!Holds())
        {
            Pass(errorRatio);
            Assert.True(clock.Now - began < TimeSpan.FromHours(5));
        }
        double detected = (clock.Now - began).TotalSeconds;
        Assert.Equal(page, evaluator.Evaluate(Slo(), clock.Now.AddTicks(-1)).Policies.First(policy => policy.Holds == true).Policy.Name);
        // Long enough for the short window to have nothing but trouble in it, short enough for the long one not to be full of it.
        for (int step = 0; step < 200; step++)
        {
            Pass(errorRatio);
        }
        DateTimeOffset ended = clock.Now;
        BurnPolicy policy = Slo().Policies.Single(policy => policy.Name == page);
        while (evaluator.Evaluate(Slo(), clock.Now.AddTicks(-1)).Policies.Single(state => state.Policy == policy).Holds == true)
        {
            Pass(0);
        }
        double over = (clock.Now - ended).TotalSeconds;

        // Steps are of 10 s; a long window older than two hours begins with a whole minute.
        Assert.InRange(detected, detection - 60 * (detection > 7200 ? 1 : 0), detection + 10 + 60 * (detection > 7200 ? 1 : 0));
        Assert.InRange(over, reset, reset + 10);
    }

    [Fact]
    public void A_slow_burn_pages_nobody_and_ends_as_a_ticket()
    {
        (Ledger.Ledger ledger, TestClock clock) = NewLedger(Slo());
        SeriesTap good = ledger.Bind(OracleTests.Series("200", isDelta: true))!;
        SeriesTap bad = ledger.Bind(OracleTests.Series("500", isDelta: true))!;
        for (int minute = 0; minute < 4 * 1440; minute++)
        {
            clock.Now += TimeSpan.FromMinutes(1);
            using Lock.Scope batch = ledger.BeginBatch();
            good.Number(0, OracleTests.Nanos(clock.Now.AddSeconds(-1)), 996);
            bad.Number(0, OracleTests.Nanos(clock.Now.AddSeconds(-1)), 4);
        }

        SloStatus status = new SloEvaluator(ledger).Evaluate(Slo(), clock.Now.AddTicks(-1));

        Assert.Equal(["slow-burn", "creep"], status.Policies.Where(policy => policy.Holds == true).Select(policy => policy.Policy.Name));
        Assert.All(status.Policies, policy => Assert.Equal(4, policy.LongBurn!.Value, 6));
    }

    [Theory]
    [InlineData(BurnPreset.Workbook, 30, "14.4/60/5 6/360/30 1/4320/360")]
    [InlineData(BurnPreset.Sloth, 30, "14.4/60/5 6/360/30 3/1440/120 1/4320/360")]
    [InlineData(BurnPreset.Pyrra, 28, "14/60/5 7/360/30 2/1440/120 1/5760/360")]
    [InlineData(BurnPreset.Pyrra, 14, "14/30/3 7/180/15 2/720/60 1/2880/180")]
    [InlineData(BurnPreset.Datadog, 7, "16.8/60/5 5.6/360/30 2.8/1440/120")]
    public void Presets_are_those_of_their_makers(BurnPreset preset, int days, string expected) => Assert.Equal(expected, string.Join(' ', BurnPresets
        .Of(preset, 0.999, TimeSpan.FromDays(days))
        .Select(policy => FormattableString.Invariant($"{policy.Factor:0.##}/{policy.Long.TotalMinutes:0}/{policy.Short.TotalMinutes:0}"))));

    [Fact]
    public void A_threshold_is_a_share_of_the_budget_or_the_time_that_a_budget_lasts()
    {
        Assert.Equal(14.4, BurnPolicy.FactorOfBudgetShare(0.02, TimeSpan.FromHours(1), Month), 9);
        Assert.Equal(14.4, BurnPolicy.FactorOfExhaustion(TimeSpan.FromHours(50), Month), 9);
    }

    [Fact]
    public void A_policy_that_could_never_hold_is_refused_with_the_reason()
    {
        var policy = new BurnPolicy("p", Severity.Page, TimeSpan.FromHours(1), TimeSpan.FromMinutes(5), 14.4, TimeSpan.Zero);

        Assert.Equal("the factor is 14.4; even a total outage burns at 10, so it could never be reached", policy.Refusal(0.9, Month));
        Assert.Null(policy.Refusal(0.95, Month));
        Assert.Null((policy with { Factor = 10 }).Refusal(0.9, Month));
        Assert.Contains("long window", (policy with { Long = TimeSpan.FromDays(2) }).Refusal(0.999, TimeSpan.FromDays(1)), StringComparison.Ordinal);
        Assert.Contains("short window", (policy with { Short = TimeSpan.FromHours(1) }).Refusal(0.999, Month), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, 5, 10, 0, false)]
    [InlineData(5, 5, 5, 0, true)]
    [InlineData(50, 2, 10, 3, false)]
    [InlineData(50, 3, 10, 3, true)]
    public void Little_traffic_or_few_failures_hold_no_policy(int events, int failures, double minimumEvents, double minimumFailures, bool holds)
    {
        ServiceLevelObjective slo = Slo() with { MinimumEvents = minimumEvents, MinimumFailures = minimumFailures };
        (Ledger.Ledger ledger, TestClock clock) = NewLedger(slo);
        Count(ledger, clock.Now, events - failures, failures);

        Assert.Equal(holds, new SloEvaluator(ledger).Evaluate(slo, clock.Now).Policies[0].Holds);
        Assert.Equal(!holds, new SloEvaluator(ledger).IsQuiet(slo, clock.Now));
    }

    [Fact]
    public void Traffic_aware_burn_weighs_a_stretch_by_its_traffic()
    {
        ServiceLevelObjective slo = Slo() with { IsTrafficAware = true };
        (Ledger.Ledger ledger, TestClock clock) = NewLedger(slo);
        for (int hour = 0; hour < 24; hour++)
        {
            Count(ledger, clock.Now, 100_000, 0);
            clock.Now += TimeSpan.FromHours(1);
        }
        Count(ledger, clock.Now, 80, 20);

        PolicyState page = new SloEvaluator(ledger).Evaluate(slo, clock.Now).Policies[0];
        PolicyState plain = new SloEvaluator(ledger).Evaluate(slo with { IsTrafficAware = false }, clock.Now).Policies[0];

        // A fifth of a hundred requests failed: 200 times the ratio allowed, but a fifth of what an hour of the day's traffic may lose.
        Assert.True(plain.Holds);
        Assert.Equal(200, plain.LongBurn!.Value, 6);
        Assert.False(page.Holds);
        Assert.InRange(page.LongBurn!.Value, 0.19, 0.21);
    }

    [Fact]
    public void Below_the_coverage_floor_no_policy_is_judged()
    {
        ServiceLevelObjective slo = Slo() with { CoverageFloor = 0.5 };
        (Ledger.Ledger ledger, TestClock clock) = NewLedger(slo);
        Count(ledger, clock.Now.AddMinutes(-59), 100, 0);
        Count(ledger, clock.Now, 0, 100);

        Assert.Null(new SloEvaluator(ledger).Evaluate(slo, clock.Now).Policies[0].Holds);
        Assert.True(new SloEvaluator(ledger).Evaluate(slo with { CoverageFloor = 0 }, clock.Now).Policies[0].Holds);
    }

    [Fact]
    public void Releases_pause_while_an_hour_burns_twice_what_it_may()
    {
        ServiceLevelObjective slo = Slo() with { Policies = [BurnPolicy.PauseReleases] };
        (Ledger.Ledger ledger, TestClock clock) = NewLedger(slo);
        Count(ledger, clock.Now, 999, 1);
        Assert.False(new SloEvaluator(ledger).Evaluate(slo, clock.Now).ReleasesPaused);
        Count(ledger, clock.Now.AddSeconds(1), 0, 2);
        Assert.True(new SloEvaluator(ledger).Evaluate(slo, clock.Now).ReleasesPaused);
    }

    [Fact]
    public void A_forecast_spends_the_budget_that_is_left_and_says_how_sure_it_is()
    {
        // A full window: 1,000 bad events allowed, 400 gone, 100 in the last hour.
        var full = Forecast.Of(1000, 400, 0.001, new WindowSum(99_900, 100_000, 60), TimeSpan.FromHours(1), TimeSpan.Zero, null);
        Assert.Equal(6, full.Expected!.Value.TotalHours, 6);
        // 95 % of Poisson counts of mean 100 lie in 81 to 121.
        Assert.InRange(full.Earliest!.Value.TotalHours, 600 / 121d, 600 / 119d);
        Assert.InRange(full.Latest!.Value.TotalHours, 600 / 82d, 600 / 80d);

        // A month that has just begun gets budget with its traffic, and renews.
        var begun = Forecast.Of(10, 5, 0.001, new WindowSum(99_900, 100_000, 60), TimeSpan.FromHours(1), TimeSpan.FromDays(20), TimeSpan.FromDays(20));
        Assert.Null(begun.Expected);
        var month = Forecast.Of(10, 5, 0.001, new WindowSum(99_800, 100_000, 60), TimeSpan.FromHours(1), TimeSpan.FromDays(20), TimeSpan.FromDays(20));
        Assert.Equal(3, month.Expected!.Value.TotalMinutes, 6);
        Assert.Equal(default, Forecast.Of(10, 11, 0.001, new WindowSum(99_800, 100_000, 60), TimeSpan.FromHours(1), TimeSpan.Zero, null));
    }

    [Fact]
    public void More_good_events_than_events_are_flagged()
    {
        var status = new SloStatus { Slo = Slo(), Sum = new WindowSum(11, 10, 1), Burns = [], Policies = [], State = SloState.Ok };

        Assert.True(status.IsImpossible);
        Assert.False((status with { Sum = new WindowSum(10, 10, 1) }).IsImpossible);
    }

    private static void Count(Ledger.Ledger ledger, DateTimeOffset time, double good, double bad)
    {
        using Lock.Scope batch = ledger.BeginBatch();
        ledger.Bind(OracleTests.Series("200", isDelta: true))!.Number(0, OracleTests.Nanos(time), good);
        ledger.Bind(OracleTests.Series("500", isDelta: true))!.Number(0, OracleTests.Nanos(time), bad);
    }

    private static ServiceLevelObjective Slo() => OracleTests.Slo(BudgetingMethod.Occurrences) with
    {
        Objective = 0.999,
        Policies = BurnPresets.Of(BurnPreset.Sloth, 0.999, Month),
    };

    private static (Ledger.Ledger Ledger, TestClock Clock) NewLedger(ServiceLevelObjective slo)
    {
        var clock = new TestClock { Now = Start };
        var ledger = new Ledger.Ledger(new NoStore(), clock);
        ledger.SetSlosAsync([slo], default).GetAwaiter().GetResult();
        return (ledger, clock);
    }
}
