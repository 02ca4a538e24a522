using SloEngine.Alerting.Alerts;
using SloEngine.Alerting.Events;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;

namespace SloEngine.Alerting.Postmortems;

/// <summary>Gathers what ledger, alerts, events and telemetry tell of an incident.</summary>
public sealed class PostmortemBuilder(Ledger ledger, SloEvaluator evaluator, AlertEvaluator alerts, EventTable events, IColumnStore store, TimeProvider time)
{
    private const int CurvePoints = 15;
    private const int MostGroups = 10;
    private const int MostChanges = 50;

    /// <summary>How long before an incident a change may have caused it.</summary>
    private static readonly TimeSpan ChangesBefore = TimeSpan.FromHours(2);

    /// <summary>How long before its first alert an incident is looked for the beginning of.</summary>
    private static readonly TimeSpan LongestUnnoticed = TimeSpan.FromHours(6);

    /// <summary>How long no bad events may come for it to be one incident.</summary>
    private static readonly TimeSpan LongestLull = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Tick = TimeSpan.FromTicks(1);

    private readonly ErrorReader _errors = new(store);

    /// <summary>The time of an SLO's latest alert that fired: from when its condition first held to when it resolved; null when none has fired.</summary>
    public async Task<(DateTimeOffset From, DateTimeOffset To)?> LatestAsync(ServiceLevelObjective slo, DateTimeOffset now, CancellationToken cancellation) =>
        (await AlertsAsync(slo, DateTimeOffset.MinValue, DateTimeOffset.MaxValue, cancellation)).LastOrDefault(alert => alert.FiredAt is not null) is { } alert
            ? (alert.ActiveSince, alert.ResolvedAt ?? now) : null;

    /// <summary>Gathers it: the errors and changes that it tells of are those of the SLO's owner.</summary>
    /// <param name="slo">The SLO.</param>
    /// <param name="from">When the incident begins.</param>
    /// <param name="to">When it ends.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="StoreException">The store is away.</exception>
    public async Task<Postmortem> BuildAsync(ServiceLevelObjective slo, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        string tenant = slo.Owner;
        ServiceLevelObjective whole = slo.Each().First();
        IReadOnlyList<Alert> fired = await AlertsAsync(slo, from, to, cancellation);
        DateTimeOffset? began = Began(whole, from, to, cancellation);
        DateTimeOffset start = began < from ? began.Value : from;
        return new Postmortem
        {
            Slo = slo,
            From = from,
            To = to,
            Began = began,
            Alerts = fired,
            Changes = [.. (await events.ReadAsync(new EventFilter(tenant, start - ChangesBefore, to) { Limit = MostChanges }, cancellation)).Reverse()],
            Budget = Spent(whole, start, to),
            Curve = Curve(whole, start, to),
            Groups = Groups(slo, start, to),
            Spans = await _errors.SpansAsync(tenant, start, to, cancellation),
            Logs = await _errors.LogsAsync(tenant, start, to, cancellation),
        };
    }

    private async Task<IReadOnlyList<Alert>> AlertsAsync(ServiceLevelObjective slo, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        var ids = evaluator.Evaluated(slo).Select(one => one.Id).Append(slo.Id).ToHashSet();
        return [.. (await alerts.HistoryAsync(TenantScope.All, "", 10_000, cancellation))
            .Where(alert => ids.Contains(alert.Slo) && alert.ActiveSince <= to && (alert.ResolvedAt ?? DateTimeOffset.MaxValue) >= from).OrderBy(alert => alert.ActiveSince)];
    }

    /// <summary>The first stretch from which on, up to the incident, the budget burnt faster than it may, with lulls; else the first one within it.</summary>
    private DateTimeOffset? Began(ServiceLevelObjective slo, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        // The ledger has sums of the budget's window alone.
        DateTimeOffset earliest = time.GetUtcNow() - slo.Window;
        from = from > earliest ? from : earliest;
        TimeSpan step = ledger.Resolution(slo.Id, from - LongestUnnoticed);
        DateTimeOffset end = Floor(from, step) + step;
        DateTimeOffset? began = null;
        for (DateTimeOffset at = end; at > from - LongestUnnoticed && (began ?? end) - at <= LongestLull + step; at -= step)
        {
            began = IsBurning(slo, at, step) ? at - step : began;
        }
        for (DateTimeOffset at = end; began is null && at < to + step; at += step)
        {
            cancellation.ThrowIfCancellationRequested();
            began = IsBurning(slo, at, step) ? at - step : null;
        }
        return began;
    }

    private bool IsBurning(ServiceLevelObjective slo, DateTimeOffset end, TimeSpan step) => SloEvaluator.Rate(slo, Events(slo, end - step, end)) >= 1;

    private BudgetSpent Spent(ServiceLevelObjective slo, DateTimeOffset start, DateTimeOffset to)
    {
        TimeSpan slot = ledger.Resolution(slo.Id, start);
        DateTimeOffset end = Ceiling(to, slot);
        DateTimeOffset first = Floor(start, slot);
        WindowSum incident = slo.Method == BudgetingMethod.Occurrences ? Events(slo, first, end) : ledger.Sum(slo.Id, end - Tick, end - first);
        WindowSum window = ledger.BudgetSum(slo.Id, end - Tick);
        double allowed = window.Total * slo.Budget;
        return new BudgetSpent(incident.Bad, incident.Total, allowed, allowed > 0 ? 1 - (window.Bad / allowed) : 1);
    }

    private List<BurnPoint> Curve(ServiceLevelObjective slo, DateTimeOffset start, DateTimeOffset to)
    {
        TimeSpan slot = ledger.Resolution(slo.Id, start);
        DateTimeOffset first = Floor(start, slot);
        TimeSpan step = slot * Math.Max(1, Math.Ceiling((to - first) / slot / CurvePoints));
        var curve = new List<BurnPoint>();
        for (DateTimeOffset end = first + step; end < to + step; end += step)
        {
            WindowSum sum = Events(slo, end - step, end);
            WindowSum window = ledger.BudgetSum(slo.Id, end - Tick);
            double allowed = window.Total * slo.Budget;
            curve.Add(new BurnPoint(end, sum.Bad, sum.Total, SloEvaluator.Rate(slo, sum), allowed > 0 ? 1 - (window.Bad / allowed) : null));
        }
        return curve;
    }

    private List<AffectedGroup> Groups(ServiceLevelObjective slo, DateTimeOffset start, DateTimeOffset to)
    {
        TimeSpan slot = ledger.Resolution(slo.Id, start);
        DateTimeOffset end = Ceiling(to, slot);
        (string Group, WindowSum Sum)[] groups = [.. evaluator.Evaluated(slo).Where(one => one.Group.Length > 0).DistinctBy(one => one.Group)
            .Select(one => (one.Group, Events(one, Floor(start, slot), end)))];
        double bad = groups.Sum(group => group.Sum.Bad);
        return [.. groups.Where(group => group.Sum.Bad > 0).OrderByDescending(group => group.Sum.Bad).Take(MostGroups)
            .Select(group => new AffectedGroup(group.Group, group.Sum.Bad, group.Sum.Total, group.Sum.Bad / bad))];
    }

    /// <summary>Events of whole slots: a sum holds the slot that its end is in, so it ends just before the next one.</summary>
    private WindowSum Events(ServiceLevelObjective slo, DateTimeOffset start, DateTimeOffset end) => ledger.MinuteSum(slo.Id, end - Tick, end - start);

    private static DateTimeOffset Floor(DateTimeOffset time, TimeSpan slot) => time.AddTicks(-((time - DateTimeOffset.UnixEpoch).Ticks % slot.Ticks));

    private static DateTimeOffset Ceiling(DateTimeOffset time, TimeSpan slot) => Floor(time + slot - TimeSpan.FromTicks(1), slot);
}
