using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

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
    /// <summary>Slots that the ring moves on without divisions.</summary>
    private const int NearSlots = 16;

    private readonly Cell[] _cells;
    private readonly long _slotTicks;
    private readonly ulong _nearTicks;
    private long _newest = -1;
    private long _newestTicks;
    private int _newestPlace;
    private bool _isNewestCovered;
    private long _oldest;
    private bool _dropped;

    public RollingSums(TimeSpan slot, TimeSpan reach)
    {
        Slot = slot;
        _slotTicks = slot.Ticks;
        _cells = new Cell[(int)Math.Ceiling(reach / slot) + 2];
        _nearTicks = (ulong)slot.Ticks * (ulong)Math.Min(NearSlots, _cells.Length);
    }

    public TimeSpan Slot { get; }

    /// <summary>Memory of the ring, in bytes.</summary>
    public long Bytes => (long)_cells.Length * Unsafe.SizeOf<Cell>();

    /// <summary>Adds events at a time; false when it is older than the ring reaches.</summary>
    public bool Add(DateTimeOffset time, double good, double total) => Add(time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks, good, total);

    /// <summary>Adds events at a time, in ticks since the Unix epoch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Add(long ticks, double good, double total)
    {
        long after = ticks - _newestTicks;
        if (_newest <= _oldest || (ulong)after >= _nearTicks)
        {
            return AddElsewhere(ticks, good, total);
        }
        if (after >= _slotTicks)
        {
            MoveOn(after);
        }
        ref Cell newest = ref _cells[_newestPlace];
        newest.Good += good;
        newest.Total += total;
        newest.CoveredSlots += _isNewestCovered ? 0 : 1;
        _isNewestCovered = true;
        return true;
    }

    /// <summary>Makes one of the slots that follow the newest.</summary>
    private void MoveOn(long after)
    {
        after -= _slotTicks;
        if (after < _slotTicks)
        {
            // Most often it is the next one.
            Cell sums = _cells[_newestPlace];
            _newest++;
            _newestTicks += _slotTicks;
            _newestPlace = _newestPlace + 1 == _cells.Length ? 0 : _newestPlace + 1;
            _cells[_newestPlace] = sums;
            _isNewestCovered = false;
            DropOldest();
            return;
        }
        int slots = 1;
        do
        {
            slots++;
            after -= _slotTicks;
        }
        while (after >= _slotTicks);
        _newest += slots;
        _newestTicks += slots * _slotTicks;
        Cell newest = _cells[_newestPlace];
        int first = _newestPlace + 1;
        int behind = Math.Max(0, first + slots - _cells.Length);
        _cells.AsSpan(first, slots - behind).Fill(newest);
        _cells.AsSpan(0, behind).Fill(newest);
        _newestPlace = behind > 0 ? behind - 1 : first + slots - 1;
        _isNewestCovered = false;
        DropOldest();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool AddElsewhere(long ticks, double good, double total)
    {
        long slot = ticks / _slotTicks;
        if (_newest < 0)
        {
            _newest = slot;
            _oldest = slot;
        }
        Advance(slot);
        (_newestTicks, _newestPlace) = (_newest * _slotTicks, Place(_newest));
        if (slot <= _newest - _cells.Length)
        {
            Reach(_newest - _cells.Length + 1);
            _dropped = true;
            return false;
        }
        Reach(slot);
        int place = Place(slot);
        int newlyCovered = Covered(slot, place) ? 0 : 1;
        for (long later = slot; later <= _newest; later++)
        {
            ref Cell cell = ref _cells[place];
            cell.Good += good;
            cell.Total += total;
            cell.CoveredSlots += newlyCovered;
            place = place + 1 == _cells.Length ? 0 : place + 1;
        }
        _isNewestCovered = slot == _newest || Covered(_newest, _newestPlace);
        return true;
    }

    /// <summary>Whether sums of windows that begin at a time are whole.</summary>
    public bool Holds(DateTimeOffset time) => !_dropped || Index(time) >= _oldest;

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
        ref Cell end = ref _cells[Place(last)];
        if (before < _oldest)
        {
            if (!_dropped)
            {
                return new WindowSum(end.Good, end.Total, end.CoveredSlots);
            }
            // Everything since the ring's oldest slot, which holds what has been dropped before it, too.
            before = _oldest;
        }
        ref Cell start = ref _cells[Place(before)];
        return new WindowSum(end.Good - start.Good, end.Total - start.Total, end.CoveredSlots - start.CoveredSlots);
    }

    /// <summary>Goes back to before the first event ever: the slots between hold nothing yet.</summary>
    private void Reach(long slot)
    {
        for (long empty = slot; empty < _oldest; empty++)
        {
            _cells[Place(empty)] = default;
        }
        _oldest = Math.Min(_oldest, slot);
    }

    private void Advance(long slot)
    {
        if (slot <= _newest)
        {
            return;
        }
        Cell previous = _cells[Place(_newest)];
        for (long next = Math.Max(_newest + 1, slot - _cells.Length + 1); next <= slot; next++)
        {
            _cells[Place(next)] = previous;
        }
        _newest = slot;
        DropOldest();
    }

    private void DropOldest()
    {
        long reach = _newest - _cells.Length + 1;
        if (reach > _oldest)
        {
            _oldest = reach;
            _dropped = true;
        }
    }

    /// <summary>Whether a slot has seen telemetry. Of the oldest of a full ring it is not known any more: no window counts it.</summary>
    private bool Covered(long slot, int place) =>
        slot == _oldest
            ? _dropped || _cells[place].CoveredSlots > 0
            : _cells[place].CoveredSlots > _cells[place == 0 ? _cells.Length - 1 : place - 1].CoveredSlots;

    private long Index(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / _slotTicks;

    private int Place(long slot) => (int)(slot % _cells.Length);

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Cell
    {
        public double Good;
        public double Total;
        public int CoveredSlots;
    }
}
