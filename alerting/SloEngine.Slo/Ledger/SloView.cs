using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>An SLO that is asked for: what it counts is asked of its ledger, what a composite attains of its members'. Guarded by the <see cref="Ledger"/>'s gate.</summary>
/// <param name="slo">The SLO.</param>
/// <param name="ledger">Its ledger; null for a composite, which counts nothing.</param>
/// <param name="all">All SLOs, by id.</param>
internal sealed class SloView(ServiceLevelObjective slo, SloLedger? ledger, IReadOnlyDictionary<string, SloView> all)
{
    /// <summary>Events or slices, by the budgeting method, of (now - window, now].</summary>
    public WindowSum Sum(DateTimeOffset now, TimeSpan window) => ledger?.Sum(slo, now, window) ?? CompositeSums.Of(slo, Members(), now, window);

    /// <summary>Those of the budget's window that a moment is in, up to the moment.</summary>
    public WindowSum BudgetSum(DateTimeOffset now) => ledger?.BudgetSum(slo, now) ?? Sum(now, slo.BudgetWindow.Elapsed(now));

    /// <summary>Events, whatever the budgeting method.</summary>
    public WindowSum Events(DateTimeOffset now, TimeSpan window) => ledger?.Events(now, window) ?? Sum(now, window);

    /// <summary>Events by whole minutes, or longer slots for times past.</summary>
    public WindowSum MinuteSum(DateTimeOffset end, TimeSpan window) => ledger?.MinuteSum(end, window) ?? Sum(end, window);

    /// <summary>The slots that sums since a time are made of.</summary>
    public TimeSpan Resolution(DateTimeOffset since) => Ledgers().Select(counts => counts.Resolution(since)).DefaultIfEmpty(Objective.Minute).Max();

    /// <summary>End of the newest window that telemetry fills; null for none.</summary>
    public DateTimeOffset? FilledUntil(DateTimeOffset now, TimeSpan window) => Ledgers().Select(counts => counts.FilledUntil(now, window)).Order().FirstOrDefault();

    /// <summary>Start of the first minute with data; null without any.</summary>
    public DateTimeOffset? FirstData() => Ledgers().Select(counts => counts.FirstMinute).Min();

    /// <summary>Share of a window's minutes that have data; of a composite that of the least covered member.</summary>
    public double Coverage(DateTimeOffset now, TimeSpan window) => Ledgers().Select(counts => counts.Coverage(now, window)).DefaultIfEmpty().Min();

    /// <summary>How much of its past has been read, 0 to 1; null when none is pending.</summary>
    public double? PastProgress(IReadOnlyList<PendingPast> pending) =>
        Ledgers().Select(counts => pending.FirstOrDefault(past => past.Slo.LedgerKey == counts.Slo.LedgerKey)?.Progress).Min();

    /// <summary>The ledgers that it, or a composite's members, are counted in.</summary>
    private IEnumerable<SloLedger> Ledgers() => ledger is not null ? [ledger] : Members().Select(member => member.Ledger);

    private List<CountedMember> Members()
    {
        var members = new List<CountedMember>();
        foreach (CompositeMember member in slo.Composite ?? [])
        {
            if (all.GetValueOrDefault(member.Slo)?.AsMember(member.Weight, slo) is { } counted)
            {
                members.Add(counted);
            }
        }
        return members;
    }

    /// <summary>It as a member of a composite; null where that may not show it, or it is a composite itself.</summary>
    private CountedMember? AsMember(double weight, ServiceLevelObjective composite) =>
        ledger is not null && composite.MayShow(slo) ? new CountedMember(ledger, slo, weight) : null;
}
