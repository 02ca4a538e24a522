using SloEngine.PromQL.Histograms;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>Rows of <c>float_histograms</c>, which rules have recorded, or which came by remote write.</summary>
internal readonly ref struct FloatHistogramRows(ResultBlock block)
{
    /// <summary>Columns that are read, behind id and time.</summary>
    public const string Columns = "hint, count, sum, schema, zero_count, zero_threshold, positive_indexes, positive, negative_indexes, negative, bounds";

    private const int FirstColumn = 2;

    private readonly ReadOnlySpan<byte> _hints = block.Values<byte>(FirstColumn);
    private readonly ReadOnlySpan<double> _counts = block.Values<double>(FirstColumn + 1);
    private readonly ReadOnlySpan<double> _sums = block.Values<double>(FirstColumn + 2);
    private readonly ReadOnlySpan<int> _schemas = block.Values<int>(FirstColumn + 3);
    private readonly ReadOnlySpan<double> _zeroCounts = block.Values<double>(FirstColumn + 4);
    private readonly ReadOnlySpan<double> _zeroThresholds = block.Values<double>(FirstColumn + 5);
    private readonly ResultBlock _block = block;

    /// <summary>The histogram of a row; null where the row marks staleness.</summary>
    public FloatHistogram? Read(int row) => StaleMarker.Is(_sums[row]) ? null : new()
    {
        Hint = (CounterResetHint)_hints[row],
        Count = _counts[row],
        Sum = _sums[row],
        Schema = _schemas[row],
        ZeroCount = _zeroCounts[row],
        ZeroThreshold = _zeroThresholds[row],
        Positive = BucketCounts.Of(Items<int>(6, row), Items<double>(7, row)),
        Negative = BucketCounts.Of(Items<int>(8, row), Items<double>(9, row)),
        CustomBounds = Items<double>(10, row),
    };

    private T[] Items<T>(int column, int row)
        where T : unmanaged
    {
        ArrayColumn rows = _block.Array(FirstColumn + column);
        (int start, int length) = rows.Row(row);
        return ((FixedColumn<T>)rows.Items).Values.Slice(start, length).ToArray();
    }
}
