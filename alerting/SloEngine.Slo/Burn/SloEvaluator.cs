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

    /// <summary>Events in its window.</summary>
    public required WindowSum Sum { get; init; }

    /// <summary>Good events out of all in the window; null without events.</summary>
    public double? Attained => Sum.Total > 0 ? Sum.Good / Sum.Total : null;

    /// <summary>Bad events that the window's traffic allows.</summary>
    public double AllowedBad => Sum.Total * Slo.Budget;

    /// <summary>Share of the budget spent: bad events / allowed ones (occurrences method).</summary>
    public double BudgetConsumed => AllowedBad > 0 ? Sum.Bad / AllowedBad : 0;

    /// <summary>Share of the budget left; negative when overspent.</summary>
    public double BudgetRemaining => 1 - BudgetConsumed;

    /// <summary>Time until the budget is gone at the burn of the last hour; null when it does not burn, or is gone.</summary>
    public TimeSpan? Exhaustion { get; init; }

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
    /// <summary>
    /// Events that a long window needs before a policy may hold: one failure out of three requests at night is no outage.
    /// </summary>
    public const double MinimumEvents = 10;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>Evaluates an SLO.</summary>
    public SloStatus Evaluate(ServiceLevelObjective slo, DateTimeOffset now)
    {
        WindowSum sum = ledger.Sum(slo.Id, now, slo.Window);
        PolicyState[] policies = [.. slo.Policies.OrderByDescending(policy => policy.Severity).Select(policy => Hold(slo, policy, now))];
        IEnumerable<TimeSpan> windows = slo.Policies.SelectMany(policy => (TimeSpan[])[policy.Short, policy.Long])
            .Append(Hour).Append(TimeSpan.FromDays(1)).Where(window => window <= slo.Window).Distinct().Order();
        var status = new SloStatus
        {
            Slo = slo,
            Sum = sum,
            Burns = [.. windows.Select(window => Burn(slo, window, now))],
            Policies = policies,
            State = SloState.NoData,
        };
        double? recent = Rate(slo, ledger.Sum(slo.Id, now, Hour));
        return status with
        {
            Exhaustion = status.BudgetRemaining > 0 && recent > 0
                ? TimeSpan.FromSeconds(Math.Min(TimeSpan.MaxValue.TotalSeconds / 2, status.BudgetRemaining * slo.Window.TotalSeconds / recent.Value))
                : null,
            State = State(status, policies),
        };
    }

    /// <summary>Burn rate of a sum: its error ratio in units of the ratio that spends exactly the budget; null without events.</summary>
    public static double? Rate(ServiceLevelObjective slo, WindowSum sum) => sum.Total > 0 ? sum.Bad / sum.Total / slo.Budget : null;

    private WindowBurn Burn(ServiceLevelObjective slo, TimeSpan window, DateTimeOffset now)
    {
        WindowSum sum = ledger.Sum(slo.Id, now, window);
        return new WindowBurn(window, Rate(slo, sum), sum, ledger.Coverage(slo.Id, now, window));
    }

    private PolicyState Hold(ServiceLevelObjective slo, BurnPolicy policy, DateTimeOffset now)
    {
        WindowSum longSum = ledger.Sum(slo.Id, now, policy.Long);
        WindowSum shortSum = ledger.Sum(slo.Id, now, policy.Short);
        double? longBurn = Rate(slo, longSum);
        double? shortBurn = Rate(slo, shortSum);
        bool? holds = longBurn is null || shortBurn is null ? null
            : longSum.Total >= MinimumEvents && longBurn >= policy.Factor && shortBurn >= policy.Factor;
        return new PolicyState(policy, longBurn, shortBurn, holds);
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
}
