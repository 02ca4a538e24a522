using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage.Native;

namespace SloEngine.Storage.Tables;

/// <summary>Encodes metric points and exemplars for their tables. <c>seriesIds</c> gives the id in the store of each series reference.</summary>
public static class MetricTables
{
    private const string Milliseconds = "DateTime64(3, 'UTC')";
    private const int NanosPerMilli = 1_000_000;

    /// <summary>The table of samples lies hour by hour.</summary>
    private const long HourMs = 3_600_000;

    /// <summary>Rows for <c>samples</c> of series of which nothing is known.</summary>
    public static NativeBlock Encode(NumberPoints points, ReadOnlySpan<UInt128> seriesIds, NativeWriter writer) =>
        Encode(points, seriesIds, new byte[seriesIds.Length], writer);

    /// <summary>Rows for <c>samples</c>.</summary>
    /// <param name="points">The samples.</param>
    /// <param name="seriesIds">The id of each series reference.</param>
    /// <param name="scales">The scale that the numbers of each series have had; 0 before its first. It is kept up, so that what follows has the same scale.</param>
    /// <param name="writer">Where the block is made.</param>
    public static NativeBlock Encode(NumberPoints points, ReadOnlySpan<UInt128> seriesIds, Span<byte> scales, NativeWriter writer)
    {
        writer.Start("samples", 5, points.Count);
        RowTimes times = Order(points.Series.Values, points.TimeNanos.Values, seriesIds, writer.Order, HourMs);
        Ids(points.Series.Values, seriesIds, writer);
        int ids = writer.Length - (points.Count * 16);
        Millis("ts", points.TimeNanos.Values, writer);
        int millis = writer.Length - (points.Count * sizeof(long));
        Millis("start", points.StartNanos.Values, writer);
        byte[] scaleOfRow = ArrayPool<byte>.Shared.Rent(points.Count);
        Numbers(points, scales, writer, scaleOfRow.AsSpan(0, points.Count));
        int numbers = writer.Length - (points.Count * sizeof(long));
        scaleOfRow.AsSpan(0, points.Count).CopyTo(writer.Fixed<byte>("scale", "UInt8"));
        int scale = writer.Length - points.Count;
        ArrayPool<byte>.Shared.Return(scaleOfRow);
        NativeBlock block = writer.Finish();
        return block with
        {
            Samples = new SampleRows(
                times, block.Data.Slice(ids, points.Count * 16), block.Data.Slice(millis, points.Count * sizeof(long)), block.Data.Slice(numbers, points.Count * sizeof(long)),
                block.Data.Slice(scale, points.Count)),
        };
    }

    /// <summary>Rows for <c>histograms</c>.</summary>
    public static NativeBlock Encode(HistogramPoints points, ReadOnlySpan<UInt128> seriesIds, NativeWriter writer)
    {
        writer.Start("histograms", 8, points.Count);
        Order(points.Series.Values, points.TimeNanos.Values, seriesIds, writer.Order);
        Ids(points.Series.Values, seriesIds, writer);
        Millis("ts", points.TimeNanos.Values, writer);
        Millis("start", points.StartNanos.Values, writer);
        writer.Fixed("count", "UInt64", points.Counts.Values);
        writer.Fixed("sum", "Float64", points.Sums.Values);
        writer.Fixed("min", "Float64", points.Minima.Values);
        writer.Fixed("max", "Float64", points.Maxima.Values);
        writer.Array("buckets", "UInt64", points.BucketEnds.Values, points.Buckets.Values);
        return writer.Finish();
    }

    /// <summary>Rows for <c>exponential_histograms</c>.</summary>
    public static NativeBlock Encode(ExponentialHistogramPoints points, ReadOnlySpan<UInt128> seriesIds, NativeWriter writer)
    {
        writer.Start("exponential_histograms", 14, points.Count);
        Order(points.Series.Values, points.TimeNanos.Values, seriesIds, writer.Order);
        Ids(points.Series.Values, seriesIds, writer);
        Millis("ts", points.TimeNanos.Values, writer);
        Millis("start", points.StartNanos.Values, writer);
        writer.Fixed("count", "UInt64", points.Counts.Values);
        writer.Fixed("sum", "Float64", points.Sums.Values);
        writer.Fixed("min", "Float64", points.Minima.Values);
        writer.Fixed("max", "Float64", points.Maxima.Values);
        writer.Fixed("scale", "Int32", points.Scales.Values);
        writer.Fixed("zero_count", "UInt64", points.ZeroCounts.Values);
        writer.Fixed("zero_threshold", "Float64", points.ZeroThresholds.Values);
        writer.Fixed("positive_offset", "Int32", points.PositiveOffsets.Values);
        writer.Array("positive", "UInt64", points.PositiveEnds.Values, points.PositiveBuckets.Values);
        writer.Fixed("negative_offset", "Int32", points.NegativeOffsets.Values);
        writer.Array("negative", "UInt64", points.NegativeEnds.Values, points.NegativeBuckets.Values);
        return writer.Finish();
    }

    /// <summary>Rows for <c>exemplars</c>.</summary>
    public static NativeBlock Encode(ExemplarColumns exemplars, ReadOnlySpan<UInt128> seriesIds, NativeWriter writer)
    {
        writer.Start("exemplars", 7, exemplars.Count);
        Order(exemplars.Series.Values, exemplars.TimeNanos.Values, seriesIds, writer.Order);
        Ids(exemplars.Series.Values, seriesIds, writer);
        writer.Fixed("ts", "DateTime64(9, 'UTC')", exemplars.TimeNanos.Values);
        writer.Fixed("value", "Float64", exemplars.Values.Values);
        writer.Fixed("trace_id", "FixedString(16)", exemplars.TraceIds.Values);
        writer.Fixed("span_id", "FixedString(8)", exemplars.SpanIds.Values);
        writer.Attributes("attributes", "attribute_types", exemplars.Attributes);
        return writer.Finish();
    }

    /// <summary>
    /// The tables' order, by series and time, stretch by stretch where the table has such: exact, unless rows lie so far apart that the milliseconds do
    /// not fit beside the series.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static RowTimes Order(ReadOnlySpan<int> series, ReadOnlySpan<long> nanos, ReadOnlySpan<UInt128> seriesIds, RowOrder order, long stretchMs = long.MaxValue)
    {
        int[] ranks = ArrayPool<int>.Shared.Rent(seriesIds.Length);
        int distinct = RowOrder.Rank(series, seriesIds, ranks);
        long first = long.MaxValue;
        long last = long.MinValue;
        foreach (long time in nanos)
        {
            first = Math.Min(first, time);
            last = Math.Max(last, time);
        }
        (first, last) = (first / NanosPerMilli, last / NanosPerMilli);
        long firstStretch = first / stretchMs;
        if (TryGroup(series, ranks, distinct, nanos, order, firstStretch, last / stretchMs, stretchMs))
        {
            ArrayPool<int>.Shared.Return(ranks);
            return new RowTimes(first, last);
        }
        // The place within a stretch is counted from the earliest row where all rows are of one.
        long origin = firstStretch == last / stretchMs ? first : firstStretch * stretchMs;
        int timeBits = Bits(Math.Min(last - origin, stretchMs - 1));
        int seriesBits = Bits(distinct - 1);
        int stretchBits = Bits((last / stretchMs) - firstStretch);
        int coarse = Math.Max(0, timeBits + seriesBits + stretchBits - 64);
        timeBits = Math.Max(0, timeBits - coarse);
        Span<ulong> keys = order.Keys(series.Length);
        for (int row = 0; row < keys.Length; row++)
        {
            long time = nanos[row] / NanosPerMilli;
            long stretch = stretchBits == 0 ? 0 : (time / stretchMs) - firstStretch;
            ulong within = (ulong)(time - origin - (stretch * stretchMs)) >> coarse;
            keys[row] = ((((ulong)stretch << seriesBits) | (ulong)(uint)ranks[series[row]]) << timeBits) | within;
        }
        ArrayPool<int>.Shared.Return(ranks);
        order.Sort();
        return new RowTimes(first, last);
    }

    /// <summary>
    /// Most often the points of a series come in their order: then a place for each series in each stretch is all that there is to find, unless these are too many.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryGroup(
        ReadOnlySpan<int> series, ReadOnlySpan<int> ranks, int distinct, ReadOnlySpan<long> nanos, RowOrder order, long firstStretch, long lastStretch, long stretchMs)
    {
        if ((lastStretch - firstStretch + 1) * (double)distinct > series.Length)
        {
            return false;
        }
        int[] groups = ArrayPool<int>.Shared.Rent(series.Length);
        long stretchNanos = firstStretch == lastStretch ? 0 : stretchMs * NanosPerMilli;
        for (int row = 0; row < series.Length; row++)
        {
            int stretch = stretchNanos == 0 ? 0 : (int)((nanos[row] / stretchNanos) - firstStretch);
            groups[row] = (stretch * distinct) + ranks[series[row]];
        }
        bool isOrdered = order.TryGroup(groups.AsSpan(0, series.Length), (int)(lastStretch - firstStretch + 1) * distinct, nanos);
        ArrayPool<int>.Shared.Return(groups);
        return isOrdered;
    }

    private static int Bits(long highest) => 64 - BitOperations.LeadingZeroCount((ulong)highest);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Ids(ReadOnlySpan<int> series, ReadOnlySpan<UInt128> seriesIds, NativeWriter writer)
    {
        Span<UInt128> ids = writer.Fixed<UInt128>("id", "UInt128");
        bool isSet = writer.Order.IsSet;
        ReadOnlySpan<int> rows = writer.Order.Rows;
        for (int position = 0; position < ids.Length; position++)
        {
            ids[position] = seriesIds[series[isSet ? rows[position] : position]];
        }
    }

    /// <summary>The numbers of values, in place of them; their scales go into <paramref name="scaleOfRow"/>, in the order of the block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Numbers(NumberPoints points, Span<byte> scales, NativeWriter writer, Span<byte> scaleOfRow)
    {
        // In two steps: each by itself waits for nothing, together they take twice as long.
        Span<long> numbers = MemoryMarshal.Cast<double, long>(writer.Fixed("number", "Int64", points.Values.Values));
        scaleOfRow.Clear();
        ReadOnlySpan<int> series = points.Series.Values;
        bool isSet = writer.Order.IsSet;
        ReadOnlySpan<int> rows = writer.Order.Rows;
        for (int position = 0; position < numbers.Length; position++)
        {
            double value = BitConverter.Int64BitsToDouble(numbers[position]);
            ref byte ofSeries = ref scales[series[isSet ? rows[position] : position]];
            numbers[position] = ofSeries == 0 && SampleValue.IsWhole(value, out long number) ? number : SampleValue.Encode(value, ref ofSeries, out scaleOfRow[position]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Millis(string name, ReadOnlySpan<long> nanos, NativeWriter writer)
    {
        Span<long> millis = writer.Fixed<long>(name, Milliseconds);
        if (!nanos.ContainsAnyExcept(0))
        {
            // Start times, where senders have none.
            millis.Clear();
            return;
        }
        bool isSet = writer.Order.IsSet;
        ReadOnlySpan<int> rows = writer.Order.Rows;
        for (int position = 0; position < millis.Length; position++)
        {
            millis[position] = nanos[isSet ? rows[position] : position] / NanosPerMilli;
        }
    }
}
