using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

/// <summary>Corrections and exclusions against a plain evaluation of the same events.</summary>
public sealed class CorrectionTests
{
    private const int Minutes = 240;
    private static readonly DateTimeOffset Start = new(2026, 3, 28, 22, 0, 0, TimeSpan.Zero);
    private static readonly string[] Tenants = ["a", "b"];

    /// <summary>What happens, one after the other: minutes of events come, late or not; what was counted is taken and stored; corrections are made and revoked.</summary>
    private abstract record Step;

    private sealed record Events(int Second, string Tenant, int Good, int Bad) : Step;

    private sealed record Take : Step;

    private sealed record Save : Step;

    private sealed record Correct(BudgetCorrection Correction) : Step;

    private sealed record Revoke(int Index) : Step;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Corrected_sums_equal_a_brute_force_evaluation_whenever_corrections_are_made(bool isGrouped) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(150), Prop.ForAll(Arb.From(Gen.ListOf(Steps(isGrouped), 80)), steps =>
        {
            ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences) with
            {
                Window = TimeSpan.FromHours(6),
                GroupBy = isGrouped ? ["tenant"] : [],
                Exclusions = [new OneOffExclusion(Start.AddMinutes(30), Start.AddMinutes(40))],
            };
            var store = new MinuteStore();
            var clock = new TestClock { Now = Start };
            using var ledger = new Ledger.Ledger(store, clock);
            Set(ledger, slo, []);
            clock.Now = Start.AddMinutes(Minutes);
            var events = new List<Events>();
            var corrections = new List<BudgetCorrection>();
            var taken = new Queue<IReadOnlyList<LedgerIncrement>>();
            foreach (Step step in steps)
            {
                switch (step)
                {
                    case Events counted:
                        events.Add(counted);
                        Count(ledger, counted);
                        break;
                    case Take:
                        taken.Enqueue(ledger.TakeUnsaved());
                        break;
                    case Save when taken.TryDequeue(out IReadOnlyList<LedgerIncrement>? oldest):
                        ledger.SaveAsync(oldest, "", default).GetAwaiter().GetResult();
                        break;
                    case Correct made:
                        corrections.Add(made.Correction);
                        Set(ledger, slo, corrections);
                        break;
                    case Revoke revoked when corrections.Count > 0:
                        corrections.RemoveAt(revoked.Index % corrections.Count);
                        Set(ledger, slo, corrections);
                        break;
                }
            }
            AssertEqual(ledger, events, corrections, isGrouped);

            // Another process reads the same from the store.
            while (taken.TryDequeue(out IReadOnlyList<LedgerIncrement>? left))
            {
                ledger.SaveAsync(left, "", default).GetAwaiter().GetResult();
            }
            ledger.SaveAsync(ledger.TakeUnsaved(), "", default).GetAwaiter().GetResult();
            using var restarted = new Ledger.Ledger(store, clock);
            Set(restarted, slo, corrections);
            AssertEqual(restarted, events, corrections, isGrouped);
        }));

    [Fact]
    public async Task Bad_events_that_are_given_back_leave_the_window_together_with_those_that_were_bad()
    {
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences) with { Window = TimeSpan.FromHours(1) };
        var clock = new TestClock { Now = Start };
        using var ledger = new Ledger.Ledger(new MinuteStore(), clock);
        await ledger.SetSlosAsync([slo], default);
        clock.Now = Start.AddMinutes(10);
        Count(ledger, new Events(5 * 60, "a", 100, 20));
        await ledger.SetSlosAsync([slo], [Added(5, 6, good: 0, bad: -15, tenant: "")], default);
        Count(ledger, new Events(9 * 60, "a", 1000, 0));

        Assert.Equal((1100, 5), Sum(ledger, 10));
        Assert.Equal((1100, 5), Sum(ledger, 64));
        Assert.Equal((1000, 0), Sum(ledger, 65));
    }

    [Fact]
    public async Task A_calendar_window_keeps_a_correction_until_it_ends()
    {
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences) with
        {
            BudgetWindow = new CalendarWindow(CalendarUnit.Day, 1, new DateTime(2026, 1, 1), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")),
        };
        var clock = new TestClock { Now = Start };
        using var ledger = new Ledger.Ledger(new MinuteStore(), clock);
        await ledger.SetSlosAsync([slo], default);
        // Local midnight is an hour after the start, and the day has 23 hours.
        foreach (int hour in (int[])[0, 1, 23, 24])
        {
            clock.Now = Start.AddHours(hour + 0.5);
            Count(ledger, new Events((hour * 3600) + 60, "a", 10, 10));
        }
        await ledger.SetSlosAsync([slo], [new BudgetCorrection("slo", "", "", CorrectionKind.ExcludeBad, Start.AddHours(1), Start.AddHours(2))], default);

        Assert.Equal(20, ledger.BudgetSum("slo", Start.AddMinutes(59)).Total);
        Assert.Equal((30, 20), ledger.BudgetSum("slo", Start.AddHours(24) - TimeSpan.FromTicks(1)) is var day ? (day.Total, day.Good) : default);
        Assert.Equal(20, ledger.BudgetSum("slo", clock.Now).Total);
    }

    [Fact]
    public async Task Corrections_of_times_that_nobody_asks_for_any_more_cost_nothing_and_count_nothing()
    {
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences) with { Window = TimeSpan.FromDays(7) };
        var clock = new TestClock { Now = Start.AddDays(100) };
        using var ledger = new Ledger.Ledger(new MinuteStore(), clock);
        BudgetCorrection[] corrections =
        [
            .. Enumerable.Range(0, 100).Select(_ => Added(0, 40 * 24 * 60, good: 100_000, bad: 0, tenant: "")),
            // Half of it is over.
            Added(86 * 24 * 60, 100 * 24 * 60, good: 14 * 24 * 60, bad: 0, tenant: ""),
        ];
        long before = GC.GetAllocatedBytesForCurrentThread();

        await ledger.SetSlosAsync([slo], corrections, default);

        // Minutes of all of them would be 400 MB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 40_000_000);
        Assert.Equal(clock.Now.AddDays(-7), ledger.FirstData("slo"));
        Assert.Equal(7 * 24 * 60, ledger.MinuteSum("slo", clock.Now, TimeSpan.FromDays(20)).Total);
    }

    [Fact]
    public async Task Slices_are_judged_anew()
    {
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Timeslices) with { Objectives = [new Objective("", 0.9, 0.95)] };
        var clock = new TestClock { Now = Start };
        using var ledger = new Ledger.Ledger(new MinuteStore(), clock);
        await ledger.SetSlosAsync([slo], default);
        clock.Now = Start.AddMinutes(10);
        Count(ledger, new Events(60, "a", 90, 10));
        Count(ledger, new Events(120, "a", 90, 10));
        Count(ledger, new Events(180, "a", 0, 10));
        WindowSum before = ledger.Sum("slo", clock.Now, TimeSpan.FromHours(1));
        await ledger.SetSlosAsync(
            [slo],
            [
                Added(1, 2, good: 6, bad: -6, tenant: ""),
                new BudgetCorrection("slo", "", "", CorrectionKind.ExcludeAll, Start.AddMinutes(3), Start.AddMinutes(4)),
            ],
            default);
        WindowSum after = ledger.Sum("slo", clock.Now, TimeSpan.FromHours(1));

        Assert.Equal((0, 3), (before.Good, before.Total));
        Assert.Equal((1, 2), (after.Good, after.Total));
    }

    [Fact]
    public void An_amount_is_spread_over_its_minutes_in_whole_events() => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(
        Arb.From(from good in Gen.Choose(-500, 500) from bad in Gen.Choose(-500, 500) from length in Gen.Choose(1, 100) select (good, bad, length)),
        given =>
        {
            (DateTimeOffset Minute, double Good, double Total)[] minutes = [.. Added(0, given.length, given.good, given.bad, "").Minutes()];

            Assert.Equal(given.length, minutes.Length);
            Assert.Equal((given.good, given.good + given.bad), (minutes.Sum(minute => minute.Good), minutes.Sum(minute => minute.Total)));
            Assert.All(minutes, minute => Assert.InRange(minute.Good - ((double)given.good / given.length), -1, 1));
            Assert.All(minutes, minute => Assert.Equal(0, minute.Good % 1));
        }));

    private static Gen<Step> Steps(bool isGrouped)
    {
        Gen<string> tenant = isGrouped ? Gen.Elements("", "tenant=\"a\"", "tenant=\"b\"") : Gen.Constant("");
        Gen<Step> correct =
            from kind in Gen.Elements(CorrectionKind.ExcludeAll, CorrectionKind.ExcludeBad, CorrectionKind.AddEvents)
            from begin in Gen.Choose(0, Minutes - 2)
            from length in Gen.Choose(1, 60)
            from good in Gen.Choose(-20, 20)
            from bad in Gen.Choose(-20, 20)
            from of in tenant
            select (Step)new Correct(kind == CorrectionKind.AddEvents
                ? Added(begin, Math.Min(Minutes - 1, begin + length), good, bad, of)
                : new BudgetCorrection("slo", "", of, kind, Start.AddMinutes(begin), Start.AddMinutes(begin + length)));
        return Gen.Frequency(
            (8, from second in Gen.Choose(1, (Minutes * 60) - 61)
                from name in Gen.Elements(Tenants)
                from good in Gen.Choose(0, 30)
                from bad in Gen.Choose(0, 10)
                select (Step)new Events(second, name, good, bad)),
            (1, Gen.Constant((Step)new Take())),
            (1, Gen.Constant((Step)new Save())),
            (2, correct),
            (1, from index in Gen.Choose(0, 10) select (Step)new Revoke(index)));
    }

    private static BudgetCorrection Added(int from, int to, double good, double bad, string tenant) =>
        new("slo", "", tenant, CorrectionKind.AddEvents, Start.AddMinutes(from), Start.AddMinutes(to), good, bad);

    private static void Set(Ledger.Ledger ledger, ServiceLevelObjective slo, IEnumerable<BudgetCorrection> corrections) =>
        ledger.SetSlosAsync([slo], [.. corrections], default).GetAwaiter().GetResult();

    /// <summary>As delta points, whose taps are bound once: a correction does not take them from the ledger.</summary>
    private static void Count(Ledger.Ledger ledger, Events events)
    {
        using Lock.Scope batch = ledger.BeginBatch();
        long nanos = OracleTests.Nanos(Start.AddSeconds(events.Second));
        ledger.Bind(OracleTests.Series("200", isDelta: true, ("tenant", events.Tenant)))!.Number(0, nanos, events.Good);
        ledger.Bind(OracleTests.Series("500", isDelta: true, ("tenant", events.Tenant)))!.Number(0, nanos, events.Bad);
    }

    private static (double Good, double Bad) Sum(Ledger.Ledger ledger, int minute) =>
        ledger.MinuteSum("slo", Start.AddMinutes(minute), TimeSpan.FromHours(1)) is var sum ? (sum.Good, sum.Total - sum.Good) : default;

    private static void AssertEqual(Ledger.Ledger ledger, List<Events> events, List<BudgetCorrection> corrections, bool isGrouped)
    {
        foreach (string group in isGrouped ? ["", "tenant=\"a\"", "tenant=\"b\""] : (string[])[""])
        {
            (double Good, double Total)[] minutes = BruteForce(events, corrections, group);
            for (int end = 20; end < Minutes; end += 20)
            {
                foreach (int window in (int[])[5, 60, 360])
                {
                    WindowSum sum = ledger.MinuteSum(group.Length == 0 ? "slo" : $"slo{{{group}}}", Start.AddMinutes(end), TimeSpan.FromMinutes(window));
                    (double Good, double Total)[] inside = [.. minutes.Index().Where(minute => minute.Index > end - window && minute.Index <= end).Select(minute => minute.Item)];
                    Assert.Equal(inside.Sum(minute => minute.Good), sum.Good, 6);
                    Assert.Equal(inside.Sum(minute => minute.Total), sum.Total, 6);
                }
            }
        }
    }

    /// <summary>Good and all events of each minute that count for a group, or for the whole.</summary>
    private static (double Good, double Total)[] BruteForce(List<Events> events, List<BudgetCorrection> corrections, string group)
    {
        var minutes = new (double Good, double Total)[Minutes + 60];
        foreach (Events counted in events)
        {
            DateTimeOffset time = Start.AddSeconds(counted.Second);
            string own = $"tenant=\"{counted.Tenant}\"";
            BudgetCorrection[] about = [.. corrections.Where(correction => correction.Covers(time) && (correction.Group.Length == 0 || correction.Group == own))];
            if ((group.Length > 0 && group != own) || counted.Second / 60 is >= 30 and < 40 || about.Any(correction => correction.Kind == CorrectionKind.ExcludeAll))
            {
                continue;
            }
            minutes[counted.Second / 60].Good += counted.Good;
            minutes[counted.Second / 60].Total += counted.Good + (about.Any(correction => correction.Kind == CorrectionKind.ExcludeBad) ? 0 : counted.Bad);
        }
        foreach (BudgetCorrection added in corrections.Where(correction => correction.Kind == CorrectionKind.AddEvents && (group.Length == 0 || correction.Group == group)))
        {
            foreach ((DateTimeOffset minute, double good, double total) in added.Minutes())
            {
                int index = (int)(minute - Start).TotalMinutes;
                minutes[index] = (minutes[index].Good + good, minutes[index].Total + total);
            }
        }
        return minutes;
    }

    private sealed class MinuteStore : ILedgerStore
    {
        private readonly List<LedgerIncrement> _all = [];

        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation)
        {
            _all.AddRange(increments);
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([.. _all.Where(increment => increment.Key == key && increment.Minute >= since)
                .GroupBy(increment => (increment.Group, increment.Minute))
                .Select(minute => new LedgerIncrement(key, minute.Key.Group, minute.Key.Minute, minute.Sum(one => one.Good), minute.Sum(one => one.Total)))]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }
}
