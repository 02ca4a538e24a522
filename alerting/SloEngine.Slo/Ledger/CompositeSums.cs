using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>A member of a composite, and where it is counted.</summary>
/// <param name="Ledger">Where it is counted.</param>
/// <param name="Slo">The member.</param>
/// <param name="Weight">Its weight.</param>
internal readonly record struct CountedMember(SloLedger Ledger, ServiceLevelObjective Slo, double Weight);

/// <summary>What composites attain, out of what their members have counted.</summary>
internal static class CompositeSums
{
    /// <summary>Sums of (now - window, now] of a composite.</summary>
    public static WindowSum Of(ServiceLevelObjective composite, IReadOnlyList<CountedMember> members, DateTimeOffset now, TimeSpan window) =>
        ((CompositeMeasure)composite.Indicator.Total).Rule switch
        {
            CompositeRule.AnyBadSlice => SliceSums.Union([.. members.Select(member => member.Ledger.Slices(member.Slo)).OfType<SliceSums>()], now, window),
            CompositeRule.Burn => Burn(composite, members, now, window),
            _ => Mean(members, now, window),
        };

    private static WindowSum Mean(IReadOnlyList<CountedMember> members, DateTimeOffset now, TimeSpan window)
    {
        double weights = 0;
        double attained = 0;
        double total = 0;
        int covered = int.MaxValue;
        foreach (CountedMember member in members)
        {
            WindowSum sum = member.Ledger.Sum(member.Slo, now, window);
            covered = Math.Min(covered, sum.CoveredSlots);
            if (sum.Total > 0)
            {
                weights += member.Weight;
                attained += member.Weight * sum.Good / sum.Total;
                total += sum.Total;
            }
        }
        return weights > 0 ? new WindowSum(total * (attained / weights), total, covered) : default;
    }

    private static WindowSum Burn(ServiceLevelObjective composite, IReadOnlyList<CountedMember> members, DateTimeOffset now, TimeSpan window)
    {
        double rate = 0;
        double total = 0;
        int covered = int.MaxValue;
        foreach (CountedMember member in members)
        {
            WindowSum sum = member.Ledger.Sum(member.Slo, now, window);
            covered = Math.Min(covered, sum.CoveredSlots);
            if (sum.Total > 0)
            {
                rate += member.Weight * sum.Bad / sum.Total / member.Slo.Budget;
                // Members count the same slices, and events of their own.
                total = composite.Method == BudgetingMethod.Occurrences ? total + sum.Total : Math.Max(total, sum.Total);
            }
        }
        return total > 0 ? new WindowSum(total * (1 - Math.Min(1, rate * composite.Budget)), total, covered) : default;
    }
}
