using SloEngine.Slo.Burn;

namespace SloEngine.Slo.Model;

/// <summary>One target of an SLO.</summary>
/// <param name="Name">Name, unique in the SLO; may be empty when there is only one.</param>
/// <param name="Target">Share that has to be good, 0 to 1 (exclusive): of events, or of slices.</param>
/// <param name="TimesliceTarget">Share of a slice's events that makes it good; null stands for <paramref name="Target"/>.</param>
/// <param name="TimesliceWindow">Length of a slice, whole minutes that divide a day; null stands for a minute.</param>
/// <param name="Weight">Weight in the whole that the SLO's objectives make up; null where they make up none, or for 1.</param>
public sealed record Objective(string Name, double Target, double? TimesliceTarget = null, TimeSpan? TimesliceWindow = null, double? Weight = null)
{
    /// <summary>Shortest slice, and what every slice is a multiple of: the ledger keeps minutes.</summary>
    public static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>What it measures, when it is not what the SLO does (thresholds differ by objective); null for the SLO's indicator.</summary>
    public Indicator? Indicator { get; init; }

    /// <summary>When to alert; null for the SLO's policies, or for never where those are about the whole.</summary>
    public IReadOnlyList<BurnPolicy>? Policies { get; init; }

    /// <summary>Length of a slice.</summary>
    public TimeSpan Slice => TimesliceWindow ?? Minute;

    /// <summary>Share of a slice's events that makes it good.</summary>
    public double SliceTarget => TimesliceTarget ?? Target;
}
