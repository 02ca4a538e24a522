namespace SloEngine.Slo.Ledger;

/// <summary>Events of every minute of a stretch of time, and nothing of what lies outside. Not thread-safe.</summary>
internal sealed class MinuteSums : EventSink
{
    private const long MinuteNanos = 60_000_000_000;

    private readonly long _sinceNanos;
    private readonly long _untilNanos;
    private readonly long _firstMinute;
    private readonly (double Part, double Total)[] _minutes;

    public MinuteSums(long sinceNanos, long untilNanos)
    {
        (_sinceNanos, _untilNanos, _firstMinute) = (sinceNanos, untilNanos, sinceNanos / MinuteNanos);
        _minutes = new (double, double)[(untilNanos / MinuteNanos) - _firstMinute + 1];
    }

    public override void Add(long nanos, double part, double total)
    {
        if (nanos >= _sinceNanos && nanos < _untilNanos)
        {
            ref (double Part, double Total) minute = ref _minutes[(nanos / MinuteNanos) - _firstMinute];
            minute.Part += part;
            minute.Total += total;
        }
    }

    /// <summary>Adds all of another one for the same stretch.</summary>
    public void Add(MinuteSums other)
    {
        for (int minute = 0; minute < _minutes.Length; minute++)
        {
            _minutes[minute].Part += other._minutes[minute].Part;
            _minutes[minute].Total += other._minutes[minute].Total;
        }
    }

    /// <summary>The minutes with events, oldest first.</summary>
    public IEnumerable<LedgerIncrement> Increments(string key, string group, bool partIsBad)
    {
        for (int index = 0; index < _minutes.Length; index++)
        {
            (double part, double total) = _minutes[index];
            if (part != 0 || total != 0)
            {
                yield return new LedgerIncrement(
                    key, group, DateTimeOffset.FromUnixTimeSeconds((_firstMinute + index) * 60), partIsBad ? total - part : part, total);
            }
        }
    }
}
