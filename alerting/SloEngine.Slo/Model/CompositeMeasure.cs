using System.Globalization;

namespace SloEngine.Slo.Model;

/// <summary>An SLO within a composite.</summary>
/// <param name="Slo">Id of the SLO.</param>
/// <param name="Weight">Its weight, above zero.</param>
public readonly record struct CompositeMember(string Slo, double Weight);

/// <summary>What a composite makes of its members over the same stretch of time. Those without events do not weigh.</summary>
public enum CompositeRule
{
    /// <summary>The weighted mean of what they attain, each by its own budgeting method: only the ratios of weights matter.</summary>
    Mean,
    /// <summary>
    /// The sum of their burn rates times their weights, up to that of a total outage: what burns a member's budget burns the composite's at the same rate
    /// (OpenSLO, "Composite SLO", Occurrences and RatioTimeslices).
    /// </summary>
    Burn,
    /// <summary>A slice that is bad for one of them is bad, whatever the weights (OpenSLO, "Composite SLO", Timeslices).</summary>
    AnyBadSlice,
}

/// <summary>Made of what other SLOs attain.</summary>
/// <param name="Members">The members.</param>
/// <param name="Rule">What is made of them.</param>
public sealed record CompositeMeasure(IReadOnlyList<CompositeMember> Members, CompositeRule Rule = CompositeRule.Mean) : Measure
{
    /// <inheritdoc/>
    public override string Describe() => Rule switch
    {
        CompositeRule.Burn => "burn of " + Weighted(),
        CompositeRule.AnyBadSlice => "slices that are bad for any of " + string.Join(", ", Members.Select(member => member.Slo)),
        _ => "mean of " + Weighted(),
    };

    private string Weighted() => string.Join(", ", Members.Select(member => string.Create(CultureInfo.InvariantCulture, $"{member.Slo} x {member.Weight:R}")));
}
