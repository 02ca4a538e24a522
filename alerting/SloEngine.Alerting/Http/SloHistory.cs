using System.Globalization;
using SloEngine.Alerting.Corrections;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Http;

/// <summary>A stretch of an SLO's past, by points that are a step apart.</summary>
internal sealed class SloHistory
{
    /// <summary>About as many as there are without a step.</summary>
    private const int UsualPoints = 300;

    private const int MostPoints = 11_000;
    private const int MostChanges = 3000;

    private readonly ServiceLevelObjective _slo;
    private readonly DateTimeOffset _from;
    private readonly DateTimeOffset _to;
    private readonly TimeSpan _step;

    private SloHistory(ServiceLevelObjective slo, DateTimeOffset from, DateTimeOffset to, TimeSpan step) => (_slo, _from, _to, _step) = (slo, from, to, step);

    /// <summary>Reads what a request asks for: the budget's window up to now where it does not say.</summary>
    /// <exception cref="ApiProblemException">It makes no sense; the message says what is expected.</exception>
    public static SloHistory Read(ServiceLevelObjective slo, Ledger ledger, string? start, string? end, string? step, DateTimeOffset now)
    {
        if (!RequestTime.TryRead(end, now, out DateTimeOffset to) || !RequestTime.TryRead(start, to - slo.Window, out DateTimeOffset from) || from >= to)
        {
            throw ApiProblemException.BadRequest($"start and end are to be {RequestTime.Expected}, start before end");
        }
        double slot = ledger.Resolution(slo.Id, from).TotalSeconds;
        double seconds = Math.Max(slot, Math.Ceiling((to - from).TotalSeconds / UsualPoints / slot) * slot);
        if (step is not null && !(double.TryParse(step, NumberStyles.Float, CultureInfo.InvariantCulture, out seconds) && seconds >= 60 && seconds <= BudgetWindow.Longest.TotalSeconds))
        {
            throw ApiProblemException.BadRequest($"step is '{step}', expected seconds, from 60, since the ledger keeps minutes, to {BudgetWindow.Longest.TotalSeconds:0}");
        }
        // Times further back are kept by longer slots, which points end with.
        seconds = Math.Ceiling(seconds / slot) * slot;
        long slotTicks = TimeSpan.FromSeconds(slot).Ticks;
        from = from.AddTicks(-(from.Ticks % slotTicks));
        DateTimeOffset whole = to.AddTicks((slotTicks - (to.Ticks % slotTicks)) % slotTicks);
        to = to <= now && whole > now ? now : whole;
        return (to - from).TotalSeconds / seconds <= MostPoints ? new SloHistory(slo, from, to, TimeSpan.FromSeconds(seconds))
            : throw ApiProblemException.BadRequest("more than 11,000 points; take a larger step");
    }

    /// <summary>The points, each about the step that ends with it.</summary>
    public IEnumerable<HistoryPoint> Points(Ledger ledger)
    {
        for (DateTimeOffset end = _from + _step; end < _to + _step; end += _step)
        {
            DateTimeOffset until = end < _to ? end : _to;
            // The last one may be of a part of a step.
            TimeSpan part = until - (end - _step);
            // The slot that begins when a point ends is the next one's.
            DateTimeOffset last = until.AddTicks(-1);
            WindowSum sum = ledger.MinuteSum(_slo.Id, last, part);
            WindowSum window = _slo.Method == BudgetingMethod.Occurrences && _slo.BudgetWindow is RollingWindow
                ? ledger.MinuteSum(_slo.Id, last, _slo.Window) : ledger.BudgetSum(_slo.Id, last);
            double allowed = window.Total * _slo.Budget;
            yield return new HistoryPoint(
                until,
                sum.Good,
                sum.Total,
                allowed > 0 ? 1 - (window.Bad / allowed) : 1,
                SloEvaluator.Rate(_slo, _slo.Method == BudgetingMethod.Occurrences ? sum : ledger.Sum(_slo.Id, until, part + TimeSpan.FromTicks(1))));
        }
    }

    /// <summary>Stretches in which not all events count as they came: exclusions, and corrections that hold.</summary>
    public IEnumerable<object> Changed(IReadOnlyList<AuditedCorrection> corrections) =>
        _slo.Exclusions.SelectMany(exclusion => exclusion.Between(_from, _to).Select(stretch => (stretch.Start, stretch.End, By: "exclusion", exclusion.Reason)))
            .Concat(corrections.Where(correction => correction.Revoked is null && IsAbout(correction.Correction) && correction.Correction.From < _to && correction.Correction.To > _from)
                .Select(correction => (Start: correction.Correction.From, End: correction.Correction.To, By: "correction", correction.Made.Reason)))
            .OrderBy(stretch => stretch.Start).Take(MostChanges)
            .Select(stretch => new { from = stretch.Start, to = stretch.End, by = stretch.By, reason = stretch.Reason });

    private bool IsAbout(BudgetCorrection correction) =>
        (correction.Objective.Length == 0 || correction.Objective == _slo.Objectives[0].Name)
        && (correction.Group.Length == 0 || _slo.Group.Length == 0 || correction.Group == _slo.Group);
}

/// <summary>How an SLO stood at a moment.</summary>
/// <param name="T">End of the point's time.</param>
/// <param name="Good">Good events of that time.</param>
/// <param name="Total">All events of that time.</param>
/// <param name="BudgetRemaining">Share of the budget that was left then.</param>
/// <param name="BurnRate">How fast it burnt in that time; null without events.</param>
internal sealed record HistoryPoint(DateTimeOffset T, double Good, double Total, double BudgetRemaining, double? BurnRate);
