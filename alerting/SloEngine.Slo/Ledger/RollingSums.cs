namespace SloEngine.Slo.Ledger;

/// <summary>Good and total events of a stretch of time, and how many of its slots saw telemetry.</summary>
/// <param name="Good">Good events.</param>
/// <param name="Total">All events.</param>
/// <param name="CoveredSlots">Slots with telemetry, with or without events.</param>
public readonly record struct WindowSum(double Good, double Total, int CoveredSlots)
{
    /// <summary>Bad events.</summary>
    public double Bad => Math.Max(0, Total - Good);
}

/// <summary>
/// A ring of slots that holds, for each, the sums of everything up to it: any window is the difference of two reads. An event that is
/// late by k slots costs k additions. Not thread-safe.
/// </summary>
internal sealed class RollingSums
{
    private readonly double[] _good;
    private readonly double[] _total;
    private readonly int[] _covered;
    private readonly bool[] _hasData;
    private long _newest = -1;
    private long _oldest;
    private bool _dropped;

    public RollingSums(TimeSpan slot, TimeSpan reach)
    {
        Slot = slot;
        int slots = (int)Math.Ceiling(reach / slot) + 2;
        _good = new double[slots];
        _total = new double[slots];
        _covered = new int[slots];
        _hasData = new bool[slots];
    }

    public TimeSpan Slot { get; }

    /// <summary>Adds events at a time; false when it is older than the ring reaches.</summary>
    public bool Add(DateTimeOffset time, double good, double total)
    {
        long slot = Index(time);
        if (_newest < 0)
        {
            _newest = slot;
            _oldest = slot;
        }
        Advance(slot);
        if (slot <= _newest - _good.Length)
        {
            return false;
        }
        if (slot < _oldest)
        {
            // Before the first event ever: the slots between hold nothing yet.
            for (long empty = slot; empty < _oldest; empty++)
            {
                Clear(empty);
            }
            _oldest = slot;
        }
        int first = Cell(slot);
        int newlyCovered = _hasData[first] ? 0 : 1;
        _hasData[first] = true;
        for (long later = slot; later <= _newest; later++)
        {
            int cell = Cell(later);
            _good[cell] += good;
            _total[cell] += total;
            _covered[cell] += newlyCovered;
        }
        return true;
    }

    /// <summary>Sums of the slots that end in (now - window, now], the slot under way included.</summary>
    public WindowSum Sum(DateTimeOffset now, TimeSpan window)
    {
        if (_newest < 0)
        {
            return default;
        }
        long last = Math.Min(Index(now), _newest);
        long before = Index(now - window);
        if (last < _oldest || before >= last)
        {
            return default;
        }
        int end = Cell(last);
        if (before < _oldest)
        {
            // Everything since the ring's oldest slot, which holds what has been dropped before it, too.
            int start = Cell(_oldest);
            return _dropped
                ? new WindowSum(_good[end] - _good[start], _total[end] - _total[start], _covered[end] - _covered[start])
                : new WindowSum(_good[end], _total[end], _covered[end]);
        }
        int from = Cell(before);
        return new WindowSum(_good[end] - _good[from], _total[end] - _total[from], _covered[end] - _covered[from]);
    }

    /// <summary>Start of the oldest slot with data; null when there is none.</summary>
    public DateTimeOffset? Since => _newest < 0 ? null : DateTimeOffset.UnixEpoch + (_oldest * Slot);

    private void Advance(long slot)
    {
        if (slot <= _newest)
        {
            return;
        }
        long from = Math.Max(_newest + 1, slot - _good.Length + 1);
        int previous = Cell(_newest);
        (double good, double total, int covered) = (_good[previous], _total[previous], _covered[previous]);
        for (long next = from; next <= slot; next++)
        {
            int cell = Cell(next);
            (_good[cell], _total[cell], _covered[cell], _hasData[cell]) = (good, total, covered, false);
        }
        _newest = slot;
        long reach = _newest - _good.Length + 1;
        if (reach > _oldest)
        {
            _oldest = reach;
            _dropped = true;
        }
    }

    private void Clear(long slot)
    {
        int cell = Cell(slot);
        (_good[cell], _total[cell], _covered[cell], _hasData[cell]) = (0, 0, 0, false);
    }

    private long Index(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / Slot.Ticks;

    private int Cell(long slot) => (int)(slot % _good.Length);
}
