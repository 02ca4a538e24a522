namespace SloEngine.Slo.Ledger;

/// <summary>
/// The stretches of time that delta points of a series have told of, so that a point that comes again is not counted again. Points that
/// follow each other without a gap are one stretch; out of so many stretches the oldest is given up, and what is older than it refused.
/// </summary>
internal sealed class DeltaIntervals
{
    private const int Most = 1024;

    private readonly List<(long Start, long End)> _known = [];
    private long _floor;

    /// <summary>What a point is.</summary>
    public enum Verdict
    {
        /// <summary>Not seen before.</summary>
        New,
        /// <summary>Seen before.</summary>
        Duplicate,
        /// <summary>Too old to know.</summary>
        TooOld,
    }

    /// <summary>Takes note of a point for (start, end], in nanoseconds; a start of 0, or further back than the given length, is none.</summary>
    public Verdict Take(long start, long end, long longest)
    {
        if (_known.Count > 0 && _known[^1].End is { } last && start == last && end > last && end - start <= longest)
        {
            _known[^1] = (_known[^1].Start, end);
            return Verdict.New;
        }
        return TakeSlowly(start, end, longest);
    }

    private Verdict TakeSlowly(long start, long end, long longest)
    {
        if (end <= _floor)
        {
            return Verdict.TooOld;
        }
        // The first stretch that ends at the point's end or later.
        int at = Search(end);
        if (at < _known.Count && _known[at].Start < end)
        {
            return Verdict.Duplicate;
        }
        long before = at > 0 ? _known[at - 1].End : 0;
        if (start == 0 || end - start > longest || start < before || start >= end)
        {
            // Stretches that overlap tell nothing of what lies between: only the point itself is known.
            start = end - 1;
        }
        bool joinsBefore = at > 0 && before == start;
        bool joinsAfter = at < _known.Count && _known[at].Start == end;
        if (joinsBefore && joinsAfter)
        {
            _known[at - 1] = (_known[at - 1].Start, _known[at].End);
            _known.RemoveAt(at);
        }
        else if (joinsBefore)
        {
            _known[at - 1] = (_known[at - 1].Start, end);
        }
        else if (joinsAfter)
        {
            _known[at] = (start, _known[at].End);
        }
        else
        {
            _known.Insert(at, (start, end));
            if (_known.Count > Most)
            {
                _floor = _known[0].End;
                _known.RemoveAt(0);
            }
        }
        return Verdict.New;
    }

    private int Search(long end)
    {
        int low = 0;
        int high = _known.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_known[middle].End < end)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return low;
    }
}
