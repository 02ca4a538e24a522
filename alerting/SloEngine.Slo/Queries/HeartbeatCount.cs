namespace SloEngine.Slo.Queries;

/// <summary>
/// Judges the intervals of a heartbeat. One with a sign of life is good. One without is bad when it is known to lack it: because points came that did not
/// hold the comparison, or because telemetry was taken in during all of it. Others do not count.
/// </summary>
/// <param name="interval">How long intervals are.</param>
/// <param name="window">How long a group is waited for that has been silent; the whole is waited for once it has begun.</param>
/// <param name="receiving">Minutes in which telemetry was taken in.</param>
/// <param name="lastBeats">When each group was last alive, by group; kept up to date.</param>
internal sealed class HeartbeatCount(TimeSpan interval, TimeSpan window, IReadOnlySet<DateTimeOffset> receiving, Dictionary<string, DateTimeOffset> lastBeats)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>The intervals that end at each step from first to last.</summary>
    /// <param name="beats">By group and end of an interval in Unix milliseconds: more than 0 with a sign of life, 0 with points that are none.</param>
    /// <param name="first">End of the first interval.</param>
    /// <param name="last">End of the last interval.</param>
    public IEnumerable<(string Group, DateTimeOffset Minute, bool IsGood)> Judge(IReadOnlyDictionary<(string Group, long EndMs), double> beats, DateTimeOffset first, DateTimeOffset last)
    {
        ILookup<long, (string Group, bool IsAlive)> byEnd = beats.ToLookup(beat => beat.Key.EndMs, beat => (beat.Key.Group, beat.Value > 0));
        var seen = new HashSet<string>();
        for (DateTimeOffset end = first; end <= last; end += interval)
        {
            DateTimeOffset minute = MinuteOf(end, interval);
            seen.Clear();
            foreach ((string group, bool isAlive) in byEnd[end.ToUnixTimeMilliseconds()])
            {
                if (isAlive)
                {
                    lastBeats[group] = end;
                }
                seen.Add(group);
                yield return (group, minute, isAlive);
            }
            if (!Received(end))
            {
                continue;
            }
            foreach ((string group, DateTimeOffset lastBeat) in lastBeats)
            {
                if (!seen.Contains(group) && (group.Length == 0 || lastBeat > end - window))
                {
                    yield return (group, minute, false);
                }
            }
        }
    }

    /// <summary>The minute that an interval counts in: its last.</summary>
    public static DateTimeOffset MinuteOf(DateTimeOffset end, TimeSpan interval)
    {
        DateTimeOffset within = end - (interval < Minute ? interval : Minute);
        return within.AddTicks(-(within.Ticks % Minute.Ticks));
    }

    private bool Received(DateTimeOffset end)
    {
        DateTimeOffset start = end - interval;
        for (DateTimeOffset minute = start.AddTicks(-(start.Ticks % Minute.Ticks)); minute < end; minute += Minute)
        {
            if (!receiving.Contains(minute))
            {
                return false;
            }
        }
        return true;
    }
}
