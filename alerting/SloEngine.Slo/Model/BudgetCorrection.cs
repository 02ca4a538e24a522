namespace SloEngine.Slo.Model;

/// <summary>What a correction does to its stretch of time.</summary>
public enum CorrectionKind
{
    /// <summary>No event of the stretch counts.</summary>
    ExcludeAll,
    /// <summary>Bad events of the stretch do not count, good ones do.</summary>
    ExcludeBad,
    /// <summary>Events are added to the stretch, or taken away.</summary>
    AddEvents,
}

/// <summary>
/// A change of what an SLO has counted, made by somebody afterwards. It holds for the events of its stretch whenever they come, and leaves the
/// budget's window together with them.
/// </summary>
/// <param name="Slo">Id of the SLO.</param>
/// <param name="Objective">Name of the objective, which counts events of its own; empty for all of the SLO.</param>
/// <param name="Group">Group, as the ledger names it; empty for all events.</param>
/// <param name="Kind">What it does.</param>
/// <param name="From">Start of the stretch, inclusive: a whole minute.</param>
/// <param name="To">End of the stretch, exclusive: a whole minute.</param>
/// <param name="Good">Good events to add in even parts, negative to take away; for <see cref="CorrectionKind.AddEvents"/>.</param>
/// <param name="Bad">Bad events to add in even parts, negative to give them back; for <see cref="CorrectionKind.AddEvents"/>.</param>
public sealed record BudgetCorrection(
    string Slo, string Objective, string Group, CorrectionKind Kind, DateTimeOffset From, DateTimeOffset To, double Good = 0, double Bad = 0)
{
    /// <summary>Whether a moment is within the stretch.</summary>
    public bool Covers(DateTimeOffset time) => time >= From && time < To;

    /// <summary>Whether it is about what is counted for some objectives of an SLO together: then each of them has to be meant.</summary>
    public bool IsFor(IReadOnlyList<ServiceLevelObjective> sharing) =>
        sharing[0].Parent == Slo && (Objective.Length == 0 || sharing.All(slo => slo.Objectives[0].Name == Objective));

    /// <summary>Good and all events to add to each minute: whole ones, as far as there are, so that sums stay exact.</summary>
    public IEnumerable<(DateTimeOffset Minute, double Good, double Total)> Minutes()
    {
        int minutes = (int)((To - From) / Model.Objective.Minute);
        (double Good, double Bad) added = default;
        for (int minute = 1; minute <= minutes; minute++)
        {
            (double Good, double Bad) upTo = minute == minutes ? (Good, Bad) : (Math.Truncate(Good * minute / minutes), Math.Truncate(Bad * minute / minutes));
            yield return (From + ((minute - 1) * Model.Objective.Minute), upTo.Good - added.Good, upTo.Good - added.Good + upTo.Bad - added.Bad);
            added = upTo;
        }
    }
}
