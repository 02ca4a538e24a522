using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Metrics;

/// <content>The four kinds of data points. Each method returns whether the point was accepted; a rejected one leaves nothing behind.</content>
public sealed partial class MetricsDecoder
{
    /// <summary><c>NumberDataPoint</c></summary>
    private bool Number(ref ProtobufReader point, ReadOnlySpan<byte> bytes, in MetricContext metric)
    {
        long time = 0;
        long start = 0;
        double value = 0;
        bool hasValue = false;
        uint flags = 0;
        bool hasExemplars = false;
        var attributes = new FieldRun();
        while (point.Next())
        {
            switch (point.Field)
            {
                case 7:
                    attributes.Add(ref point);
                    break;
                case 2:
                    start = (long)point.Fixed64Field();
                    break;
                case 3:
                    time = (long)point.Fixed64Field();
                    break;
                case 4:
                    value = point.DoubleField();
                    hasValue = true;
                    break;
                case 6:
                    value = (long)point.Fixed64Field();
                    hasValue = true;
                    break;
                case 8:
                    flags = (uint)point.VarintField();
                    break;
                case 5:
                    hasExemplars = true;
                    point.Skip();
                    break;
                default:
                    point.Skip();
                    break;
            }
        }
        if ((flags & NoRecordedValue) != 0)
        {
            (value, hasValue) = (StaleMarker, true);
        }
        if (!hasValue)
        {
            return Reject("the data point has neither as_double nor as_int");
        }
        if (!TimesAreGiven(time, start) || !Resolve(bytes, in attributes, 7, in metric, default, out int series))
        {
            return false;
        }
        NumberPoints into = _block.Numbers;
        into.Series.Append(series);
        into.TimeNanos.Append(time);
        into.StartNanos.Append(start);
        into.Values.Append(value);
        if (hasExemplars)
        {
            Exemplars(point.Rewound, 5, series, time);
        }
        return true;
    }

    /// <summary><c>HistogramDataPoint</c></summary>
    private bool Histogram(ref ProtobufReader point, ReadOnlySpan<byte> bytes, in MetricContext metric)
    {
        HistogramPoints into = _block.Histograms;
        int firstBucket = into.Buckets.Count;
        long time = 0;
        long start = 0;
        ulong count = 0;
        double sum = double.NaN;
        double min = double.NaN;
        double max = double.NaN;
        uint flags = 0;
        bool hasExemplars = false;
        var attributes = new FieldRun();
        _bounds.Clear();
        while (point.Next())
        {
            switch (point.Field)
            {
                case 9:
                    attributes.Add(ref point);
                    break;
                case 2:
                    start = (long)point.Fixed64Field();
                    break;
                case 3:
                    time = (long)point.Fixed64Field();
                    break;
                case 4:
                    count = point.Fixed64Field();
                    break;
                case 5:
                    sum = point.DoubleField();
                    break;
                case 6 when point.Type == WireType.LengthDelimited:
                    into.Buckets.Append(Words(ref point));
                    break;
                case 6:
                    into.Buckets.Append(point.Fixed64Field());
                    break;
                case 7 when point.Type == WireType.LengthDelimited:
                    _bounds.AddRange(MemoryMarshal.Cast<ulong, double>(Words(ref point)));
                    break;
                case 7:
                    _bounds.Add(point.DoubleField());
                    break;
                case 10:
                    flags = (uint)point.VarintField();
                    break;
                case 11:
                    min = point.DoubleField();
                    break;
                case 12:
                    max = point.DoubleField();
                    break;
                case 8:
                    hasExemplars = true;
                    point.Skip();
                    break;
                default:
                    point.Skip();
                    break;
            }
        }

        ReadOnlySpan<double> bounds = CollectionsMarshal.AsSpan(_bounds);
        if (into.Buckets.Count == firstBucket && bounds.IsEmpty)
        {
            // "If bucket_counts is empty then explicit_bounds must be too": one bucket that holds everything.
            into.Buckets.Append(count);
        }
        ReadOnlySpan<ulong> buckets = into.Buckets.Values[firstBucket..];
        int series = -1;
        bool sound = buckets.Length == bounds.Length + 1 && Ascending(bounds) && Sum(buckets) == count;
        if (!sound)
        {
            RejectHistogram(buckets, bounds, count);
        }
        if (!sound || !TimesAreGiven(time, start) || !Resolve(bytes, in attributes, 9, in metric, bounds, out series))
        {
            into.Buckets.Truncate(firstBucket);
            return false;
        }
        into.Series.Append(series);
        into.TimeNanos.Append(time);
        into.StartNanos.Append(start);
        into.Counts.Append(count);
        into.Sums.Append((flags & NoRecordedValue) != 0 ? StaleMarker : sum);
        into.Minima.Append(min);
        into.Maxima.Append(max);
        into.BucketEnds.Append(into.Buckets.Count);
        if (hasExemplars)
        {
            Exemplars(point.Rewound, 8, series, time);
        }
        return true;
    }

    /// <summary><c>ExponentialHistogramDataPoint</c></summary>
    private bool ExponentialHistogram(ref ProtobufReader point, ReadOnlySpan<byte> bytes, in MetricContext metric)
    {
        ExponentialHistogramPoints into = _block.ExponentialHistograms;
        int firstPositive = into.PositiveBuckets.Count;
        int firstNegative = into.NegativeBuckets.Count;
        long time = 0;
        long start = 0;
        ulong count = 0;
        double sum = double.NaN;
        double min = double.NaN;
        double max = double.NaN;
        int scale = 0;
        ulong zeroCount = 0;
        double zeroThreshold = 0;
        int positiveOffset = 0;
        int negativeOffset = 0;
        uint flags = 0;
        bool hasExemplars = false;
        var attributes = new FieldRun();
        while (point.Next())
        {
            switch (point.Field)
            {
                case 1:
                    attributes.Add(ref point);
                    break;
                case 2:
                    start = (long)point.Fixed64Field();
                    break;
                case 3:
                    time = (long)point.Fixed64Field();
                    break;
                case 4:
                    count = point.Fixed64Field();
                    break;
                case 5:
                    sum = point.DoubleField();
                    break;
                case 6:
                    scale = ZigZag(point.VarintField());
                    break;
                case 7:
                    zeroCount = point.Fixed64Field();
                    break;
                case 8:
                    Buckets(point.MessageField(), into.PositiveBuckets, ref positiveOffset);
                    break;
                case 9:
                    Buckets(point.MessageField(), into.NegativeBuckets, ref negativeOffset);
                    break;
                case 10:
                    flags = (uint)point.VarintField();
                    break;
                case 12:
                    min = point.DoubleField();
                    break;
                case 13:
                    max = point.DoubleField();
                    break;
                case 14:
                    zeroThreshold = point.DoubleField();
                    break;
                case 11:
                    hasExemplars = true;
                    point.Skip();
                    break;
                default:
                    point.Skip();
                    break;
            }
        }
        ulong total = zeroCount + Sum(into.PositiveBuckets.Values[firstPositive..]) + Sum(into.NegativeBuckets.Values[firstNegative..]);
        int series = -1;
        bool sound = total == count && scale is >= -10 and <= 20;
        if (!sound)
        {
            RejectExponential(total, count, scale);
        }
        if (!sound || !TimesAreGiven(time, start) || !Resolve(bytes, in attributes, 1, in metric, default, out series))
        {
            into.PositiveBuckets.Truncate(firstPositive);
            into.NegativeBuckets.Truncate(firstNegative);
            return false;
        }
        into.Series.Append(series);
        into.TimeNanos.Append(time);
        into.StartNanos.Append(start);
        into.Counts.Append(count);
        into.Sums.Append((flags & NoRecordedValue) != 0 ? StaleMarker : sum);
        into.Minima.Append(min);
        into.Maxima.Append(max);
        into.Scales.Append(scale);
        into.ZeroCounts.Append(zeroCount);
        into.ZeroThresholds.Append(zeroThreshold);
        into.PositiveOffsets.Append(positiveOffset);
        into.PositiveEnds.Append(into.PositiveBuckets.Count);
        into.NegativeOffsets.Append(negativeOffset);
        into.NegativeEnds.Append(into.NegativeBuckets.Count);
        if (hasExemplars)
        {
            Exemplars(point.Rewound, 11, series, time);
        }
        return true;
    }

    /// <summary><c>ExponentialHistogramDataPoint.Buckets</c></summary>
    private static void Buckets(ProtobufReader message, Columns.ColumnBuffer<ulong> into, ref int offset)
    {
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1:
                    offset = ZigZag(message.VarintField());
                    break;
                case 2 when message.Type == WireType.LengthDelimited:
                    ProtobufReader packed = message.MessageField();
                    while (!packed.AtEnd)
                    {
                        into.Append(packed.Varint());
                    }
                    break;
                case 2:
                    into.Append(message.VarintField());
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
    }

    /// <summary><c>SummaryDataPoint</c>: number points of the classic series name{quantile}, name_sum and name_count.</summary>
    private bool Summary(ref ProtobufReader point, ReadOnlySpan<byte> bytes, in MetricContext metric)
    {
        long time = 0;
        long start = 0;
        double count = 0;
        double sum = 0;
        uint flags = 0;
        var attributes = new FieldRun();
        _quantiles.Clear();
        while (point.Next())
        {
            switch (point.Field)
            {
                case 7:
                    attributes.Add(ref point);
                    break;
                case 2:
                    start = (long)point.Fixed64Field();
                    break;
                case 3:
                    time = (long)point.Fixed64Field();
                    break;
                case 4:
                    count = point.Fixed64Field();
                    break;
                case 5:
                    sum = point.DoubleField();
                    break;
                case 6:
                    _quantiles.Add(ValueAtQuantile(point.MessageField()));
                    break;
                case 8:
                    flags = (uint)point.VarintField();
                    break;
                default:
                    point.Skip();
                    break;
            }
        }
        if (_quantiles.Count > MaxQuantiles)
        {
            return Reject(string.Create(CultureInfo.InvariantCulture, $"{_quantiles.Count} quantile_values, expected at most {MaxQuantiles}"));
        }
        if (!TimesAreGiven(time, start))
        {
            return false;
        }
        bool stale = (flags & NoRecordedValue) != 0;
        int first = _block.Numbers.Count;
        bool whole = Part(SeriesPart.Count, 0, count, bytes, in metric) && Part(SeriesPart.Sum, 0, sum, bytes, in metric);
        for (int position = 0; whole && position < _quantiles.Count; position++)
        {
            whole = Part(SeriesPart.Quantile, _quantiles[position].Quantile, _quantiles[position].Value, bytes, in metric);
        }
        if (!whole)
        {
            _block.Numbers.Truncate(first);
        }
        return whole;

        bool Part(SeriesPart part, double quantile, double value, ReadOnlySpan<byte> bytes, in MetricContext metric)
        {
            if (!Resolve(bytes, in attributes, 7, in metric, default, out int series, part, quantile))
            {
                return false;
            }
            NumberPoints into = _block.Numbers;
            into.Series.Append(series);
            into.TimeNanos.Append(time);
            into.StartNanos.Append(start);
            into.Values.Append(stale ? StaleMarker : value);
            return true;
        }
    }

    private static (double Quantile, double Value) ValueAtQuantile(ProtobufReader message)
    {
        double quantile = 0;
        double value = 0;
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1:
                    quantile = message.DoubleField();
                    break;
                case 2:
                    value = message.DoubleField();
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
        return (quantile, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RejectHistogram(ReadOnlySpan<ulong> buckets, ReadOnlySpan<double> bounds, ulong count) => Reject(
        buckets.Length != bounds.Length + 1
            ? string.Create(CultureInfo.InvariantCulture, $"{buckets.Length} bucket_counts for {bounds.Length} explicit_bounds, expected {bounds.Length + 1}")
        : !Ascending(bounds) ? "explicit_bounds are not ascending"
        : string.Create(CultureInfo.InvariantCulture, $"bucket_counts add up to {Sum(buckets)}, count is {count}"));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RejectExponential(ulong total, ulong count, int scale) => Reject(
        total != count ? string.Create(CultureInfo.InvariantCulture, $"the buckets add up to {total}, count is {count}")
        : string.Create(CultureInfo.InvariantCulture, $"scale {scale} is outside -10..20"));

    private static ReadOnlySpan<ulong> Words(ref ProtobufReader reader)
    {
        ReadOnlySpan<byte> packed = reader.BytesField();
        if (packed.Length % 8 != 0)
        {
            reader.Fail($"packed 64-bit values take {packed.Length} bytes, which is no multiple of 8");
        }
        return MemoryMarshal.Cast<byte, ulong>(packed);
    }

    private static int ZigZag(ulong value) => (int)((uint)value >> 1) ^ -(int)(value & 1);

    private static bool Ascending(ReadOnlySpan<double> bounds)
    {
        for (int bound = 1; bound < bounds.Length; bound++)
        {
            if (!(bounds[bound - 1] < bounds[bound]))
            {
                return false;
            }
        }
        return true;
    }

    private static ulong Sum(ReadOnlySpan<ulong> values)
    {
        ulong sum = 0;
        foreach (ulong value in values)
        {
            sum += value;
        }
        return sum;
    }
}
