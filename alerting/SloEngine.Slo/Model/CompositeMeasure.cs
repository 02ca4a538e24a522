using System.Globalization;

namespace SloEngine.Slo.Model;

/// <summary>An SLO within a composite.</summary>
/// <param name="Slo">Id of the SLO.</param>
/// <param name="Weight">Its weight, above zero: only the ratio to the others' matters.</param>
public readonly record struct CompositeMember(string Slo, double Weight);

/// <summary>
/// The weighted mean of what other SLOs attain over the same stretch of time, each by its own budgeting method. Members without events
/// do not weigh.
/// </summary>
/// <param name="Members">The members.</param>
public sealed record CompositeMeasure(IReadOnlyList<CompositeMember> Members) : Measure
{
    /// <inheritdoc/>
    public override string Describe() => "mean of " + string.Join(
        ", ", Members.Select(member => string.Create(CultureInfo.InvariantCulture, $"{member.Slo} x {member.Weight:R}")));
}
