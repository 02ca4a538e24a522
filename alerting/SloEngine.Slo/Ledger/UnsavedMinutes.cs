using System.Runtime.InteropServices;

namespace SloEngine.Slo.Ledger;

/// <summary>Events by minute that nobody has taken to store them, oldest first. They mostly come in order. Not thread-safe.</summary>
internal sealed class UnsavedMinutes
{
    private readonly List<MinuteCount> _minutes = [];

    /// <summary>The minutes.</summary>
    public ReadOnlySpan<MinuteCount> Minutes => CollectionsMarshal.AsSpan(_minutes);

    /// <summary>Adds events of a minute.</summary>
    /// <param name="minute">Its number since the Unix epoch.</param>
    /// <param name="good">Good events.</param>
    /// <param name="total">All events.</param>
    public void Add(long minute, double good, double total)
    {
        var added = new MinuteCount { Minute = minute, Good = good, Total = total };
        int place = _minutes.Count;
        if (place == 0 || _minutes[place - 1].Minute < minute)
        {
            _minutes.Add(added);
            return;
        }
        while (place > 0 && _minutes[place - 1].Minute > minute)
        {
            place--;
        }
        if (place > 0 && _minutes[place - 1].Minute == minute)
        {
            ref MinuteCount known = ref CollectionsMarshal.AsSpan(_minutes)[place - 1];
            known.Good += good;
            known.Total += total;
            return;
        }
        _minutes.Insert(place, added);
    }

    /// <summary>Forgets them.</summary>
    public void Clear() => _minutes.Clear();

    /// <summary>Events of a minute.</summary>
    internal struct MinuteCount
    {
        public long Minute;
        public double Good;
        public double Total;
    }
}
