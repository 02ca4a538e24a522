using System.Globalization;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.RemoteWrite;

/// <summary>
/// A native histogram as remote write sends it: spans of buckets with counts as differences (prometheus.io/docs/specs/native_histograms). An
/// exponential bucket of index i covers (base^(i-1), base^i] there and (base^i, base^(i+1)] in OpenTelemetry and in the columns.
/// </summary>
internal sealed class NativeHistogram
{
    private const int CustomSchema = -53;
    private const int FinestSchema = 8;

    /// <summary>Up to which a schema is known, though finer than any that is used: it is made coarser.</summary>
    private const int FinestReservedSchema = 52;

    /// <summary><c>ResetHint.YES</c></summary>
    private const byte Reset = 1;

    /// <summary><c>ResetHint.GAUGE</c></summary>
    private const byte Gauge = 3;

    /// <summary>Buckets of one histogram from the first to the last.</summary>
    public const int MaxBuckets = 100_000;

    /// <summary>
    /// Empty buckets between spans that a request may ask for with each of its bytes: they take a few bytes there and 8 each in the columns.
    /// </summary>
    public const long GapsPerByte = 4;

    private const string NegativeCount = "a bucket of a histogram has a count below zero";

    private readonly List<(int Offset, uint Length)> _positiveSpans = [];
    private readonly List<(int Offset, uint Length)> _negativeSpans = [];
    private readonly List<long> _positiveDeltas = [];
    private readonly List<long> _negativeDeltas = [];
    private readonly List<double> _positiveCounts = [];
    private readonly List<double> _negativeCounts = [];
    private readonly List<ulong> _buckets = [];
    private int _schema;
    private ulong _count;
    private ulong _zeroCount;
    private double _sum;
    private double _zeroThreshold;
    private double _floatCount;
    private double _floatZeroCount;
    private bool _isFloat;
    private byte _hint;

    /// <summary>Empty buckets that the request may still ask for.</summary>
    public long GapsLeft { get; set; }

    public long TimestampMs { get; private set; }

    /// <summary><c>start_timestamp</c>; 0 when not given.</summary>
    public long StartMs { get; private set; }

    /// <summary>Whether it goes into columns of fractional counts, of which each row says for itself what its buckets are and whether it is a gauge.</summary>
    public bool IsFloat => _isFloat || IsGauge;

    public bool IsCustom => _schema == CustomSchema;

    private bool IsGauge => _hint == Gauge;

    /// <summary>Bounds of custom buckets; empty for exponential ones.</summary>
    public List<double> CustomBounds { get; } = [];

    public void Read(ProtobufReader message)
    {
        _positiveSpans.Clear();
        _negativeSpans.Clear();
        _positiveDeltas.Clear();
        _negativeDeltas.Clear();
        _positiveCounts.Clear();
        _negativeCounts.Clear();
        CustomBounds.Clear();
        (_schema, _count, _zeroCount, _sum, _zeroThreshold, TimestampMs, StartMs) = (0, 0, 0, 0, 0, 0, 0);
        (_floatCount, _floatZeroCount, _isFloat, _hint) = (0, 0, false, 0);
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1:
                    _count = message.VarintField();
                    _isFloat = false;
                    break;
                case 2:
                    _floatCount = message.DoubleField();
                    _isFloat = true;
                    break;
                case 3:
                    _sum = message.DoubleField();
                    break;
                case 4:
                    _schema = ZigZag32(message.VarintField());
                    break;
                case 5:
                    _zeroThreshold = message.DoubleField();
                    break;
                case 6:
                    (_zeroCount, _floatZeroCount) = (message.VarintField(), 0);
                    break;
                case 7:
                    (_zeroCount, _floatZeroCount) = (0, message.DoubleField());
                    break;
                case 8:
                    _negativeSpans.Add(Span(message.MessageField()));
                    break;
                case 9:
                    Deltas(ref message, _negativeDeltas);
                    break;
                case 10:
                    Doubles(ref message, _negativeCounts);
                    break;
                case 11:
                    _positiveSpans.Add(Span(message.MessageField()));
                    break;
                case 12:
                    Deltas(ref message, _positiveDeltas);
                    break;
                case 13:
                    Doubles(ref message, _positiveCounts);
                    break;
                case 14:
                    _hint = (byte)Math.Min(message.VarintField(), byte.MaxValue);
                    break;
                case 15:
                    TimestampMs = (long)message.VarintField();
                    break;
                case 16:
                    Doubles(ref message, CustomBounds);
                    break;
                case 17:
                    StartMs = (long)message.VarintField();
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
    }

    /// <summary>What makes the histogram unusable, or null; by the rules of Prometheus (model/histogram, <c>Validate</c>), which makes finer schemas coarser too.</summary>
    public string? Fault()
    {
        if (_schema is not CustomSchema and not (>= -4 and <= FinestReservedSchema))
        {
            return string.Create(CultureInfo.InvariantCulture, $"the histogram has schema {_schema}; expected -4 to 8, or -53 for custom buckets");
        }
        if ((IsCustom ? CustomFault() : CustomBounds.Count > 0 ? "a histogram of an exponential schema has custom_values" : null) is { } wrong)
        {
            return wrong;
        }
        if (Sum(_positiveSpans) != (_isFloat ? _positiveCounts.Count : _positiveDeltas.Count) || Sum(_negativeSpans) != (_isFloat ? _negativeCounts.Count : _negativeDeltas.Count))
        {
            return "the spans of a histogram cover another number of buckets than there are counts";
        }
        if (_schema > FinestSchema && !ReachesTooFar(_positiveSpans) && !ReachesTooFar(_negativeSpans))
        {
            Coarsen(_positiveSpans, _positiveDeltas, _positiveCounts);
            Coarsen(_negativeSpans, _negativeDeltas, _negativeCounts);
            _schema = FinestSchema;
        }
        if (Width(_positiveSpans) > MaxBuckets || Width(_negativeSpans) > MaxBuckets || ReachesTooFar(_positiveSpans) || ReachesTooFar(_negativeSpans))
        {
            return "the spans of a histogram reach too far";
        }
        if (IsCustom && _positiveSpans.Count > 0 && (_positiveSpans[0].Offset < 0 || _positiveSpans[0].Offset + Width(_positiveSpans) > CustomBounds.Count + 1))
        {
            return "the spans of a histogram with custom buckets cover buckets it does not have";
        }
        if (!IsFloat)
        {
            GapsLeft -= Width(_positiveSpans) - _positiveDeltas.Count + Width(_negativeSpans) - _negativeDeltas.Count;
            if (GapsLeft < 0)
            {
                return "the histograms of the request have too many empty buckets between their spans for its size";
            }
        }
        return CountFault();
    }

    private string? CustomFault()
    {
        if (_negativeSpans.Count > 0 || _zeroCount != 0 || _floatZeroCount != 0 || _zeroThreshold != 0)
        {
            return "a histogram with custom buckets has negative buckets or one around zero";
        }
        for (int index = 0; index < CustomBounds.Count; index++)
        {
            if (!double.IsFinite(CustomBounds[index]) || (index > 0 && CustomBounds[index] <= CustomBounds[index - 1]))
            {
                return "the custom_values of a histogram are not finite and ascending";
            }
        }
        return null;
    }

    private string? CountFault()
    {
        if (_isFloat)
        {
            return !IsGauge && (_floatCount < 0 || _floatZeroCount < 0 || _positiveCounts.Exists(IsBelowZero) || _negativeCounts.Exists(IsBelowZero)) ? NegativeCount : null;
        }
        if (!TryCount(_positiveDeltas, out UInt128 positive) || !TryCount(_negativeDeltas, out UInt128 negative))
        {
            return NegativeCount;
        }
        // What is not a number is in no bucket.
        UInt128 inBuckets = positive + negative + _zeroCount;
        return inBuckets == _count || (inBuckets < _count && double.IsNaN(_sum)) ? null : string.Create(
            CultureInfo.InvariantCulture, $"the buckets of a histogram hold {inBuckets} observations and its count is {_count}");
    }

    public void AppendTo(FloatHistogramPoints into, int series)
    {
        into.Series.Append(series);
        into.TimeNanos.Append(TimestampMs * 1_000_000);
        into.Hints.Append(_hint is Gauge or Reset ? _hint : (byte)0);
        into.Counts.Append(_isFloat ? _floatCount : _count);
        into.Sums.Append(_sum);
        into.Schemas.Append(_schema);
        into.ZeroCounts.Append(_zeroCount + _floatZeroCount);
        into.ZeroThresholds.Append(_zeroThreshold);
        Sparse(_positiveSpans, _positiveDeltas, _positiveCounts, into.PositiveIndexes, into.Positive);
        into.PositiveEnds.Append(into.Positive.Count);
        Sparse(_negativeSpans, _negativeDeltas, _negativeCounts, into.NegativeIndexes, into.Negative);
        into.NegativeEnds.Append(into.Negative.Count);
        into.Bounds.Append(CollectionsMarshal.AsSpan(CustomBounds));
        into.BoundEnds.Append(into.Bounds.Count);
    }

    public void AppendTo(ExponentialHistogramPoints into, int series, long startNanos)
    {
        Common(into.Series, into.TimeNanos, into.StartNanos, into.Counts, into.Sums, into.Minima, into.Maxima, series, startNanos);
        into.Scales.Append(_schema);
        into.ZeroCounts.Append(_zeroCount);
        into.ZeroThresholds.Append(_zeroThreshold);
        into.PositiveOffsets.Append(Dense(_positiveSpans, _positiveDeltas) - 1);
        into.PositiveBuckets.Append(CollectionsMarshal.AsSpan(_buckets));
        into.PositiveEnds.Append(into.PositiveBuckets.Count);
        into.NegativeOffsets.Append(Dense(_negativeSpans, _negativeDeltas) - 1);
        into.NegativeBuckets.Append(CollectionsMarshal.AsSpan(_buckets));
        into.NegativeEnds.Append(into.NegativeBuckets.Count);
    }

    public void AppendTo(HistogramPoints into, int series, long startNanos)
    {
        Common(into.Series, into.TimeNanos, into.StartNanos, into.Counts, into.Sums, into.Minima, into.Maxima, series, startNanos);
        int first = Dense(_positiveSpans, _positiveDeltas);
        for (int bucket = 0; bucket <= CustomBounds.Count; bucket++)
        {
            int index = bucket - first;
            into.Buckets.Append(index >= 0 && index < _buckets.Count ? _buckets[index] : 0);
        }
        into.BucketEnds.Append(into.Buckets.Count);
    }

    private void Common(
        ColumnBuffer<int> seriesColumn, ColumnBuffer<long> times, ColumnBuffer<long> starts, ColumnBuffer<ulong> counts,
        ColumnBuffer<double> sums, ColumnBuffer<double> minima, ColumnBuffer<double> maxima, int series, long startNanos)
    {
        seriesColumn.Append(series);
        times.Append(TimestampMs * 1_000_000);
        starts.Append(startNanos);
        counts.Append(_count);
        sums.Append(_sum);
        minima.Append(double.NaN);
        maxima.Append(double.NaN);
    }

    /// <summary>Appends the buckets of spans with their indexes.</summary>
    private void Sparse(List<(int Offset, uint Length)> spans, List<long> deltas, List<double> counts, ColumnBuffer<int> indexes, ColumnBuffer<double> into)
    {
        int index = 0;
        long count = 0;
        int next = 0;
        foreach ((int offset, uint length) in spans)
        {
            index += offset;
            for (uint bucket = 0; bucket < length; bucket++, next++)
            {
                count += _isFloat ? 0 : deltas[next];
                indexes.Append(index++);
                into.Append(_isFloat ? counts[next] : count);
            }
        }
    }

    /// <summary>Puts the counts side by side, gaps as zeros; returns the index of the first.</summary>
    private int Dense(List<(int Offset, uint Length)> spans, List<long> deltas)
    {
        _buckets.Clear();
        long count = 0;
        int next = 0;
        for (int span = 0; span < spans.Count; span++)
        {
            for (int gap = 0; span > 0 && gap < spans[span].Offset; gap++)
            {
                _buckets.Add(0);
            }
            for (uint bucket = 0; bucket < spans[span].Length; bucket++)
            {
                count += deltas[next++];
                _buckets.Add((ulong)count);
            }
        }
        return spans.Count == 0 ? 0 : spans[0].Offset;
    }

    /// <summary>Adds up what lies in one bucket of the finest schema that is used: bucket i of one that is finer by n lies in (i - 1 &gt;&gt; n) + 1.</summary>
    private void Coarsen(List<(int Offset, uint Length)> spans, List<long> deltas, List<double> counts)
    {
        (int Offset, uint Length)[] fineSpans = [.. spans];
        long[] fineDeltas = [.. deltas];
        double[] fineCounts = [.. counts];
        spans.Clear();
        deltas.Clear();
        counts.Clear();
        long index = 0;
        long end = 0;
        long count = 0;
        long before = 0;
        int next = 0;
        foreach ((int offset, uint length) in fineSpans)
        {
            index += offset;
            for (uint bucket = 0; bucket < length; bucket++, next++)
            {
                long coarse = ((index++ - 1) >> (_schema - FinestSchema)) + 1;
                bool isSame = spans.Count > 0 && coarse == end - 1;
                if (!isSame && (spans.Count == 0 || coarse != end))
                {
                    spans.Add(((int)(coarse - end), 0));
                }
                if (!isSame)
                {
                    (int first, uint wide) = spans[^1];
                    spans[^1] = (first, wide + 1);
                    end = coarse + 1;
                }
                if (_isFloat)
                {
                    Add(counts, isSame, fineCounts[next]);
                    continue;
                }
                count += fineDeltas[next];
                // The first of a bucket is told by what it differs from the bucket before, what is added to it raises it.
                Add(deltas, isSame, isSame ? count : count - before);
                before = isSame ? before + count : count;
            }
        }

        static void Add<T>(List<T> into, bool isSame, T value)
            where T : System.Numerics.INumber<T>
        {
            if (isSame)
            {
                into[^1] += value;
            }
            else
            {
                into.Add(value);
            }
        }
    }

    /// <summary>Adds the counts of buckets up; false if one is below zero.</summary>
    private static bool TryCount(List<long> deltas, out UInt128 sum)
    {
        sum = 0;
        long count = 0;
        foreach (long delta in deltas)
        {
            count += delta;
            if (count < 0)
            {
                return false;
            }
            sum += (ulong)count;
        }
        return true;
    }

    private static long Sum(List<(int Offset, uint Length)> spans)
    {
        long sum = 0;
        foreach ((_, uint length) in spans)
        {
            sum += length;
        }
        return sum;
    }

    /// <summary>Buckets from the first to the last; beyond any limit when a span goes backwards.</summary>
    private static long Width(List<(int Offset, uint Length)> spans)
    {
        long width = 0;
        for (int span = 0; span < spans.Count; span++)
        {
            if (span > 0 && spans[span].Offset < 0)
            {
                return long.MaxValue;
            }
            width += spans[span].Length + (span > 0 ? spans[span].Offset : 0);
        }
        return width;
    }

    private static (int Offset, uint Length) Span(ProtobufReader span)
    {
        int offset = 0;
        uint length = 0;
        while (span.Next())
        {
            switch (span.Field)
            {
                case 1:
                    offset = ZigZag32(span.VarintField());
                    break;
                case 2:
                    length = (uint)span.VarintField();
                    break;
                default:
                    span.Skip();
                    break;
            }
        }
        return (offset, length);
    }

    private static bool IsBelowZero(double count) => count < 0;

    /// <summary>Whether an index is no number of 32 bits.</summary>
    private static bool ReachesTooFar(List<(int Offset, uint Length)> spans) =>
        spans.Count > 0 && Width(spans) is var width && (width > int.MaxValue || spans[0].Offset + width > int.MaxValue);

    private static void Doubles(ref ProtobufReader message, List<double> into)
    {
        if (message.Type != WireType.LengthDelimited)
        {
            into.Add(message.DoubleField());
            return;
        }
        ProtobufReader packed = message.MessageField();
        while (!packed.AtEnd)
        {
            into.Add(BitConverter.UInt64BitsToDouble(packed.Fixed64()));
        }
    }

    private static void Deltas(ref ProtobufReader message, List<long> into)
    {
        if (message.Type != WireType.LengthDelimited)
        {
            into.Add(ZigZag(message.VarintField()));
            return;
        }
        ProtobufReader packed = message.MessageField();
        while (!packed.AtEnd)
        {
            into.Add(ZigZag(packed.Varint()));
        }
    }

    private static int ZigZag32(ulong value) => (int)((uint)value >> 1) ^ -(int)(value & 1);

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
