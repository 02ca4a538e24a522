using SloEngine.Storage;
using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

namespace SloEngine.Server.Backtesting;

/// <summary>Where the rows of a result belong: times of the store are milliseconds.</summary>
internal static class StoredPoints
{
    private const long NanosPerMilli = 1_000_000;

    /// <summary>A fixed-width column of all blocks.</summary>
    public static T[] Column<T>(QueryResult result, int column)
        where T : unmanaged
    {
        var all = new T[result.Rows];
        int at = 0;
        foreach (ResultBlock block in result.Blocks)
        {
            ReadOnlySpan<T> values = block.Values<T>(column);
            values.CopyTo(all.AsSpan(at));
            at += values.Length;
        }
        return all;
    }

    public static long[] Nanos(QueryResult result, int column)
    {
        long[] times = Column<long>(result, column);
        foreach (ref long time in times.AsSpan())
        {
            time *= NanosPerMilli;
        }
        return times;
    }

    /// <summary>Values of samples: two columns, of their numbers and of the scales of these.</summary>
    public static double[] Values(QueryResult result, int column)
    {
        var all = new double[result.Rows];
        int at = 0;
        foreach (ResultBlock block in result.Blocks)
        {
            SampleValue.Decode(block.Values<long>(column), block.Values<byte>(column + 1), all.AsSpan(at));
            at += block.Rows;
        }
        return all;
    }

    /// <summary>Numbers of the series of all rows.</summary>
    public static int[] Series(QueryResult result, IReadOnlyDictionary<UInt128, int> numbers) => Array.ConvertAll(Column<UInt128>(result, 0), id => numbers[id]);

    /// <summary>An array column of all blocks: the items, and where each row's end.</summary>
    public static (ulong[] Items, int[] Ends) Arrays(QueryResult result, int column)
    {
        var items = new List<ulong>();
        var ends = new int[result.Rows];
        int at = 0;
        foreach (ResultBlock block in result.Blocks)
        {
            ArrayColumn arrays = block.Array(column);
            int before = items.Count;
            items.AddRange(((FixedColumn<ulong>)arrays.Items).Values);
            for (int row = 0; row < block.Rows; row++)
            {
                ends[at++] = before + (int)arrays.Ends[row];
            }
        }
        return ([.. items], ends);
    }

    public static ReadOnlySpan<ulong> Row(ulong[] items, int[] ends, int row) => items.AsSpan((row == 0 ? 0 : ends[row - 1])..ends[row]);
}

/// <summary>Points of gauges and sums.</summary>
internal sealed class StoredSamples(QueryResult result, IReadOnlyDictionary<UInt128, int> numbers) : StoredStretch(StoredPoints.Nanos(result, 1))
{
    public const string Select = "SELECT id, ts, start, number, scale FROM samples";

    private readonly int[] _series = StoredPoints.Series(result, numbers);
    private readonly long[] _starts = StoredPoints.Nanos(result, 2);
    private readonly double[] _values = StoredPoints.Values(result, 3);

    public override void Show(Range rows, ReplayedBacktest to)
    {
        for (int row = rows.Start.Value; row < rows.End.Value; row++)
        {
            to.Taps[_series[row]]?.Number(_starts[row], Times[row], _values[row]);
        }
    }
}

/// <summary>Points of histograms with explicit bounds.</summary>
internal sealed class StoredHistograms : StoredStretch
{
    public const string Select = $"SELECT id, ts, start, count, buckets FROM (SELECT * FROM histograms WHERE {SqlText.IsNoStaleMarker})";

    private readonly int[] _series;
    private readonly long[] _starts;
    private readonly ulong[] _counts;
    private readonly ulong[] _buckets;
    private readonly int[] _ends;

    public StoredHistograms(QueryResult result, IReadOnlyDictionary<UInt128, int> numbers)
        : base(StoredPoints.Nanos(result, 1))
    {
        (_series, _starts, _counts) = (StoredPoints.Series(result, numbers), StoredPoints.Nanos(result, 2), StoredPoints.Column<ulong>(result, 3));
        (_buckets, _ends) = StoredPoints.Arrays(result, 4);
    }

    public override void Show(Range rows, ReplayedBacktest to)
    {
        for (int row = rows.Start.Value; row < rows.End.Value; row++)
        {
            to.Taps[_series[row]]?.Histogram(_starts[row], Times[row], _counts[row], StoredPoints.Row(_buckets, _ends, row));
        }
    }
}

/// <summary>Points of exponential histograms.</summary>
internal sealed class StoredExponentialHistograms : StoredStretch
{
    public const string Select =
        $"SELECT id, ts, start, count, scale, zero_threshold, zero_count, positive_offset, positive, negative FROM (SELECT * FROM exponential_histograms WHERE {SqlText.IsNoStaleMarker})";

    private readonly int[] _series;
    private readonly long[] _starts;
    private readonly ulong[] _counts;
    private readonly int[] _scales;
    private readonly double[] _zeroThresholds;
    private readonly ulong[] _zeroCounts;
    private readonly int[] _offsets;
    private readonly (ulong[] Items, int[] Ends) _positive;
    private readonly (ulong[] Items, int[] Ends) _negative;

    public StoredExponentialHistograms(QueryResult result, IReadOnlyDictionary<UInt128, int> numbers)
        : base(StoredPoints.Nanos(result, 1))
    {
        (_series, _starts, _counts) = (StoredPoints.Series(result, numbers), StoredPoints.Nanos(result, 2), StoredPoints.Column<ulong>(result, 3));
        (_scales, _zeroThresholds) = (StoredPoints.Column<int>(result, 4), StoredPoints.Column<double>(result, 5));
        (_zeroCounts, _offsets) = (StoredPoints.Column<ulong>(result, 6), StoredPoints.Column<int>(result, 7));
        (_positive, _negative) = (StoredPoints.Arrays(result, 8), StoredPoints.Arrays(result, 9));
    }

    public override void Show(Range rows, ReplayedBacktest to)
    {
        for (int row = rows.Start.Value; row < rows.End.Value; row++)
        {
            to.Taps[_series[row]]?.ExponentialHistogram(
                _starts[row], Times[row], _counts[row], _scales[row], _zeroThresholds[row], _zeroCounts[row], _offsets[row],
                StoredPoints.Row(_positive.Items, _positive.Ends, row), StoredPoints.Row(_negative.Items, _negative.Ends, row));
        }
    }
}
