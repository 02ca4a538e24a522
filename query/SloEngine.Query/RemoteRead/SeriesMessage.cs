using SloEngine.Otlp.Protobuf;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.RemoteRead;

/// <summary>Series in the messages of remote read (prompb/types.proto).</summary>
internal static class SeriesMessage
{
    /// <summary>A <c>ReadResponse</c>: a <c>QueryResult</c> for each query.</summary>
    public static ReadOnlyMemory<byte> Response(IEnumerable<IReadOnlyList<SeriesData>> results)
    {
        var writer = new ProtobufWriter();
        foreach (IReadOnlyList<SeriesData> result in results)
        {
            int message = writer.Begin(1);
            foreach (SeriesData series in result)
            {
                Samples(series.Unpacked(), writer);
            }
            writer.End(message);
        }
        return writer.Written;
    }

    /// <summary>Labels as field 1 of the message that is being written.</summary>
    public static void Labels(Labels labels, ProtobufWriter writer)
    {
        foreach ((string name, string value) in labels.Pairs)
        {
            int label = writer.Begin(1);
            writer.Text(1, name);
            writer.Text(2, value);
            writer.End(label);
        }
    }

    /// <summary>A <c>TimeSeries</c>.</summary>
    private static void Samples(SeriesData series, ProtobufWriter writer)
    {
        int message = writer.Begin(1);
        Labels(series.Labels, writer);
        for (int index = 0; index < series.TimesMs.Length; index++)
        {
            if (series.Histograms?[index] is { } histogram)
            {
                Histogram(histogram, series.TimesMs[index], series.HasWholeCounts, writer);
                continue;
            }
            int sample = writer.Begin(2);
            writer.Double(1, series.Values[index]);
            writer.Varint(2, (ulong)series.TimesMs[index]);
            writer.End(sample);
        }
        writer.End(message);
    }

    private static void Histogram(FloatHistogram histogram, long timeMs, bool isWhole, ProtobufWriter writer)
    {
        int message = writer.Begin(4);
        Count(1, histogram.Count, isWhole, writer);
        writer.Double(3, histogram.Sum);
        writer.Varint(4, ZigZag(histogram.Schema));
        writer.Double(5, histogram.ZeroThreshold);
        Count(6, histogram.ZeroCount, isWhole, writer);
        Side(8, histogram.Negative, isWhole, writer);
        Side(11, histogram.Positive, isWhole, writer);
        writer.Varint(14, histogram.Hint switch { CounterResetHint.Reset => 1UL, CounterResetHint.NotReset => 2, CounterResetHint.Gauge => 3, _ => 0 });
        writer.Varint(15, (ulong)timeMs);
        Doubles(16, histogram.CustomBounds, writer);
        writer.End(message);
    }

    /// <summary>A whole count, or in the field behind it a fractional one.</summary>
    private static void Count(int field, double count, bool isWhole, ProtobufWriter writer)
    {
        if (isWhole)
        {
            writer.Varint(field, (ulong)count);
        }
        else
        {
            writer.Double(field + 1, count);
        }
    }

    /// <summary>Spans, then what whole counts differ by from the one before, or in the field behind that fractional ones.</summary>
    private static void Side(int spansField, BucketCounts buckets, bool isWhole, ProtobufWriter writer)
    {
        foreach (HistogramSpan span in HistogramSpan.Of(buckets.Indexes))
        {
            int message = writer.Begin(spansField);
            writer.Varint(1, ZigZag(span.Offset));
            writer.Varint(2, (ulong)span.Length);
            writer.End(message);
        }
        if (!isWhole)
        {
            Doubles(spansField + 2, buckets.Counts, writer);
            return;
        }
        long last = 0;
        foreach (double count in buckets.Counts)
        {
            // Readers take repeated numbers packed or, as here, one by one.
            writer.Varint(spansField + 1, ZigZag((long)count - last));
            last = (long)count;
        }
    }

    private static void Doubles(int field, ReadOnlySpan<double> values, ProtobufWriter writer)
    {
        if (values.Length > 0)
        {
            // A packed field of doubles is their bytes, the lowest first.
            writer.Bytes(field, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));
        }
    }

    private static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));
}
