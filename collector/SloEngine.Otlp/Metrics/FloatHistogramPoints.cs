using SloEngine.Otlp.Columns;

namespace SloEngine.Otlp.Metrics;

/// <summary>
/// Columns of native histograms with fractional counts, or that are gauges (Prometheus' <c>Histogram</c> of remote write): buckets by their indexes in Prometheus' schema, where that of index i
/// covers (base^(i-1), base^i].
/// </summary>
public sealed class FloatHistogramPoints : IDisposable
{
    /// <summary>Series of each point.</summary>
    public ColumnBuffer<int> Series { get; } = new();

    /// <summary>Time in Unix nanoseconds.</summary>
    public ColumnBuffer<long> TimeNanos { get; } = new();

    /// <summary>3 of a gauge, 1 where its sender says that the counter was reset, else 0: whether it was shows in its counts (<c>Histogram.ResetHint</c>).</summary>
    public ColumnBuffer<byte> Hints { get; } = new();

    /// <summary>Number of observations.</summary>
    public ColumnBuffer<double> Counts { get; } = new();

    /// <summary>Sum of observations; the stale marker where the series ended.</summary>
    public ColumnBuffer<double> Sums { get; } = new();

    /// <summary>Resolution: each power of two has 2^schema buckets; -53 where <see cref="Bounds"/> are given.</summary>
    public ColumnBuffer<int> Schemas { get; } = new();

    /// <summary>Observations within <see cref="ZeroThresholds"/> of zero.</summary>
    public ColumnBuffer<double> ZeroCounts { get; } = new();

    /// <summary>Half width of the zero bucket.</summary>
    public ColumnBuffer<double> ZeroThresholds { get; } = new();

    /// <summary>Indexes of the positive buckets of all points, one after the other.</summary>
    public ColumnBuffer<int> PositiveIndexes { get; } = new();

    /// <summary>Their counts.</summary>
    public ColumnBuffer<double> Positive { get; } = new();

    /// <summary>For each point, where its positive buckets end.</summary>
    public ColumnBuffer<int> PositiveEnds { get; } = new();

    /// <summary>Indexes of the negative buckets of all points, one after the other.</summary>
    public ColumnBuffer<int> NegativeIndexes { get; } = new();

    /// <summary>Their counts.</summary>
    public ColumnBuffer<double> Negative { get; } = new();

    /// <summary>For each point, where its negative buckets end.</summary>
    public ColumnBuffer<int> NegativeEnds { get; } = new();

    /// <summary>Upper bounds of custom buckets of all points, one after the other, without +Inf.</summary>
    public ColumnBuffer<double> Bounds { get; } = new();

    /// <summary>For each point, where its bounds end.</summary>
    public ColumnBuffer<int> BoundEnds { get; } = new();

    /// <summary>Number of points.</summary>
    public int Count => Series.Count;

    /// <summary>Appends all points of another table.</summary>
    internal void Append(FloatHistogramPoints other)
    {
        Series.Append(other.Series.Values);
        TimeNanos.Append(other.TimeNanos.Values);
        Hints.Append(other.Hints.Values);
        Counts.Append(other.Counts.Values);
        Sums.Append(other.Sums.Values);
        Schemas.Append(other.Schemas.Values);
        ZeroCounts.Append(other.ZeroCounts.Values);
        ZeroThresholds.Append(other.ZeroThresholds.Values);
        PositiveEnds.AppendEnds(other.PositiveEnds, Positive.Count);
        PositiveIndexes.Append(other.PositiveIndexes.Values);
        Positive.Append(other.Positive.Values);
        NegativeEnds.AppendEnds(other.NegativeEnds, Negative.Count);
        NegativeIndexes.Append(other.NegativeIndexes.Values);
        Negative.Append(other.Negative.Values);
        BoundEnds.AppendEnds(other.BoundEnds, Bounds.Count);
        Bounds.Append(other.Bounds.Values);
    }

    internal void Truncate(int count)
    {
        int positive = count == 0 ? 0 : PositiveEnds[count - 1];
        int negative = count == 0 ? 0 : NegativeEnds[count - 1];
        Bounds.Truncate(count == 0 ? 0 : BoundEnds[count - 1]);
        PositiveIndexes.Truncate(positive);
        Positive.Truncate(positive);
        NegativeIndexes.Truncate(negative);
        Negative.Truncate(negative);
        PositiveEnds.Truncate(count);
        NegativeEnds.Truncate(count);
        BoundEnds.Truncate(count);
        Series.Truncate(count);
        TimeNanos.Truncate(count);
        Hints.Truncate(count);
        Counts.Truncate(count);
        Sums.Truncate(count);
        Schemas.Truncate(count);
        ZeroCounts.Truncate(count);
        ZeroThresholds.Truncate(count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Series.Dispose();
        TimeNanos.Dispose();
        Hints.Dispose();
        Counts.Dispose();
        Sums.Dispose();
        Schemas.Dispose();
        ZeroCounts.Dispose();
        ZeroThresholds.Dispose();
        PositiveIndexes.Dispose();
        Positive.Dispose();
        PositiveEnds.Dispose();
        NegativeIndexes.Dispose();
        Negative.Dispose();
        NegativeEnds.Dispose();
        Bounds.Dispose();
        BoundEnds.Dispose();
    }
}
