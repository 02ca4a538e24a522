namespace SloEngine.Slo.Ledger;

/// <summary>Events of every minute of a stretch of time, and nothing of what lies outside; days without events take no memory. Not thread-safe.</summary>
internal sealed class MinuteSums : EventSink
{
    private const long MinuteNanos = 60_000_000_000;
    private const int DayMinutes = 24 * 60;

    private readonly long _sinceNanos;
    private readonly long _untilNanos;
    private readonly long _firstMinute;
    private readonly (double Part, double Total)[]?[] _days;

    public MinuteSums(long sinceNanos, long untilNanos)
    {
        (_sinceNanos, _untilNanos, _firstMinute) = (sinceNanos, untilNanos, sinceNanos / MinuteNanos);
        _days = new (double, double)[]?[(((untilNanos / MinuteNanos) - _firstMinute) / DayMinutes) + 1];
    }

    public override void Add(long nanos, double part, double total)
    {
        if (nanos >= _sinceNanos && nanos < _untilNanos)
        {
            (int day, int place) = Math.DivRem((int)((nanos / MinuteNanos) - _firstMinute), DayMinutes);
            ref (double Part, double Total) minute = ref (_days[day] ??= new (double, double)[DayMinutes])[place];
            minute.Part += part;
            minute.Total += total;
        }
    }

    /// <summary>Adds all of another one for the same stretch.</summary>
    public void Add(MinuteSums other)
    {
        for (int day = 0; day < _days.Length; day++)
        {
            if (other._days[day] is not { } more)
            {
                continue;
            }
            (double Part, double Total)[] minutes = _days[day] ??= new (double, double)[DayMinutes];
            for (int minute = 0; minute < DayMinutes; minute++)
            {
                minutes[minute].Part += more[minute].Part;
                minutes[minute].Total += more[minute].Total;
            }
        }
    }

    /// <summary>The minutes with events, oldest first.</summary>
    public IEnumerable<LedgerIncrement> Increments(string key, string group, bool partIsBad)
    {
        for (int day = 0; day < _days.Length; day++)
        {
            if (_days[day] is not { } minutes)
            {
                continue;
            }
            for (int minute = 0; minute < DayMinutes; minute++)
            {
                (double part, double total) = minutes[minute];
                if (part != 0 || total != 0)
                {
                    yield return new LedgerIncrement(
                        key, group, DateTimeOffset.FromUnixTimeSeconds((_firstMinute + (day * DayMinutes) + minute) * 60), partIsBad ? total - part : part, total);
                }
            }
        }
    }
}
