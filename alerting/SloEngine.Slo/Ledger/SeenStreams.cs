namespace SloEngine.Slo.Ledger;

/// <summary>Which metrics processes have exported, as far as taps look at them. Not thread-safe.</summary>
/// <param name="since">Time since which counters that begin are counted from their start.</param>
internal sealed class SeenStreams(DateTimeOffset since)
{
    private readonly Dictionary<(string? Tenant, string Stream, string Metric), SeenStream> _streams = [];

    /// <summary>
    /// Whether the first point of a series that began at a time is all new: it began after the ledger did, or other series of its
    /// metric and process were seen before with the same start (a new label set, such as the first error).
    /// </summary>
    public bool CountsFromStart(SeriesView series, long startNanos, long timeNanos)
    {
        if (startNanos == 0)
        {
            return false;
        }
        bool known = _streams.TryGetValue((series.Tenant, series.Stream, series.Metric), out SeenStream? seen)
            && seen.Start == startNanos && seen.Time < timeNanos;
        return known || UnixNanos.Time(startNanos) >= since;
    }

    /// <summary>Remembers that an export of a metric of a process has been seen.</summary>
    public void Seen(SeriesView series, long startNanos, long timeNanos, bool isNew)
    {
        if (!_streams.TryGetValue((series.Tenant, series.Stream, series.Metric), out SeenStream? seen))
        {
            _streams.Add((series.Tenant, series.Stream, series.Metric), seen = new SeenStream());
        }
        if (seen.Start != startNanos)
        {
            (seen.Start, seen.Time) = (startNanos, timeNanos);
        }
        seen.Taps += isNew ? 1 : 0;
    }

    /// <summary>A tap that had seen an export is gone; with the last one of its metric and process they are forgotten.</summary>
    public void Left(SeriesView series)
    {
        if (--_streams[(series.Tenant, series.Stream, series.Metric)].Taps == 0)
        {
            _streams.Remove((series.Tenant, series.Stream, series.Metric));
        }
    }

    /// <summary>The first export seen of a metric of a process, and how many taps look at it.</summary>
    private sealed class SeenStream
    {
        public long Start { get; set; } = -1;

        public long Time { get; set; }

        public int Taps { get; set; }
    }
}
