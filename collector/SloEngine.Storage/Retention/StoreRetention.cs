using System.Diagnostics.Metrics;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Native;
using SloEngine.Storage.RollUps;
using SloEngine.Storage.Schema;
using SloEngine.Storage.Stats;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Retention;

/// <summary>
/// Drops whole partitions: those that are too old, and, before the disk is full, the oldest days of the biggest signals; of events single rows. The engine's own
/// TTL would rewrite every part when the setting changes, and keeps what it has replaced for minutes (docs/decisions/0006).
/// </summary>
public sealed class StoreRetention : IDisposable
{
    private static readonly StoreSignal[] Droppable = [StoreSignal.Metrics, StoreSignal.Logs, StoreSignal.Traces];

    private readonly IColumnStore _store;
    private readonly RetentionOptions _options;
    private readonly RetentionClock _clock;
    private readonly string _database;
    private readonly StoreCluster? _cluster;
    private readonly StoreRollUps? _rollUps;
    private readonly Meter _meter = new("SloEngine.Store");
    private readonly Counter<long> _partitions;
    private readonly Counter<long> _bytes;
    private readonly TenantDeletion _tenants;
    private readonly UnusedSeries? _unused;
    private readonly EventDeletion _events;
    private DiskStats _disk = new(0, 0);
    private Dictionary<StoreSignal, long> _sizes = [];

    /// <summary>Creates the retention of <paramref name="store"/>, whose tables may be those of a cluster; with roll-ups no day of samples goes before it is rolled up.</summary>
    public StoreRetention(IColumnStore store, RetentionOptions options, TimeProvider time, StoreCluster? cluster = null, StoreRollUps? rollUps = null)
        : this(store, options, time, cluster is null ? EmbeddedColumnStore.Database : StoreCluster.LocalDatabase, cluster, rollUps)
    {
    }

    internal StoreRetention(IColumnStore store, RetentionOptions options, TimeProvider time, string database, StoreCluster? cluster = null, StoreRollUps? rollUps = null)
    {
        (_store, _options, _clock, _database, _cluster, _rollUps) = (store, options, new RetentionClock(time), database, cluster, rollUps);
        _tenants = new TenantDeletion(store, options.Tenants, database, cluster);
        // A cluster's shards hold descriptions and rows by hashes of their own.
        _unused = cluster is null ? new UnusedSeries(store, options, database) : null;
        _events = new EventDeletion(store, options.Events, database, cluster);
        _partitions = _meter.CreateCounter<long>("sloengine.store.dropped.partitions", "{partition}", "Partitions dropped by retention.");
        _bytes = _meter.CreateCounter<long>("sloengine.store.dropped.size", "By", "Bytes on disk of the partitions dropped by retention.");
        _meter.CreateObservableGauge("sloengine.store.disk.free", () => _disk.FreeBytes, "By", "Bytes free on the disk of the store.");
        _meter.CreateObservableGauge(
            "sloengine.store.size",
            () => _sizes.Select(size => new Measurement<long>(size.Value, new KeyValuePair<string, object?>("signal", Name(size.Key)))),
            "By",
            "Bytes on disk of the rows of a signal.");
    }

    /// <summary>How far the time by which ages are measured is behind a clock that was set ahead.</summary>
    public TimeSpan BehindClock => _clock.Behind;

    /// <summary>Why the latest pass could not roll a day up that was to go: it was kept if it was only old.</summary>
    public StoreException? RollUpFailure { get; private set; }

    /// <summary>Why the latest pass could not delete rows out of what is kept; the others went.</summary>
    public StoreException? DeletionFailure { get; private set; }

    /// <summary>Drops what is to go now; returns it, in the order in which it went.</summary>
    /// <exception cref="StoreException">The engine refused to drop; what was dropped before is gone.</exception>
    public async Task<IReadOnlyList<DroppedPartition>> ApplyAsync(CancellationToken cancellation = default)
    {
        await _store.StoreRecentAsync(cancellation);
        IReadOnlyList<StorePartition> all = await StorePartition.ReadAsync(_store, _database, _cluster?.Parts ?? "system.parts", cancellation);
        DateTimeOffset now = _clock.Read(all.Where(partition => Droppable.Contains(partition.Signal)).Max(partition => (DateTimeOffset?)partition.Until));
        (RollUpFailure, DeletionFailure) = (null, null);
        var dropped = new List<DroppedPartition>();
        var kept = new List<StorePartition>();
        foreach (StorePartition partition in all)
        {
            if (now - partition.Until >= _options.Of(partition.Signal) && await MayGoAsync(partition, cancellation))
            {
                dropped.Add(await DropAsync(partition, DropReason.Age, cancellation));
            }
            else
            {
                kept.Add(partition);
            }
        }
        _disk = await StoreStatsReader.DiskAsync(_store, cancellation);
        foreach (StorePartition partition in ToMakeRoom(kept, Excess(kept), new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero)))
        {
            // The disk needs room: what cannot be rolled up goes all the same.
            await MayGoAsync(partition, cancellation);
            dropped.Add(await DropAsync(partition, DropReason.Size, cancellation));
            kept.Remove(partition);
        }
        _sizes = Sizes(kept);
        foreach (IGrouping<string, StorePartition> table in kept.GroupBy(static partition => partition.Table))
        {
            await DeleteAsync(() => _tenants.ApplyAsync(table, now, dropped, cancellation));
        }
        await DeleteAsync(async () =>
        {
            if (_unused is not null && await _unused.ApplyAsync(now, cancellation) is > 0 and var descriptions)
            {
                dropped.Add(new DroppedPartition("series", "", descriptions, 0, DropReason.Unused));
            }
        });
        await DeleteAsync(async () =>
        {
            if (await _events.ApplyAsync(now, cancellation) is { } events)
            {
                dropped.Add(events);
            }
        });
        return dropped;
    }

    /// <summary>Deletes rows of one kind: that they stay for now keeps no others.</summary>
    private async Task DeleteAsync(Func<Task> delete)
    {
        try
        {
            await delete();
        }
        catch (StoreException failure)
        {
            DeletionFailure ??= failure;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    /// <summary>Sees to it that a day of samples lives on in roll-ups; false if that failed.</summary>
    private async Task<bool> MayGoAsync(StorePartition partition, CancellationToken cancellation)
    {
        if (_rollUps is null || partition.Table != "samples")
        {
            return true;
        }
        try
        {
            await _rollUps.BeforeDropAsync(DateOnly.FromDateTime(partition.From.UtcDateTime), cancellation);
            return true;
        }
        catch (StoreException failure)
        {
            RollUpFailure = failure;
            return false;
        }
    }

    /// <summary>Bytes that are too many: over the limit, or missing to the floor of free bytes.</summary>
    private long Excess(List<StorePartition> partitions)
    {
        long overLimit = _options.MaxBytes == 0 ? 0 : partitions.Sum(partition => partition.Bytes) - _options.MaxBytes;
        return Math.Max(overLimit, _options.MinFreeBytes - _disk.FreeBytes);
    }

    /// <summary>Of the signal that is the biggest at that point the oldest day, again and again; never of today, or of days to come.</summary>
    internal static List<StorePartition> ToMakeRoom(IReadOnlyList<StorePartition> partitions, long excess, DateTimeOffset today)
    {
        Dictionary<StoreSignal, long> sizes = Sizes(partitions);
        var days = Droppable.ToDictionary(
            signal => signal,
            signal => new Queue<IGrouping<DateTimeOffset, StorePartition>>(partitions
                .Where(partition => partition.Signal == signal && partition.Until <= today).GroupBy(partition => partition.From).OrderBy(day => day.Key)));
        var chosen = new List<StorePartition>();
        while (excess > 0 && Droppable.Where(signal => days[signal].Count > 0).ToArray() is { Length: > 0 } left)
        {
            StoreSignal biggest = left.MaxBy(signal => sizes[signal]);
            foreach (StorePartition partition in days[biggest].Dequeue())
            {
                chosen.Add(partition);
                excess -= partition.Bytes;
                sizes[biggest] -= partition.Bytes;
            }
        }
        return chosen;
    }

    private static Dictionary<StoreSignal, long> Sizes(IEnumerable<StorePartition> partitions) =>
        partitions.GroupBy(partition => partition.Signal).ToDictionary(signal => signal.Key, signal => signal.Sum(partition => partition.Bytes));

    private async Task<DroppedPartition> DropAsync(StorePartition partition, DropReason reason, CancellationToken cancellation)
    {
        RowTimes? samples = partition.Table == "samples" ? new RowTimes(partition.From.ToUnixTimeMilliseconds(), partition.Until.ToUnixTimeMilliseconds()) : null;
        await _store.ExecuteOnAsync(
            partition.Table, $"ALTER TABLE {_database}.{partition.Table} {_cluster?.OnCluster} DROP PARTITION ID '{SqlText.Quote(partition.Id)}'", samples, cancellation);
        KeyValuePair<string, object?>[] tags = [new("table", partition.Table), new("reason", reason == DropReason.Age ? "age" : "size")];
        _partitions.Add(1, tags);
        _bytes.Add(partition.Bytes, tags);
        return new DroppedPartition(partition.Table, partition.Id, partition.Rows, partition.Bytes, reason);
    }

    private static string Name(StoreSignal signal) => signal switch
    {
        StoreSignal.Metrics => "metrics",
        StoreSignal.Logs => "logs",
        StoreSignal.Traces => "traces",
        StoreSignal.RollUps => "rollups",
        _ => "slo",
    };
}
