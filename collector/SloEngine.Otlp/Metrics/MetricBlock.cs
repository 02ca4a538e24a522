using SloEngine.Otlp.Columns;

namespace SloEngine.Otlp.Metrics;

/// <summary>
/// Metric data points of one or more requests, in columns. A point names its series by a small integer that the
/// <see cref="ISeriesIndex"/> gave out; times are Unix nanoseconds. Summaries arrive here as number points of derived series.
/// </summary>
public sealed class MetricBlock : IDisposable
{
    private const long NumberBytes = 32;
    private const long HistogramBytes = 64;
    private const long ExponentialHistogramBytes = 96;
    private const long FloatHistogramBytes = 72;
    private const long ExemplarBytes = 64;

    /// <summary>Gauge and sum points.</summary>
    public NumberPoints Numbers { get; } = new();

    /// <summary>Explicit-bucket histogram points.</summary>
    public HistogramPoints Histograms { get; } = new();

    /// <summary>Exponential histogram points.</summary>
    public ExponentialHistogramPoints ExponentialHistograms { get; } = new();

    /// <summary>Native histograms with fractional counts, or that are gauges; by remote write only.</summary>
    public FloatHistogramPoints FloatHistograms { get; } = new();

    /// <summary>Exemplars of points of all kinds.</summary>
    public ExemplarColumns Exemplars { get; } = new();

    /// <summary>Points of all kinds; exemplars are not points.</summary>
    public int Count => Numbers.Count + Histograms.Count + ExponentialHistograms.Count + FloatHistograms.Count;

    /// <summary>Bytes that its rows take in memory, about, with their buckets and the attributes of exemplars.</summary>
    public long Bytes =>
        (Numbers.Count * NumberBytes) + (Histograms.Count * HistogramBytes) + (ExponentialHistograms.Count * ExponentialHistogramBytes)
        + (FloatHistograms.Count * FloatHistogramBytes) + (Exemplars.Count * ExemplarBytes)
        + (sizeof(ulong) * ((long)Histograms.Buckets.Count + ExponentialHistograms.PositiveBuckets.Count + ExponentialHistograms.NegativeBuckets.Count + FloatHistograms.Bounds.Count))
        + ((sizeof(double) + sizeof(int)) * ((long)FloatHistograms.Positive.Count + FloatHistograms.Negative.Count))
        + Exemplars.Attributes.Bytes;

    /// <summary>Lengths of the five tables, to return to by <see cref="Truncate"/> when a request turns out to be malformed.</summary>
    public (int Numbers, int Histograms, int Exponential, int Float, int Exemplars) Mark() =>
        (Numbers.Count, Histograms.Count, ExponentialHistograms.Count, FloatHistograms.Count, Exemplars.Count);

    /// <summary>Takes back everything appended since <paramref name="mark"/>.</summary>
    public void Truncate((int Numbers, int Histograms, int Exponential, int Float, int Exemplars) mark)
    {
        Numbers.Truncate(mark.Numbers);
        Histograms.Truncate(mark.Histograms);
        ExponentialHistograms.Truncate(mark.Exponential);
        FloatHistograms.Truncate(mark.Float);
        Exemplars.Truncate(mark.Exemplars);
    }

    /// <summary>Appends all points and exemplars of another block.</summary>
    public void Append(MetricBlock other)
    {
        Numbers.Append(other.Numbers);
        Histograms.Append(other.Histograms);
        ExponentialHistograms.Append(other.ExponentialHistograms);
        FloatHistograms.Append(other.FloatHistograms);
        Exemplars.Append(other.Exemplars);
    }

    /// <summary>Empties the block and keeps its memory.</summary>
    public void Clear() => Truncate(default);

    /// <inheritdoc/>
    public void Dispose()
    {
        Numbers.Dispose();
        Histograms.Dispose();
        ExponentialHistograms.Dispose();
        FloatHistograms.Dispose();
        Exemplars.Dispose();
    }
}

/// <summary>Columns of gauge and sum points.</summary>
public sealed class NumberPoints : IDisposable
{
    /// <summary>Series of each point.</summary>
    public ColumnBuffer<int> Series { get; } = new();

    /// <summary><c>time_unix_nano</c>.</summary>
    public ColumnBuffer<long> TimeNanos { get; } = new();

    /// <summary><c>start_time_unix_nano</c>; 0 when not given.</summary>
    public ColumnBuffer<long> StartNanos { get; } = new();

    /// <summary>Values; a point flagged "no recorded value" holds the Prometheus stale marker NaN (0x7FF0000000000002).</summary>
    public ColumnBuffer<double> Values { get; } = new();

    /// <summary>Number of points.</summary>
    public int Count => Series.Count;

    /// <summary>Appends all points of another table.</summary>
    internal void Append(NumberPoints other)
    {
        Series.Append(other.Series.Values);
        TimeNanos.Append(other.TimeNanos.Values);
        StartNanos.Append(other.StartNanos.Values);
        Values.Append(other.Values.Values);
    }

    internal void Truncate(int count)
    {
        Series.Truncate(count);
        TimeNanos.Truncate(count);
        StartNanos.Truncate(count);
        Values.Truncate(count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Series.Dispose();
        TimeNanos.Dispose();
        StartNanos.Dispose();
        Values.Dispose();
    }
}

/// <summary>Columns of explicit-bucket histogram points. The bounds belong to the series.</summary>
public sealed class HistogramPoints : IDisposable
{
    /// <summary>Series of each point.</summary>
    public ColumnBuffer<int> Series { get; } = new();

    /// <summary><c>time_unix_nano</c>.</summary>
    public ColumnBuffer<long> TimeNanos { get; } = new();

    /// <summary><c>start_time_unix_nano</c>; 0 when not given.</summary>
    public ColumnBuffer<long> StartNanos { get; } = new();

    /// <summary>Number of observations.</summary>
    public ColumnBuffer<ulong> Counts { get; } = new();

    /// <summary>Sum of observations; NaN when not given. A point flagged "no recorded value" holds the stale marker NaN.</summary>
    public ColumnBuffer<double> Sums { get; } = new();

    /// <summary>Smallest observation; NaN when not given.</summary>
    public ColumnBuffer<double> Minima { get; } = new();

    /// <summary>Largest observation; NaN when not given.</summary>
    public ColumnBuffer<double> Maxima { get; } = new();

    /// <summary>Bucket counts (not cumulative) of all points, one after the other; the last bucket of a point is +Inf.</summary>
    public ColumnBuffer<ulong> Buckets { get; } = new(4096);

    /// <summary>For each point, the index in <see cref="Buckets"/> just past its last bucket.</summary>
    public ColumnBuffer<int> BucketEnds { get; } = new();

    /// <summary>Number of points.</summary>
    public int Count => Series.Count;

    /// <summary>Bucket counts of one point.</summary>
    public ReadOnlySpan<ulong> BucketsOf(int row)
    {
        ReadOnlySpan<int> ends = BucketEnds.Values;
        return Buckets.Values[(row == 0 ? 0 : ends[row - 1])..ends[row]];
    }

    /// <summary>Appends all points of another table.</summary>
    internal void Append(HistogramPoints other)
    {
        Series.Append(other.Series.Values);
        TimeNanos.Append(other.TimeNanos.Values);
        StartNanos.Append(other.StartNanos.Values);
        Counts.Append(other.Counts.Values);
        Sums.Append(other.Sums.Values);
        Minima.Append(other.Minima.Values);
        Maxima.Append(other.Maxima.Values);
        BucketEnds.AppendEnds(other.BucketEnds, Buckets.Count);
        Buckets.Append(other.Buckets.Values);
    }

    internal void Truncate(int count)
    {
        Buckets.Truncate(count == 0 ? 0 : BucketEnds[count - 1]);
        BucketEnds.Truncate(count);
        Series.Truncate(count);
        TimeNanos.Truncate(count);
        StartNanos.Truncate(count);
        Counts.Truncate(count);
        Sums.Truncate(count);
        Minima.Truncate(count);
        Maxima.Truncate(count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Series.Dispose();
        TimeNanos.Dispose();
        StartNanos.Dispose();
        Counts.Dispose();
        Sums.Dispose();
        Minima.Dispose();
        Maxima.Dispose();
        Buckets.Dispose();
        BucketEnds.Dispose();
    }
}

/// <summary>Columns of exponential histogram points (OTLP metrics.proto, <c>ExponentialHistogramDataPoint</c>).</summary>
public sealed class ExponentialHistogramPoints : IDisposable
{
    /// <summary>Series of each point.</summary>
    public ColumnBuffer<int> Series { get; } = new();

    /// <summary><c>time_unix_nano</c>.</summary>
    public ColumnBuffer<long> TimeNanos { get; } = new();

    /// <summary><c>start_time_unix_nano</c>; 0 when not given.</summary>
    public ColumnBuffer<long> StartNanos { get; } = new();

    /// <summary>Number of observations.</summary>
    public ColumnBuffer<ulong> Counts { get; } = new();

    /// <summary>Sum of observations; NaN when not given. A point flagged "no recorded value" holds the stale marker NaN.</summary>
    public ColumnBuffer<double> Sums { get; } = new();

    /// <summary>Smallest observation; NaN when not given.</summary>
    public ColumnBuffer<double> Minima { get; } = new();

    /// <summary>Largest observation; NaN when not given.</summary>
    public ColumnBuffer<double> Maxima { get; } = new();

    /// <summary>Resolution: bucket boundaries are powers of 2^(2^-scale).</summary>
    public ColumnBuffer<int> Scales { get; } = new();

    /// <summary>Observations within <see cref="ZeroThresholds"/> of zero.</summary>
    public ColumnBuffer<ulong> ZeroCounts { get; } = new();

    /// <summary>Half width of the zero bucket.</summary>
    public ColumnBuffer<double> ZeroThresholds { get; } = new();

    /// <summary>Index of the first positive bucket.</summary>
    public ColumnBuffer<int> PositiveOffsets { get; } = new();

    /// <summary>Positive bucket counts of all points, one after the other.</summary>
    public ColumnBuffer<ulong> PositiveBuckets { get; } = new(4096);

    /// <summary>For each point, the index just past its last positive bucket.</summary>
    public ColumnBuffer<int> PositiveEnds { get; } = new();

    /// <summary>Index of the first negative bucket.</summary>
    public ColumnBuffer<int> NegativeOffsets { get; } = new();

    /// <summary>Negative bucket counts of all points, one after the other.</summary>
    public ColumnBuffer<ulong> NegativeBuckets { get; } = new();

    /// <summary>For each point, the index just past its last negative bucket.</summary>
    public ColumnBuffer<int> NegativeEnds { get; } = new();

    /// <summary>Number of points.</summary>
    public int Count => Series.Count;

    /// <summary>Appends all points of another table.</summary>
    internal void Append(ExponentialHistogramPoints other)
    {
        Series.Append(other.Series.Values);
        TimeNanos.Append(other.TimeNanos.Values);
        StartNanos.Append(other.StartNanos.Values);
        Counts.Append(other.Counts.Values);
        Sums.Append(other.Sums.Values);
        Minima.Append(other.Minima.Values);
        Maxima.Append(other.Maxima.Values);
        Scales.Append(other.Scales.Values);
        ZeroCounts.Append(other.ZeroCounts.Values);
        ZeroThresholds.Append(other.ZeroThresholds.Values);
        PositiveOffsets.Append(other.PositiveOffsets.Values);
        PositiveEnds.AppendEnds(other.PositiveEnds, PositiveBuckets.Count);
        PositiveBuckets.Append(other.PositiveBuckets.Values);
        NegativeOffsets.Append(other.NegativeOffsets.Values);
        NegativeEnds.AppendEnds(other.NegativeEnds, NegativeBuckets.Count);
        NegativeBuckets.Append(other.NegativeBuckets.Values);
    }

    internal void Truncate(int count)
    {
        PositiveBuckets.Truncate(count == 0 ? 0 : PositiveEnds[count - 1]);
        NegativeBuckets.Truncate(count == 0 ? 0 : NegativeEnds[count - 1]);
        PositiveEnds.Truncate(count);
        NegativeEnds.Truncate(count);
        Series.Truncate(count);
        TimeNanos.Truncate(count);
        StartNanos.Truncate(count);
        Counts.Truncate(count);
        Sums.Truncate(count);
        Minima.Truncate(count);
        Maxima.Truncate(count);
        Scales.Truncate(count);
        ZeroCounts.Truncate(count);
        ZeroThresholds.Truncate(count);
        PositiveOffsets.Truncate(count);
        NegativeOffsets.Truncate(count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Series.Dispose();
        TimeNanos.Dispose();
        StartNanos.Dispose();
        Counts.Dispose();
        Sums.Dispose();
        Minima.Dispose();
        Maxima.Dispose();
        Scales.Dispose();
        ZeroCounts.Dispose();
        ZeroThresholds.Dispose();
        PositiveOffsets.Dispose();
        PositiveBuckets.Dispose();
        PositiveEnds.Dispose();
        NegativeOffsets.Dispose();
        NegativeBuckets.Dispose();
        NegativeEnds.Dispose();
    }
}
