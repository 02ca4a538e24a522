using System.Runtime.CompilerServices;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Burn;

/// <summary>How an SLO stands.</summary>
public enum SloState
{
    /// <summary>No events in the window.</summary>
    NoData,
    /// <summary>On course.</summary>
    Ok,
    /// <summary>A ticket's condition holds, or less than a tenth of the budget is left.</summary>
    Warning,
    /// <summary>A page's condition holds.</summary>
    Burning,
    /// <summary>The budget is spent.</summary>
    Exhausted,
}

/// <summary>Burn over one window.</summary>
/// <param name="Window">The window.</param>
/// <param name="Rate">Burn rate; null without events.</param>
/// <param name="Sum">Events.</param>
/// <param name="Coverage">Share of the window's minutes, of those since the first data, that have data.</param>
public readonly record struct WindowBurn(TimeSpan Window, double? Rate, WindowSum Sum, double Coverage);

/// <summary>A policy and whether it holds.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="LongBurn">Burn rate over the long window.</param>
/// <param name="ShortBurn">Burn rate over the short window.</param>
/// <param name="Holds">Whether the condition holds; null when there are no data to tell, and alerts keep their state.</param>
public readonly record struct PolicyState(BurnPolicy Policy, double? LongBurn, double? ShortBurn, bool? Holds);

/// <summary>An SLO at a moment.</summary>
public sealed record SloStatus
{
    /// <summary>The SLO.</summary>
    public required ServiceLevelObjective Slo { get; init; }

    /// <summary>Events of its window so far, or slices, by its budgeting method.</summary>
    public required WindowSum Sum { get; init; }

    /// <summary>Events of its window so far, whatever the method.</summary>
    public WindowSum Events { get => field == default ? Sum : field; init; }

    /// <summary>Start and end of its window.</summary>
    public (DateTimeOffset Start, DateTimeOffset End) Bounds { get; init; }

    /// <summary>Share that was good in the window; null without events.</summary>
    public double? Attained => Sum.Total > 0 ? Sum.Good / Sum.Total : null;

    /// <summary>
    /// Bad events that the window's traffic so far allows; or bad slices that the whole window allows, when it is a calendar's: the number of
    /// its slices is known when it begins.
    /// </summary>
    public double AllowedBad => Slo.Budget * (IsOfCalendarSlices ? Math.Max(Sum.Total, (Bounds.End - Bounds.Start) / Slo.Objectives[0].Slice) : Sum.Total);

    /// <summary>Share of the budget spent: bad / allowed.</summary>
    public double BudgetConsumed => AllowedBad > 0 ? Sum.Bad / AllowedBad : 0;

    /// <summary>Share of the budget left; negative when overspent.</summary>
    public double BudgetRemaining => 1 - BudgetConsumed;

    /// <summary>Whether more good events were reported than events: what is measured does not belong together.</summary>
    public bool IsImpossible => Events.Good > Events.Total * (1 + 1e-9);

    /// <summary>When the budget is gone if the last hour goes on.</summary>
    public Forecast Forecast { get; init; }

    /// <summary>Time until the budget is gone at the burn of the last hour; null when it does not burn, or is gone.</summary>
    public TimeSpan? Exhaustion { get => field ?? Forecast.Expected; init; }

    /// <summary>Whether releases are to pause: a policy that says so holds.</summary>
    public bool ReleasesPaused => Policies.Any(policy => policy.Holds == true && policy.Policy.PausesReleases);

    internal bool IsOfCalendarSlices => Slo.Method != BudgetingMethod.Occurrences && Slo.BudgetWindow is CalendarWindow;

    /// <summary>Burn by window, shortest first.</summary>
    public required IReadOnlyList<WindowBurn> Burns { get; init; }

    /// <summary>Policies, the most urgent first.</summary>
    public required IReadOnlyList<PolicyState> Policies { get; init; }

    /// <summary>How it stands.</summary>
    public required SloState State { get; init; }
}

/// <summary>Evaluates SLOs against the ledger: a few reads each, whatever the windows.</summary>
public sealed class SloEvaluator(Ledger.Ledger ledger)
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly ConditionalWeakTable<ServiceLevelObjective, Plan> _plans = [];

    /// <summary>What of an SLO is evaluated on its own: its objectives, and their groups.</summary>
    public IReadOnlyList<ServiceLevelObjective> Evaluated(ServiceLevelObjective slo) => ledger.Evaluated(slo);

    /// <summary>Evaluates an SLO of one objective; of several, the first.</summary>
    public SloStatus Evaluate(ServiceLevelObjective slo, DateTimeOffset now)
    {
        if (slo.Objectives.Count > 1)
        {
            slo = slo.Each().First();
        }
        Plan plan = _plans.GetValue(slo, Plan.Of);
        var sums = new WindowSum[plan.Windows.Length];
        ledger.Sum(slo.Id, now, plan.Windows, sums);
        PolicyState[] policies = new PolicyState[plan.Policies.Length];
        for (int index = 0; index < policies.Length; index++)
        {
            policies[index] = Hold(slo, plan.Policies[index], sums, now);
        }
        var burns = new List<WindowBurn>();
        for (int index = 0; index < sums.Length; index++)
        {
            if (plan.Windows[index] <= slo.Window)
            {
                burns.Add(new WindowBurn(plan.Windows[index], Rate(slo, sums[index]), sums[index], ledger.Coverage(slo.Id, now, plan.Windows[index])));
            }
        }
        (DateTimeOffset Start, DateTimeOffset End) bounds = slo.BudgetWindow.Bounds(now);
        WindowSum sum = ledger.BudgetSum(slo.Id, now);
        var status = new SloStatus
        {
            Slo = slo,
            Sum = sum,
            Events = slo.Method == BudgetingMethod.Occurrences ? sum : ledger.Events(slo.Id, now, now - bounds.Start + (slo.BudgetWindow is CalendarWindow ? TimeSpan.FromTicks(1) : default)),
            Bounds = bounds,
            Burns = burns,
            Policies = policies,
            State = SloState.NoData,
        };
        return status with { Forecast = Forecast(status, sums[plan.Hour], now), State = State(status, policies) };
    }

    /// <summary>Whether an SLO's policies all say that they do not hold: then, most of the time, its status need not be made.</summary>
    public bool IsQuiet(ServiceLevelObjective slo, DateTimeOffset now)
    {
        Plan plan = _plans.GetValue(slo, Plan.Of);
        Span<WindowSum> sums = stackalloc WindowSum[plan.Windows.Length];
        ledger.Sum(slo.Id, now, plan.Windows, sums);
        foreach (PlannedPolicy policy in plan.Policies)
        {
            if (Hold(slo, policy, sums, now).Holds == true)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Burn rate of a sum: its error ratio in units of the ratio that spends exactly the budget; null without events.</summary>
    public static double? Rate(ServiceLevelObjective slo, WindowSum sum) => sum.Total > 0 ? sum.Bad / sum.Total / slo.Budget : null;

    private PolicyState Hold(ServiceLevelObjective slo, in PlannedPolicy planned, ReadOnlySpan<WindowSum> sums, DateTimeOffset now)
    {
        (BurnPolicy policy, WindowSum longSum, WindowSum shortSum) = (planned.Policy, sums[planned.Long], sums[planned.Short]);
        double? longBurn = Rate(slo, longSum);
        double? shortBurn = Rate(slo, shortSum);
        if (slo.IsTrafficAware && longBurn > 0)
        {
            longBurn *= Traffic(slo, longSum, policy.Long, now);
            shortBurn *= Traffic(slo, shortSum, policy.Short, now);
        }
        bool? holds = longBurn is null || shortBurn is null ? null : longBurn >= policy.Factor && shortBurn >= policy.Factor && HasEnough(slo, policy, now);
        if (slo.CoverageFloor > 0 && ledger.Coverage(slo.Id, now, policy.Long) < slo.CoverageFloor)
        {
            holds = null;
        }
        return new PolicyState(policy, longBurn, shortBurn, holds);
    }

    /// <summary>Whether there were events, and bad ones, enough to judge by.</summary>
    private bool HasEnough(ServiceLevelObjective slo, BurnPolicy policy, DateTimeOffset now)
    {
        WindowSum events = ledger.Events(slo.Id, now, policy.Long);
        return events.Total >= slo.MinimumEvents && events.Bad >= slo.MinimumFailures;
    }

    /// <summary>How dense the traffic of a stretch was, out of that of the budget's window.</summary>
    private double Traffic(ServiceLevelObjective slo, WindowSum sum, TimeSpan stretch, DateTimeOffset now)
    {
        WindowSum whole = ledger.BudgetSum(slo.Id, now);
        TimeSpan elapsed = Elapsed(slo, now);
        return whole.Total > 0 && elapsed > stretch ? sum.Total / stretch.TotalSeconds / (whole.Total / elapsed.TotalSeconds) : 1;
    }

    /// <summary>How much of the budget's window has passed, as far as there are data of it.</summary>
    private TimeSpan Elapsed(ServiceLevelObjective slo, DateTimeOffset now)
    {
        DateTimeOffset start = slo.BudgetWindow.Bounds(now).Start;
        return ledger.FirstData(slo.Id) is { } first && first > start ? now - first : now - start;
    }

    private Forecast Forecast(SloStatus status, WindowSum hour, DateTimeOffset now)
    {
        ServiceLevelObjective slo = status.Slo;
        TimeSpan? renews = slo.BudgetWindow is CalendarWindow ? status.Bounds.End - now : null;
        TimeSpan elapsed = Elapsed(slo, now);
        TimeSpan filling = renews ?? (slo.Window > elapsed ? slo.Window - elapsed : TimeSpan.Zero);
        return Burn.Forecast.Of(
            status.AllowedBad, status.Sum.Bad, status.IsOfCalendarSlices ? 0 : slo.Budget, hour, elapsed < Hour && elapsed > TimeSpan.Zero ? elapsed : Hour, filling, renews);
    }

    private static SloState State(SloStatus status, PolicyState[] policies)
    {
        if (status.Attained is null)
        {
            return SloState.NoData;
        }
        if (Array.Exists(policies, policy => policy.Holds == true && policy.Policy.Severity == Severity.Page))
        {
            return SloState.Burning;
        }
        if (status.BudgetRemaining <= 0)
        {
            return SloState.Exhausted;
        }
        return status.BudgetRemaining < 0.1 || Array.Exists(policies, policy => policy.Holds == true) ? SloState.Warning : SloState.Ok;
    }

    private readonly record struct PlannedPolicy(BurnPolicy Policy, int Long, int Short);

    /// <summary>The windows of an SLO, and its policies with their windows' places.</summary>
    private sealed class Plan
    {
        public required TimeSpan[] Windows { get; init; }

        public required PlannedPolicy[] Policies { get; init; }

        public required int Hour { get; init; }

        public static Plan Of(ServiceLevelObjective slo)
        {
            TimeSpan[] windows = [.. slo.Policies.SelectMany(policy => (TimeSpan[])[policy.Short, policy.Long])
                .Append(SloEvaluator.Hour).Append(TimeSpan.FromDays(1)).Distinct().Order()];
            return new Plan
            {
                Windows = windows,
                Policies = [.. slo.Policies.OrderByDescending(policy => policy.Severity)
                    .Select(policy => new PlannedPolicy(policy, Array.IndexOf(windows, policy.Long), Array.IndexOf(windows, policy.Short)))],
                Hour = Array.IndexOf(windows, SloEvaluator.Hour),
            };
        }
    }
}
