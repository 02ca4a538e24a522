using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// Good and all slices of time: each slice with events counts once, and by as much as it is good. Events that come late change the
/// verdict on their slice, so that the order in which events come does not matter. Not thread-safe.
/// </summary>
internal sealed class SliceSums
{
    private readonly BudgetingMethod _method;
    private readonly TimeSpan _slice;
    private readonly double _target;
    private readonly TieredSums _verdicts;
    private readonly SliceVerdicts? _bits;
    private readonly (long Index, double Good, double Total)[] _slices;

    public SliceSums(BudgetingMethod method, Objective objective, BudgetWindow window, TimeSpan reach, TimeSpan lateness)
    {
        (_method, _slice, _target) = (method, objective.Slice, objective.SliceTarget);
        _verdicts = new TieredSums(window, reach, finest: false);
        _bits = method == BudgetingMethod.Timeslices ? new SliceVerdicts(_slice, reach) : null;
        _slices = new (long, double, double)[(int)Math.Ceiling(lateness / _slice) + 3];
        Array.Fill(_slices, (-1, 0, 0));
    }

    public long Bytes => _verdicts.Bytes + (_bits?.Bytes ?? 0) + (24L * _slices.Length);

    public void Add(DateTimeOffset time, double good, double total)
    {
        long index = Index(time);
        ref (long Index, double Good, double Total) slice = ref _slices[index % _slices.Length];
        if (slice.Index < index)
        {
            slice = (index, 0, 0);
        }
        else if (slice.Index > index)
        {
            // Older than the lateness budget.
            return;
        }
        (double before, double counted) = Verdict(slice.Good, slice.Total);
        slice.Good += good;
        slice.Total += total;
        (double after, double counts) = Verdict(slice.Good, slice.Total);
        _verdicts.Add(DateTimeOffset.UnixEpoch.AddTicks(index * _slice.Ticks), after - before, counts - counted);
        _bits?.Set(index, counts > 0, after == 0);
    }

    /// <summary>Slices that begin in (now - window, now], that under way not among them: its verdict is not in yet.</summary>
    public WindowSum Sum(DateTimeOffset now, TimeSpan window)
    {
        DateTimeOffset end = LastOver(now);
        TimeSpan whole = window - (now - end);
        // A window shorter than two slices is that of the last slice.
        return _verdicts.Sum(end, whole > _slice ? whole : _slice);
    }

    /// <summary>Slices that begin at a time or later, that under way not among them.</summary>
    public WindowSum SumSince(DateTimeOffset start, DateTimeOffset now)
    {
        DateTimeOffset end = LastOver(now);
        return end < start ? default : _verdicts.Sum(end, end - start + TimeSpan.FromTicks(1));
    }

    /// <summary>Slices of some members, as <see cref="Sum(DateTimeOffset, TimeSpan)"/> has them of one: bad where one of them is. None where their slices differ, or are not good or bad.</summary>
    public static WindowSum Union(IReadOnlyList<SliceSums> members, DateTimeOffset now, TimeSpan window)
    {
        if (members.Count == 0 || members.Any(member => member._bits is null || member._slice != members[0]._slice))
        {
            return default;
        }
        long last = members[0].Index(now) - 1;
        long first = Math.Min(members[0].Index(now - window) + 1, last);
        return SliceVerdicts.Union([.. members.Select(member => member._bits!)], first, last);
    }

    /// <summary>Number of the slice that a time is in, since the Unix epoch.</summary>
    private long Index(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / _slice.Ticks;

    /// <summary>The last moment before the slice under way.</summary>
    private DateTimeOffset LastOver(DateTimeOffset now) => DateTimeOffset.UnixEpoch.AddTicks((Index(now) * _slice.Ticks) - 1);

    private (double Good, double Counts) Verdict(double good, double total) => total <= 0 ? (0, 0) : _method switch
    {
        BudgetingMethod.Timeslices => (good >= _target * total ? 1 : 0, 1),
        _ => (Math.Clamp(good / total, 0, 1), 1),
    };
}
