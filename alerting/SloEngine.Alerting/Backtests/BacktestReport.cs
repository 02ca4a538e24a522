using SloEngine.Slo.Burn;

namespace SloEngine.Alerting.Backtests;

/// <summary>What a backtest came to.</summary>
/// <param name="From">Start of the range.</param>
/// <param name="To">Its end.</param>
/// <param name="StepSeconds">Time between evaluations.</param>
/// <param name="Policies">One result for each set of policies, in the order in which they were named.</param>
public sealed record BacktestReport(DateTimeOffset From, DateTimeOffset To, double StepSeconds, IReadOnlyList<BacktestResult> Policies);

/// <summary>What one set of policies would have done.</summary>
public sealed record BacktestResult
{
    /// <summary>Name of the set: a preset, or a file.</summary>
    public required string Name { get; init; }

    /// <summary>The SLOs, each objective on its own.</summary>
    public required IReadOnlyList<BacktestedSlo> Slos { get; init; }

    /// <summary>Every alert that would have fired, oldest first, those of groups included.</summary>
    public required IReadOnlyList<BacktestAlert> Alerts { get; init; }

    /// <summary>Pages.</summary>
    public required int Pages { get; init; }

    /// <summary>Tickets.</summary>
    public required int Tickets { get; init; }

    /// <summary>Pages a week.</summary>
    public required double PagesPerWeek { get; init; }

    /// <summary>Tickets a week.</summary>
    public required double TicketsPerWeek { get; init; }

    /// <summary>How incidents were told; null when none were given.</summary>
    public Detection? Detection { get; init; }
}

/// <summary>An SLO, or one of its objectives, over the range.</summary>
public sealed record BacktestedSlo
{
    /// <summary>Id.</summary>
    public required string Slo { get; init; }

    /// <summary>Share that has to be good.</summary>
    public required double Objective { get; init; }

    /// <summary>Longest length of the budget's window.</summary>
    public required double WindowSeconds { get; init; }

    /// <summary>Good events in the range.</summary>
    public required double Good { get; init; }

    /// <summary>All events in the range.</summary>
    public required double Total { get; init; }

    /// <summary>Share of the range's events that was good; null without events.</summary>
    public double? Attained => Total > 0 ? Good / Total : null;

    /// <summary>When it alerts.</summary>
    public required IReadOnlyList<BacktestPolicy> Policies { get; init; }

    /// <summary>Share of the budget left, over the range.</summary>
    public required IReadOnlyList<BudgetPoint> Budget { get; init; }
}

/// <summary>A burn policy.</summary>
/// <param name="Name">Name.</param>
/// <param name="Severity">page or ticket.</param>
/// <param name="LongSeconds">Long window.</param>
/// <param name="ShortSeconds">Short window.</param>
/// <param name="Factor">Burn rate.</param>
/// <param name="ForSeconds">How long it has to hold.</param>
public sealed record BacktestPolicy(string Name, string Severity, double LongSeconds, double ShortSeconds, double Factor, double ForSeconds)
{
    internal static BacktestPolicy Of(BurnPolicy policy) => new(
        policy.Name, Alerts.AlertText.Name(policy.Severity), policy.Long.TotalSeconds, policy.Short.TotalSeconds, policy.Factor, policy.For.TotalSeconds);
}

/// <summary>Budget at a time.</summary>
/// <param name="Time">The time.</param>
/// <param name="Remaining">Share left; negative when overspent, null without events.</param>
public sealed record BudgetPoint(DateTimeOffset Time, double? Remaining);

/// <summary>An alert that would have fired.</summary>
public sealed record BacktestAlert
{
    /// <summary>SLO, objective or group.</summary>
    public required string Slo { get; init; }

    /// <summary>page or ticket.</summary>
    public required string Severity { get; init; }

    /// <summary>The policy that held.</summary>
    public required BacktestPolicy Policy { get; init; }

    /// <summary>When it fired.</summary>
    public required DateTimeOffset Start { get; init; }

    /// <summary>When it resolved; null when it still fires at the range's end.</summary>
    public DateTimeOffset? End { get; init; }

    /// <summary>Burn rate over the long window when it fired.</summary>
    public required double Burn { get; init; }

    /// <summary>The incident that it fired in; null for none.</summary>
    public string? Incident { get; init; }

    internal string Parent { get; init; } = "";
}

/// <summary>How incidents were told.</summary>
public sealed record Detection
{
    /// <summary>Each incident within the range.</summary>
    public required IReadOnlyList<DetectedIncident> Incidents { get; init; }

    /// <summary>Incidents that somebody was paged for.</summary>
    public int Paged => Incidents.Count(incident => incident.PageDelaySeconds is not null);

    /// <summary>Incidents that any alert fired for.</summary>
    public int Detected => Incidents.Count(incident => incident.DelaySeconds is not null);

    /// <summary>Median time from an incident's start to its page, in seconds, of those that were paged; null without any.</summary>
    public double? MedianPageDelaySeconds => Median(Incidents.Select(incident => incident.PageDelaySeconds));

    /// <summary>Median time from an incident's start to its first alert, in seconds, of those that were told; null without any.</summary>
    public double? MedianDelaySeconds => Median(Incidents.Select(incident => incident.DelaySeconds));

    /// <summary>Pages outside of every incident.</summary>
    public required int FalsePages { get; init; }

    /// <summary>Tickets outside of every incident.</summary>
    public required int FalseTickets { get; init; }

    /// <summary>
    /// Tells which alerts belong to which incidents: those that fire from its start until so long after its end. One that fires already when an
    /// incident begins does not count for it: nobody is told anew.
    /// </summary>
    internal static (Detection Detection, IReadOnlyList<BacktestAlert> Alerts) Of(
        IReadOnlyList<Incident> incidents, TimeSpan grace, BacktestRange range, IReadOnlyList<BacktestAlert> alerts)
    {
        Incident[] within = [.. incidents.Where(incident => incident.Start >= range.From && incident.Start < range.To)];
        BacktestAlert[] told = [.. alerts.Select(alert => alert with { Incident = Array.Find(within, incident => IsOf(alert, incident))?.Name })];
        var detection = new Detection
        {
            Incidents = [.. within.Select(incident =>
            {
                BacktestAlert[] its = [.. alerts.Where(alert => IsOf(alert, incident))];
                return new DetectedIncident(incident.Name, incident.Start, incident.End, Delay(its, incident), Delay(its.Where(IsPage), incident));
            })],
            FalsePages = told.Count(alert => alert.Incident is null && IsPage(alert)),
            FalseTickets = told.Count(alert => alert.Incident is null && !IsPage(alert)),
        };
        return (detection, told);

        bool IsOf(BacktestAlert alert, Incident incident) =>
            alert.Start >= incident.Start && alert.Start <= incident.End + grace && incident.Concerns(alert.Slo, alert.Parent);

        static bool IsPage(BacktestAlert alert) => alert.Severity == "page";

        static double? Delay(IEnumerable<BacktestAlert> its, Incident incident) => its.Select(alert => (double?)(alert.Start - incident.Start).TotalSeconds).Min();
    }

    private static double? Median(IEnumerable<double?> delays)
    {
        double[] sorted = [.. delays.OfType<double>().Order()];
        return sorted.Length == 0 ? null : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>An incident and when it was told.</summary>
/// <param name="Name">Name.</param>
/// <param name="Start">When it began.</param>
/// <param name="End">When it was over.</param>
/// <param name="DelaySeconds">Time from its start to the first alert; null when there was none.</param>
/// <param name="PageDelaySeconds">Time from its start to the first page; null when there was none.</param>
public sealed record DetectedIncident(string Name, DateTimeOffset Start, DateTimeOffset End, double? DelaySeconds, double? PageDelaySeconds);
