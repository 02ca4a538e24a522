using SloEngine.Alerting.Alerts;
using SloEngine.Alerting.Events;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Postmortems;

/// <summary>What is known of an incident of an SLO: the beginnings of a postmortem.</summary>
public sealed record Postmortem
{
    /// <summary>The SLO.</summary>
    public required ServiceLevelObjective Slo { get; init; }

    /// <summary>When the incident begins, as asked for or by its alert.</summary>
    public required DateTimeOffset From { get; init; }

    /// <summary>When it ends.</summary>
    public required DateTimeOffset To { get; init; }

    /// <summary>When the first events burnt the budget faster than it may; null when none did.</summary>
    public DateTimeOffset? Began { get; init; }

    /// <summary>Alerts of the SLO, its objectives and groups in that time, the first first.</summary>
    public required IReadOnlyList<Alert> Alerts { get; init; }

    /// <summary>Changes shortly before and during the incident, the first first.</summary>
    public required IReadOnlyList<ChangeEvent> Changes { get; init; }

    /// <summary>What the incident cost.</summary>
    public required BudgetSpent Budget { get; init; }

    /// <summary>Burn over the incident.</summary>
    public required IReadOnlyList<BurnPoint> Curve { get; init; }

    /// <summary>Groups of a grouped SLO, the most affected first.</summary>
    public required IReadOnlyList<AffectedGroup> Groups { get; init; }

    /// <summary>Spans with errors, the most frequent first.</summary>
    public required IReadOnlyList<ErrorCount> Spans { get; init; }

    /// <summary>Log lines of errors, the most frequent first.</summary>
    public required IReadOnlyList<ErrorCount> Logs { get; init; }

    /// <summary>From the first bad events to the first alert that fired; null when either is missing.</summary>
    public TimeSpan? DetectionDelay => Began is { } began && Alerts.Select(alert => alert.FiredAt).Min() is { } fired && fired >= began ? fired - began : null;
}

/// <summary>Events of an incident, and their share of the budget.</summary>
/// <param name="Bad">Bad events, or slices, of the incident.</param>
/// <param name="Total">All of them.</param>
/// <param name="Allowed">Bad ones that the whole window allows, at the incident's end.</param>
/// <param name="Remaining">Share of the budget left then; negative when it is overspent.</param>
public readonly record struct BudgetSpent(double Bad, double Total, double Allowed, double Remaining)
{
    /// <summary>Share of the budget that the incident spent; null without a budget.</summary>
    public double? Share => Allowed > 0 ? Bad / Allowed : null;
}

/// <summary>A stretch of an incident.</summary>
/// <param name="End">Its end.</param>
/// <param name="Bad">Bad events.</param>
/// <param name="Total">All events.</param>
/// <param name="Burn">Burn rate; null without events.</param>
/// <param name="Remaining">Share of the budget left at its end; null without events in the window.</param>
public readonly record struct BurnPoint(DateTimeOffset End, double Bad, double Total, double? Burn, double? Remaining);

/// <summary>How a group fared.</summary>
/// <param name="Group">The group.</param>
/// <param name="Bad">Bad events.</param>
/// <param name="Total">All events.</param>
/// <param name="ShareOfBad">Share of the incident's bad events that were the group's.</param>
public readonly record struct AffectedGroup(string Group, double Bad, double Total, double ShareOfBad);

/// <summary>An error that was seen again and again.</summary>
/// <param name="Service">Service.</param>
/// <param name="What">Span name and status message, or the log line without its numbers.</param>
/// <param name="Count">How often in the incident.</param>
/// <param name="Before">How often in as long a time before.</param>
/// <param name="TraceId">A trace with it; empty for none.</param>
public readonly record struct ErrorCount(string Service, string What, double Count, double Before, string TraceId);
