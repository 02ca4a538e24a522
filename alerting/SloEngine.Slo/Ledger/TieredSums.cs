namespace SloEngine.Slo.Ledger;

/// <summary>
/// Sums over windows of any age: short ones by fine slots, long ones by slots of about an eight-hundredth of their length. What a window
/// misses at its start is less than a slot. Not thread-safe.
/// </summary>
internal sealed class TieredSums
{
    public static readonly TimeSpan FineSlot = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan FineReach = TimeSpan.FromHours(2);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>Slots that divide a day, in minutes.</summary>
    private static readonly int[] Slots = [1, 2, 3, 5, 6, 10, 15, 30, 60, 120, 180, 240, 360, 720];

    /// <summary>Tiers of slots that are longer than a minute, the last ones: minutes go into them together, when their slot of the first of them is over.</summary>
    private const int LongTiers = 2;

    private readonly RollingSums[] _tiers;
    private readonly RollingSums _finest;
    private readonly RollingSums _minutes;
    private readonly long _carriedSlot;
    private long _carriedFrom = -1;
    private long _carriedUntil = -1;
    private double _carriedGood;
    private double _carriedTotal;

    /// <summary>Creates sums for a budget's window.</summary>
    /// <param name="budget">The budget's window: a calendar one begins with a slot.</param>
    /// <param name="reach">How far back sums are asked for, at least the window's length.</param>
    /// <param name="finest">Whether there are slots of less than a minute.</param>
    public TieredSums(Model.BudgetWindow budget, TimeSpan reach, bool finest)
    {
        var tiers = new List<RollingSums>();
        if (finest)
        {
            // A sender's clock may be ahead by a minute.
            tiers.Add(new RollingSums(FineSlot, FineReach + Minute));
        }
        tiers.Add(_minutes = new RollingSums(Minute, TimeSpan.FromHours(12) + Minute));
        int middle = 5;
        int longest = Slots.FirstOrDefault(slot => slot >= reach.TotalMinutes / 800, Slots[^1]);
        if (budget is Model.CalendarWindow calendar)
        {
            // The offsets of time zones are quarters of an hour.
            bool isQuarter = calendar.Start.TimeOfDay.Ticks % TimeSpan.FromMinutes(15).Ticks == 0;
            (middle, longest) = (isQuarter ? middle : 1, Math.Min(longest, isQuarter ? 15 : 1));
        }
        tiers.Add(new RollingSums(TimeSpan.FromMinutes(middle), TimeSpan.FromDays(3)));
        tiers.Add(new RollingSums(TimeSpan.FromMinutes(longest), reach > TimeSpan.FromDays(3) ? reach : TimeSpan.FromDays(3)));
        _tiers = [.. tiers];
        _finest = _tiers[0];
        // Slots of the longest tier that are no multiples of those before it, as of 6 and 5 minutes, get each minute by itself.
        _carriedSlot = TimeSpan.FromMinutes(longest % middle == 0 ? middle : 1).Ticks;
    }

    /// <summary>Memory of the rings, in bytes.</summary>
    public long Bytes => _tiers.Sum(tier => tier.Bytes);

    /// <summary>Adds to all tiers.</summary>
    public void Add(DateTimeOffset time, double good, double total)
    {
        foreach (RollingSums tier in _tiers)
        {
            tier.Add(time, good, total);
        }
    }

    /// <summary>Adds to the slots of less than a minute alone, at a time in ticks since the Unix epoch: the minute is to be added once it is over.</summary>
    public void AddFine(long ticks, double good, double total) => _finest.Add(ticks, good, total);

    /// <summary>Adds a minute to the slots of whole minutes.</summary>
    public void AddMinute(long ticks, double good, double total)
    {
        _minutes.Add(ticks, good, total);
        if (ticks < _carriedFrom || ticks >= _carriedUntil)
        {
            Carry();
            _carriedFrom = ticks - (ticks % _carriedSlot);
            _carriedUntil = _carriedFrom + _carriedSlot;
        }
        _carriedGood += good;
        _carriedTotal += total;
    }

    /// <summary>Brings the minutes of the slot of the next longer tier that is under way into the tiers of longer slots.</summary>
    private void Carry()
    {
        if (_carriedFrom < 0)
        {
            return;
        }
        for (int tier = _tiers.Length - LongTiers; tier < _tiers.Length; tier++)
        {
            _tiers[tier].Add(_carriedFrom, _carriedGood, _carriedTotal);
        }
        (_carriedFrom, _carriedUntil, _carriedGood, _carriedTotal) = (-1, -1, 0, 0);
    }

    /// <summary>Sums of (now - window, now], in slots of at least the given length.</summary>
    public WindowSum Sum(DateTimeOffset now, TimeSpan window, TimeSpan atLeast = default) => Tier(now - window, atLeast).Sum(now, window);

    /// <summary>The slots that sums since a time are made of.</summary>
    public TimeSpan SlotAt(DateTimeOffset time, TimeSpan atLeast = default) => Tier(time, atLeast).Slot;

    private RollingSums Tier(DateTimeOffset since, TimeSpan atLeast)
    {
        Carry();
        foreach (RollingSums tier in _tiers)
        {
            if (tier.Slot >= atLeast && tier.Holds(since))
            {
                return tier;
            }
        }
        return _tiers[^1];
    }
}
