using SloEngine.PromQL.Histograms;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>Rows of <c>exponential_histograms</c> as native histograms (prometheus.io/docs/specs/native_histograms, "OpenTelemetry").</summary>
internal readonly ref struct NativeHistogramRows
{
    /// <summary>Columns that are read, behind id and time.</summary>
    public const string Columns = "count, sum, scale, zero_count, zero_threshold, positive_offset, positive, negative_offset, negative";

    /// <summary>Finest schema of a native histogram; finer scales are merged down to it.</summary>
    private const int MaxSchema = 8;

    /// <summary>Width of the zero bucket where none is given: OTLP's 0 stands for zeros alone, which a native histogram cannot say.</summary>
    private const double DefaultZeroThreshold = 1e-128;

    private const int FirstColumn = 2;

    private readonly ReadOnlySpan<ulong> _counts;
    private readonly ReadOnlySpan<double> _sums;
    private readonly ReadOnlySpan<int> _scales;
    private readonly ReadOnlySpan<ulong> _zeroCounts;
    private readonly ReadOnlySpan<double> _zeroThresholds;
    private readonly Side _positive;
    private readonly Side _negative;

    public NativeHistogramRows(ResultBlock block)
    {
        _counts = block.Values<ulong>(FirstColumn);
        _sums = block.Values<double>(FirstColumn + 1);
        _scales = block.Values<int>(FirstColumn + 2);
        _zeroCounts = block.Values<ulong>(FirstColumn + 3);
        _zeroThresholds = block.Values<double>(FirstColumn + 4);
        _positive = new Side(block, FirstColumn + 5);
        _negative = new Side(block, FirstColumn + 7);
    }

    /// <summary>The histogram of a row; null where the row marks staleness. What counts from point to point is no counter.</summary>
    public FloatHistogram? Read(int row, bool isDelta)
    {
        if (StaleMarker.Is(_sums[row]))
        {
            return null;
        }
        int scale = _scales[row];
        int schema = Math.Min(scale, MaxSchema);
        double zeroThreshold = _zeroThresholds[row];
        return new FloatHistogram
        {
            Hint = isDelta ? CounterResetHint.Gauge : CounterResetHint.Unknown,
            Schema = schema,
            Count = _counts[row],
            Sum = _sums[row],
            ZeroCount = _zeroCounts[row],
            ZeroThreshold = zeroThreshold > 0 ? zeroThreshold : DefaultZeroThreshold,
            Positive = _positive.Read(row).Reduce(scale, schema),
            Negative = _negative.Read(row).Reduce(scale, schema),
        };
    }

    /// <summary>Buckets of one sign: an offset and consecutive counts from there.</summary>
    private readonly ref struct Side(ResultBlock block, int column)
    {
        private readonly ReadOnlySpan<int> _offsets = block.Values<int>(column);
        private readonly ArrayColumn _rows = block.Array(column + 1);

        /// <summary>OpenTelemetry's bucket i covers (base^i, base^(i+1)], Prometheus' (base^(i-1), base^i]: indexes are one apart.</summary>
        public BucketCounts Read(int row)
        {
            (int start, int length) = _rows.Row(row);
            ReadOnlySpan<ulong> counts = ((FixedColumn<ulong>)_rows.Items).Values.Slice(start, length);
            int filled = counts.Length - counts.Count(0UL);
            var indexes = new int[filled];
            var values = new double[filled];
            int next = 0;
            for (int position = 0; position < counts.Length; position++)
            {
                if (counts[position] != 0)
                {
                    (indexes[next], values[next]) = (_offsets[row] + position + 1, counts[position]);
                    next++;
                }
            }
            return BucketCounts.Of(indexes, values);
        }
    }
}
