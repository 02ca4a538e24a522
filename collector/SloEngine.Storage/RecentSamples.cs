using SloEngine.Storage.Tables;

namespace SloEngine.Storage;

/// <summary>
/// Samples that can be read and are not rows of their table yet: the store takes many at once for a fraction of the work, and of the bytes, of as many
/// one after the other. Whoever reads samples asks here first, and the table then: what has gone there meanwhile is found twice, and counts once. Safe for
/// concurrent use.
/// </summary>
/// <param name="slots">Who is told of what can be read.</param>
public sealed class RecentSamples(SlotVersions? slots = null)
{
    private readonly Lock _lock = new();
    private readonly List<SampleRun> _runs = [];
    private long _rows;

    /// <summary>Takes samples of one of the series that are asked for.</summary>
    /// <param name="index">Its place among them.</param>
    /// <param name="timesMs">The times, ascending, in Unix milliseconds.</param>
    /// <param name="numbers">The values, under their scales (<see cref="SampleValue"/>).</param>
    /// <param name="scales">The scales.</param>
    public delegate void Receiver(int index, ReadOnlySpan<long> timesMs, ReadOnlySpan<long> numbers, ReadOnlySpan<byte> scales);

    /// <summary>Number of samples.</summary>
    public long Rows => Volatile.Read(ref _rows);

    /// <summary>Puts what is here into the table; set by whoever does that. Completes after one try, which may have failed.</summary>
    public Func<CancellationToken, Task>? Store { get; set; }

    /// <summary>Has everything put into the table that is here, or tried once.</summary>
    internal Task StoreAsync(CancellationToken cancellation = default) => Rows > 0 && Store is { } store ? store(cancellation) : Task.CompletedTask;

    /// <summary>Adds samples, whose memory is kept until they are removed.</summary>
    public void Add(SampleRun run)
    {
        lock (_lock)
        {
            _runs.Add(run);
            _rows += run.Count;
        }
        slots?.Change(run, isStored: true);
    }

    /// <summary>What is here, in the order in which it came.</summary>
    public SampleRun[] Runs()
    {
        lock (_lock)
        {
            return [.. _runs];
        }
    }

    /// <summary>Removes the first of <see cref="Runs"/>, which the table has by now, and gives their memory back.</summary>
    public void RemoveFirst(int count)
    {
        lock (_lock)
        {
            foreach (SampleRun run in _runs.Take(count))
            {
                _rows -= run.Count;
                run.Dispose();
            }
            _runs.RemoveRange(0, count);
        }
    }

    /// <summary>Shows the samples of series; those of one series come in several pieces, which may overlap in time.</summary>
    /// <param name="ids">The series, ascending.</param>
    /// <param name="startMs">Before the first sample, in Unix milliseconds.</param>
    /// <param name="endMs">The last time.</param>
    /// <param name="receive">Takes what there is; what it is given is valid until it returns.</param>
    public void Read(ReadOnlySpan<UInt128> ids, long startMs, long endMs, Receiver receive)
    {
        lock (_lock)
        {
            foreach (SampleRun run in _runs)
            {
                foreach ((int first, int end) in Hours(run, startMs, endMs))
                {
                    ReadHour(run, first, end, ids, startMs, endMs, receive);
                }
            }
        }
    }

    /// <summary>Adds the series between two ids, both included, of which samples begin up to the end of a time and end within or after it.</summary>
    public void AddIds((UInt128 First, UInt128 Last) between, long startMs, long endMs, HashSet<UInt128> into)
    {
        lock (_lock)
        {
            foreach (SampleRun run in _runs)
            {
                foreach ((int first, int end) in Hours(run, startMs, endMs))
                {
                    int place = run.Ids[first..end].BinarySearch(between.First);
                    for (int stretch = first + (place < 0 ? ~place : place); stretch < end && run.Ids[stretch] <= between.Last; stretch++)
                    {
                        if (run.TimesMs[run.StartOf(stretch)] <= endMs && run.TimesMs[run.Ends[stretch] - 1] >= startMs)
                        {
                            into.Add(run.Ids[stretch]);
                        }
                    }
                }
            }
        }
    }

    /// <summary>The stretches of each hour that may have samples of a time, both ends included.</summary>
    private static IEnumerable<(int First, int End)> Hours(SampleRun run, long startMs, long endMs)
    {
        if (run.Times.LastMs < startMs || run.Times.FirstMs > endMs)
        {
            yield break;
        }
        for (int first = 0, end; first < run.Stretches; first = end)
        {
            long hour = HourOf(run, first);
            end = EndOfHour(run, first, hour);
            if ((hour + 1) * SampleRun.HourMs > startMs && hour * SampleRun.HourMs <= endMs)
            {
                yield return (first, end);
            }
        }
    }

    /// <summary>Both are ascending: each step goes to the next series of either that may be the other's.</summary>
    private static void ReadHour(SampleRun run, int stretch, int end, ReadOnlySpan<UInt128> ids, long startMs, long endMs, Receiver receive)
    {
        ReadOnlySpan<UInt128> known = run.Ids[..end];
        for (int index = 0; index < ids.Length && stretch < end;)
        {
            if (ids[index] == known[stretch])
            {
                int start = run.StartOf(stretch);
                ReadOnlySpan<long> times = run.TimesMs[start..run.Ends[stretch]];
                int from = Until(times, startMs);
                int until = Until(times, endMs);
                if (until > from)
                {
                    receive(index, times[from..until], run.Numbers[(start + from)..(start + until)], run.Scales[(start + from)..(start + until)]);
                }
                index++;
                stretch++;
            }
            else if (ids[index] < known[stretch])
            {
                index = Next(ids, index, known[stretch]);
            }
            else
            {
                stretch = Next(known, stretch, ids[index]);
            }
        }
    }

    /// <summary>The first place behind one that is not before an id, found in steps that double, since it is most often near.</summary>
    private static int Next(ReadOnlySpan<UInt128> ascending, int from, UInt128 id)
    {
        int step = 1;
        while (from + step < ascending.Length && ascending[from + step] < id)
        {
            from += step;
            step *= 2;
        }
        int found = ascending[(from + 1)..Math.Min(from + step, ascending.Length)].BinarySearch(id);
        return from + 1 + (found < 0 ? ~found : found);
    }

    /// <summary>How many times lie at or before one, of which there may be equal ones.</summary>
    private static int Until(ReadOnlySpan<long> ascending, long last) => ~ascending.BinarySearch(new JustBehind(last));

    private static long HourOf(SampleRun run, int stretch) => run.TimesMs[run.StartOf(stretch)] / SampleRun.HourMs;

    /// <summary>The first stretch of a later hour.</summary>
    private static int EndOfHour(SampleRun run, int first, long hour)
    {
        int end = run.Stretches;
        while (first < end)
        {
            int middle = (first + end) / 2;
            (first, end) = HourOf(run, middle) > hour ? (first, middle) : (middle + 1, end);
        }
        return end;
    }

    /// <summary>Equal to no time: between one and those behind it.</summary>
    private readonly struct JustBehind(long last) : IComparable<long>
    {
        public int CompareTo(long other) => other <= last ? 1 : -1;
    }
}
