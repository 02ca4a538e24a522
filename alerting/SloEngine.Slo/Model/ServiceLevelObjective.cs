using SloEngine.Slo.Burn;

namespace SloEngine.Slo.Model;

/// <summary>A service level objective: what is measured, how good it has to be, over which window.</summary>
public sealed record ServiceLevelObjective
{
    /// <summary>Name, unique in the catalog.</summary>
    public required string Id { get; init; }

    /// <summary>Name for people.</summary>
    public required string DisplayName { get; init; }

    /// <summary>What it promises, in words.</summary>
    public string Description { get; init; } = "";

    /// <summary>Service that it belongs to.</summary>
    public required string Service { get; init; }

    /// <summary>Labels, for alerts and for finding it.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Where the person who is paged reads on; null when none is given.</summary>
    public string? Runbook { get; init; }

    /// <summary>Share of events that have to be good, 0 to 1 (exclusive).</summary>
    public required double Objective { get; init; }

    /// <summary>Rolling window of the budget.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>What is measured.</summary>
    public required Indicator Indicator { get; init; }

    /// <summary>When to alert.</summary>
    public required IReadOnlyList<BurnPolicy> Policies { get; init; }

    /// <summary>File and line of the definition.</summary>
    public string Source { get; init; } = "";

    /// <summary>Name of its buckets in the ledger: a changed indicator starts new ones, so that old counts never mix with new ones.</summary>
    public string LedgerKey => $"{Id}@{Indicator.Fingerprint}";

    /// <summary>Share of events that may be bad.</summary>
    public double Budget => 1 - Objective;
}
