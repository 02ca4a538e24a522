using SloEngine.Collector.Ingest;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;

namespace SloEngine.Collector.Expiry;

/// <summary>
/// Drops series and resources that have stopped from the indexes, and describes series that go on again now and then. While the store is behind, what came in the stretch of the log that it
/// has not taken stays: those requests may be decoded again, and are to find room for their series.
/// </summary>
internal sealed class IdleExpiry(
    CollectorOptions options, SeriesIndex series, ResourceIndex resources, BatchQueue batches, ReferenceLeases leases, TimeProvider time)
{
    private static readonly TimeSpan LongestPeriod = TimeSpan.FromMinutes(1);

    private long _sweptAt = time.GetTimestamp();

    /// <summary>Sweeps now and then until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        TimeSpan period = options.SeriesIdle / 10;
        using var timer = new PeriodicTimer(period < LongestPeriod ? period : LongestPeriod, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                Sweep();
            }
        }
        catch (OperationCanceledException)
        {
            // The collector stops.
        }
    }

    /// <summary>Retires what is idle, frees what was retired before and is out of use, and has a share of what goes on described again. One caller at a time.</summary>
    public void Sweep()
    {
        long now = time.GetTimestamp();
        TimeSpan passed = time.GetElapsedTime(_sweptAt, now);
        _sweptAt = now;
        long ticks = (long)(options.SeriesIdle.TotalSeconds * time.TimestampFrequency);
        long seenBefore = Math.Min(now, batches.OldestUnstored ?? long.MaxValue) - ticks;
        series.RetireIdle(seenBefore);
        resources.RetireIdle(seenBefore);
        series.DescribeAgain(passed);
        if (leases.TryTurn())
        {
            series.FreeRetired();
            resources.FreeRetired();
        }
    }
}
