using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>Which events of an SLO, or of one group of it, do not count: those of exclusions, and of corrections that say so. Not thread-safe.</summary>
internal sealed class ExcludedTimes
{
    private readonly IReadOnlyList<Exclusion> _exclusions;
    private readonly BudgetCorrection[] _corrections;
    private readonly ExcludedTimes _whole;

    /// <summary>The minute, since the Unix epoch, that exclusions were last asked of: they are of whole minutes, and all groups ask of one after the other.</summary>
    private long _minute = -1;
    private bool _isMinuteExcluded;

    /// <summary>Creates it.</summary>
    /// <param name="exclusions">Exclusions of the SLO.</param>
    /// <param name="corrections">Corrections of it, and of the group.</param>
    /// <param name="whole">That of all groups; null where this is it.</param>
    public ExcludedTimes(IReadOnlyList<Exclusion> exclusions, IEnumerable<BudgetCorrection> corrections, ExcludedTimes? whole)
    {
        (_exclusions, _whole) = (exclusions, whole ?? this);
        _corrections = [.. corrections.Where(correction => correction.Kind != CorrectionKind.AddEvents)];
        Any = _exclusions.Count > 0 || _corrections.Length > 0;
    }

    /// <summary>Whether there are such at all.</summary>
    public bool Any { get; }

    /// <summary>Whether events of a time do not count; of those whose bad ones do not, the good ones are all.</summary>
    public bool Cover(DateTimeOffset time, double good, ref double total)
    {
        if (_exclusions.Count > 0 && _whole.IsExcluded(time))
        {
            return true;
        }
        foreach (BudgetCorrection correction in _corrections)
        {
            if (!correction.Covers(time))
            {
                continue;
            }
            if (correction.Kind == CorrectionKind.ExcludeAll)
            {
                return true;
            }
            total = good;
        }
        return false;
    }

    private bool IsExcluded(DateTimeOffset time)
    {
        long minute = (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMinute;
        if (minute != _minute)
        {
            (_minute, _isMinuteExcluded) = (minute, _exclusions.Any(exclusion => exclusion.Covers(time)));
        }
        return _isMinuteExcluded;
    }
}
