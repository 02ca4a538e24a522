using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage.Native;

namespace SloEngine.Storage.Tables;

/// <summary>Encodes metric points and exemplars for their tables. <c>seriesIds</c> gives the id in the store of each series reference.</summary>
public static class MetricTables
{
    private const string Milliseconds = "DateTime64(3, 'UTC')";
    private const int NanosPerMilli = 1_000_000;

    /// <summary>Rows for <c>samples</c> of series of which nothing is known.</summary>
    public static NativeBlock Encode(NumberPoints points, ReadOnlySpan<UInt128> seriesIds, NativeWriter writer)
    {
        var run = SampleRun.Of(points, seriesIds, new byte[seriesIds.Length], writer.Order);
        return Encode([run], writer) with { Samples = run };
    }

    /// <summary>Rows for <c>samples</c>, of several runs as one.</summary>
    public static NativeBlock Encode(SampleRun[] runs, NativeWriter writer)
    {
        ReadOnlySpan<SampleMerge.Piece> pieces = SampleMerge.Of(runs).Pieces;
        writer.Start("samples", 5, runs.Sum(static run => run.Count));
        Ids(runs, pieces, writer.Fixed<UInt128>("id", "UInt128"));
        Copy(Array.ConvertAll(runs, static run => run.TimeColumn), pieces, writer.Fixed<long>("ts", Milliseconds));
        Copy(Array.ConvertAll(runs, static run => run.StartColumn), pieces, writer.Fixed<long>("start", Milliseconds));
        Copy(Array.ConvertAll(runs, static run => run.NumberColumn), pieces, writer.Fixed<long>("number", "Int64"));
        Copy(Array.ConvertAll(runs, static run => run.ScaleColumn), pieces, writer.Fixed<byte>("scale", "UInt8"));
        return writer.Finish();
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

    /// <summary>Rows for <c>float_histograms</c>.</summary>
    public static NativeBlock Encode(FloatHistogramPoints points, ReadOnlySpan<UInt128> seriesIds, NativeWriter writer)
    {
        writer.Start("float_histograms", 13, points.Count);
        Order(points.Series.Values, points.TimeNanos.Values, seriesIds, writer.Order);
        Ids(points.Series.Values, seriesIds, writer);
        Millis("ts", points.TimeNanos.Values, writer);
        writer.Fixed("hint", "UInt8", points.Hints.Values);
        writer.Fixed("count", "Float64", points.Counts.Values);
        writer.Fixed("sum", "Float64", points.Sums.Values);
        writer.Fixed("schema", "Int32", points.Schemas.Values);
        writer.Fixed("zero_count", "Float64", points.ZeroCounts.Values);
        writer.Fixed("zero_threshold", "Float64", points.ZeroThresholds.Values);
        writer.Array("positive_indexes", "Int32", points.PositiveEnds.Values, points.PositiveIndexes.Values);
        writer.Array("positive", "Float64", points.PositiveEnds.Values, points.Positive.Values);
        writer.Array("negative_indexes", "Int32", points.NegativeEnds.Values, points.NegativeIndexes.Values);
        writer.Array("negative", "Float64", points.NegativeEnds.Values, points.Negative.Values);
        writer.Array("bounds", "Float64", points.BoundEnds.Values, points.Bounds.Values);
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

    /// <summary>The tables' order, by series and time: exact, unless rows lie so far apart that the milliseconds do not fit beside the series.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Order(ReadOnlySpan<int> series, ReadOnlySpan<long> nanos, ReadOnlySpan<UInt128> seriesIds, RowOrder order)
    {
        int[] ranks = ArrayPool<int>.Shared.Rent(seriesIds.Length);
        int distinct = RowOrder.Rank(series, seriesIds, ranks);
        if (!TryGroup(series, ranks, distinct, nanos, order))
        {
            (long first, long last) = RowTimes.Of(nanos);
            int timeBits = Bits(last - first);
            int coarse = Math.Max(0, timeBits + Bits(distinct - 1) - 64);
            timeBits -= coarse;
            Span<ulong> keys = order.Keys(series.Length);
            for (int row = 0; row < keys.Length; row++)
            {
                keys[row] = ((ulong)(uint)ranks[series[row]] << timeBits) | ((ulong)((nanos[row] / NanosPerMilli) - first) >> coarse);
            }
            order.Sort();
        }
        ArrayPool<int>.Shared.Return(ranks);
    }

    /// <summary>Most often the points of a series come in their order: then a place for each series is all that there is to find.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryGroup(ReadOnlySpan<int> series, ReadOnlySpan<int> ranks, int distinct, ReadOnlySpan<long> nanos, RowOrder order)
    {
        int[] groups = ArrayPool<int>.Shared.Rent(series.Length);
        for (int row = 0; row < series.Length; row++)
        {
            groups[row] = ranks[series[row]];
        }
        bool isOrdered = order.TryGroup(groups.AsSpan(0, series.Length), distinct, nanos);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Ids(SampleRun[] runs, ReadOnlySpan<SampleMerge.Piece> pieces, Span<UInt128> column)
    {
        int at = 0;
        foreach (SampleMerge.Piece piece in pieces)
        {
            column.Slice(at, piece.Length).Fill(runs[piece.Run].Ids[piece.Stretch]);
            at += piece.Length;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy<T>(T[][] columns, ReadOnlySpan<SampleMerge.Piece> pieces, Span<T> column)
    {
        int at = 0;
        foreach (SampleMerge.Piece piece in pieces)
        {
            T[] values = columns[piece.Run];
            if (values.Length == 0)
            {
                column.Slice(at, piece.Length).Clear();
            }
            else
            {
                values.AsSpan(piece.Start, piece.Length).CopyTo(column[at..]);
            }
            at += piece.Length;
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
