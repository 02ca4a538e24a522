using SloEngine.Slo.Export;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Definitions;

/// <summary>What a request changes, or would change.</summary>
/// <param name="Id">Id of the SLO.</param>
/// <param name="Action">created, replaced, unchanged or removed.</param>
/// <param name="Version">Version of the SLO after it.</param>
public sealed record SloChange(string Id, string Action, uint Version)
{
    /// <summary>What is measured and when it alerts, of each objective; none of one that is removed.</summary>
    public IReadOnlyList<SloExplanation> Explanation { get; init; } = [];

    /// <summary>What is known of the past, of each objective.</summary>
    public IReadOnlyList<SloPast> Past { get; init; } = [];

    /// <summary>What makes sense and may not be meant.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The SLO after it; null when it is removed.</summary>
    internal ServiceLevelObjective? Slo { get; init; }
}

/// <summary>What an objective has of the past when its definition comes into use.</summary>
/// <param name="Id">The objective.</param>
/// <param name="CountedMinutes">Minutes within the budget's window that the ledger has of what it measures: counted for an earlier definition that measured the same.</param>
/// <param name="CountedSince">The first of them; null when there are none.</param>
/// <param name="BackfilledFrom">
/// Start of what is counted from stored telemetry, as far as that reaches back (of spans and log records that are sampled, none is); null where the ledger has
/// its past already, or where another system measures it.
/// </param>
/// <param name="BackfilledTo">Its end.</param>
public sealed record SloPast(string Id, int CountedMinutes, DateTimeOffset? CountedSince, DateTimeOffset? BackfilledFrom, DateTimeOffset? BackfilledTo);
