using SloEngine.Otlp.Protobuf;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.RemoteRead;

/// <summary>Series in the messages of remote read (prompb/types.proto).</summary>
internal static class SeriesMessage
{
    private const int FractionalCount = 2;

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
                Histogram(histogram, series.TimesMs[index], writer);
                continue;
            }
            int sample = writer.Begin(2);
            writer.Double(1, series.Values[index]);
            writer.Varint(2, (ulong)series.TimesMs[index]);
            writer.End(sample);
        }
        writer.End(message);
    }

    private static void Histogram(FloatHistogram histogram, long timeMs, ProtobufWriter writer)
    {
        int message = writer.Begin(4);
        writer.Double(FractionalCount, histogram.Count);
        writer.Double(3, histogram.Sum);
        writer.Varint(4, ZigZag(histogram.Schema));
        writer.Double(5, histogram.ZeroThreshold);
        writer.Double(7, histogram.ZeroCount);
        Side(8, 10, histogram.Negative, writer);
        Side(11, 13, histogram.Positive, writer);
        writer.Varint(14, histogram.Hint switch { CounterResetHint.Reset => 1UL, CounterResetHint.NotReset => 2, CounterResetHint.Gauge => 3, _ => 0 });
        writer.Varint(15, (ulong)timeMs);
        Doubles(16, histogram.CustomBounds, writer);
        writer.End(message);
    }

    private static void Side(int spansField, int countsField, BucketCounts buckets, ProtobufWriter writer)
    {
        foreach (HistogramSpan span in HistogramSpan.Of(buckets.Indexes))
        {
            int message = writer.Begin(spansField);
            writer.Varint(1, ZigZag(span.Offset));
            writer.Varint(2, (ulong)span.Length);
            writer.End(message);
        }
        Doubles(countsField, buckets.Counts, writer);
    }

    private static void Doubles(int field, ReadOnlySpan<double> values, ProtobufWriter writer)
    {
        if (values.Length > 0)
        {
            // A packed field of doubles is their bytes, the lowest first.
            writer.Bytes(field, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));
        }
    }

    private static ulong ZigZag(int value) => (uint)((value << 1) ^ (value >> 31));
}
