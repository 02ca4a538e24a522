using SloEngine.Collector.Ingest;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;

namespace SloEngine.Collector.Expiry;

/// <summary>
/// Drops series and resources that have stopped from the indexes. While the store is behind, what came in the stretch of the log that it
/// has not taken stays: those requests may be decoded again, and are to find room for their series.
/// </summary>
internal sealed class IdleExpiry(
    CollectorOptions options, SeriesIndex series, ResourceIndex resources, BatchQueue batches, ReferenceLeases leases, TimeProvider time)
{
    private static readonly TimeSpan LongestPeriod = TimeSpan.FromMinutes(1);

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

    /// <summary>Retires what is idle, and frees what was retired before and is out of use. One caller at a time.</summary>
    public void Sweep()
    {
        long ticks = (long)(options.SeriesIdle.TotalSeconds * time.TimestampFrequency);
        long seenBefore = Math.Min(time.GetTimestamp(), batches.OldestUnstored ?? long.MaxValue) - ticks;
        series.RetireIdle(seenBefore);
        resources.RetireIdle(seenBefore);
        if (leases.TryTurn())
        {
            series.FreeRetired();
            resources.FreeRetired();
        }
    }
}
