using System.Collections.Concurrent;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage;

/// <summary>
/// Which slots of time of a table have changed: a slot's version is another one after each change of its rows, so that what was read of it under a
/// version holds as long as the version does. Slots exclude their start and include their end, as windows of PromQL do. Safe for concurrent use.
/// </summary>
public sealed class SlotVersions
{
    /// <summary>Length of a slot.</summary>
    public const long SlotMs = 7_200_000;

    /// <summary>Rows that lie further apart change everything.</summary>
    private const long MostSlots = 10_000;

    private readonly ConcurrentDictionary<long, long> _changed = [];
    private readonly List<WeakReference<ISampleFollower>> _followers = [];
    private long _changes;
    private long _everything;

    /// <summary>The slot of a time in Unix milliseconds.</summary>
    public static long Of(long timeMs) => timeMs <= 0 ? -1 : (timeMs - 1) / SlotMs;

    /// <summary>The last time that belongs to a slot.</summary>
    public static long EndMs(long slot) => (slot + 1) * SlotMs;

    /// <summary>The version of a slot.</summary>
    public long this[long slot] => Math.Max(Volatile.Read(ref _everything), _changed.GetValueOrDefault(slot));

    /// <summary>Has somebody told of all samples that can be read from now on, as long as he is there.</summary>
    public void Follow(ISampleFollower follower)
    {
        lock (_followers)
        {
            _followers.RemoveAll(static one => !one.TryGetTarget(out _));
            _followers.Add(new WeakReference<ISampleFollower>(follower));
        }
    }

    /// <summary>Tells of samples, to be called once they can be read.</summary>
    /// <param name="run">The samples.</param>
    /// <param name="isStored">Whether they are there for sure.</param>
    public void Change(SampleRun run, bool isStored)
    {
        Change(run.Times);
        Tell(follower =>
        {
            if (isStored)
            {
                follower.Added(run);
            }
            else
            {
                follower.Lost();
            }
        });
    }

    /// <summary>Tells of rows of some slots that were written.</summary>
    public void Change(RowTimes rows)
    {
        (long first, long last) = (Of(rows.FirstMs), Of(rows.LastMs));
        if (last - first >= MostSlots)
        {
            ChangeAll();
            return;
        }
        long change = Interlocked.Increment(ref _changes);
        for (long slot = first; slot <= last; slot++)
        {
            _changed.AddOrUpdate(slot, static (_, to) => to, static (_, from, to) => Math.Max(from, to), change);
        }
    }

    /// <summary>Tells of a change that may have been to any slot.</summary>
    public void ChangeAll()
    {
        long change = Interlocked.Increment(ref _changes);
        long before;
        while ((before = Volatile.Read(ref _everything)) < change)
        {
            Interlocked.CompareExchange(ref _everything, change, before);
        }
        Tell(static follower => follower.Lost());
    }

    private void Tell(Action<ISampleFollower> what)
    {
        ISampleFollower[] followers;
        lock (_followers)
        {
            followers = [.. _followers.Select(static one => one.TryGetTarget(out ISampleFollower? follower) ? follower : null).OfType<ISampleFollower>()];
        }
        foreach (ISampleFollower follower in followers)
        {
            what(follower);
        }
    }
}
