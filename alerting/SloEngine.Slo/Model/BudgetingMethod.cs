namespace SloEngine.Slo.Model;

/// <summary>What the budget is a share of (OpenSLO v1, <c>budgetingMethod</c>).</summary>
public enum BudgetingMethod
{
    /// <summary>Events: the share of bad ones among all.</summary>
    Occurrences,
    /// <summary>Slices of time: the share of those in which too few events were good. Slices without events do not count.</summary>
    Timeslices,
    /// <summary>Slices of time, each with its own share of good events: the mean of those shares. Slices without events do not count.</summary>
    RatioTimeslices,
}
