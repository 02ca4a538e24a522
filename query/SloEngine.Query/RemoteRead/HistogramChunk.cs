using SloEngine.PromQL.Histograms;

namespace SloEngine.Query.RemoteRead;

/// <summary>
/// Native histograms in Prometheus' encodings of those with whole counts and with fractional ones (tsdb/chunkenc/histogram.go, float_histogram.go). All
/// of a chunk have one layout, so buckets that only some have are written as empty in the others.
/// </summary>
internal static class HistogramChunk
{
    /// <summary>Number of the encoding of whole counts (prometheus.Chunk.Encoding).</summary>
    public const ulong WholeEncoding = 2;

    /// <summary>Number of the encoding of fractional counts.</summary>
    public const ulong FloatEncoding = 3;

    private const byte UnknownReset = 0;
    private const byte Gauge = 0b1100_0000;

    /// <summary>Thresholds from 2^-243 to 2^10 take a byte: their exponent and this.</summary>
    private const int ThresholdBias = 244;

    /// <summary>Whether two histograms may stand in one chunk, the second behind the first: a chunk has one layout, and no reset inside.</summary>
    public static bool CanFollow(FloatHistogram previous, FloatHistogram next)
    {
        if (previous.Schema != next.Schema || previous.ZeroThreshold != next.ZeroThreshold || !previous.CustomBounds.AsSpan().SequenceEqual(next.CustomBounds)
            || previous.Hint == CounterResetHint.Gauge != (next.Hint == CounterResetHint.Gauge))
        {
            return false;
        }
        return next.Hint == CounterResetHint.Gauge
            || (next.Hint != CounterResetHint.Reset && next.Count >= previous.Count && next.ZeroCount >= previous.ZeroCount
                && !HasDecreased(previous.Positive, next.Positive) && !HasDecreased(previous.Negative, next.Negative));
    }

    /// <summary>Encodes histograms that can follow each other.</summary>
    /// <param name="times">Their times, ascending.</param>
    /// <param name="histograms">The histograms.</param>
    /// <param name="isWhole">Whether all counts are whole, as <see cref="WholeEncoding"/> has them.</param>
    /// <param name="bits">Takes the chunk.</param>
    public static void Encode(ReadOnlySpan<long> times, ReadOnlySpan<FloatHistogram?> histograms, bool isWhole, BitWriter bits)
    {
        FloatHistogram first = histograms[0]!;
        int[] positive = HistogramSpan.Union(histograms.ToArray().Select(static histogram => histogram!.Positive));
        int[] negative = HistogramSpan.Union(histograms.ToArray().Select(static histogram => histogram!.Negative));
        bits.Clear();
        bits.Bits((ulong)times.Length, 16);
        bits.Byte(first.Hint == CounterResetHint.Gauge ? Gauge : UnknownReset);
        Threshold(first.ZeroThreshold, bits);
        bits.Varbit(first.Schema);
        Spans(HistogramSpan.Of(positive), bits);
        Spans(HistogramSpan.Of(negative), bits);
        if (first.IsCustom)
        {
            bits.UnsignedVarbit((ulong)first.CustomBounds.Length);
            foreach (double bound in first.CustomBounds)
            {
                Bound(bound, bits);
            }
        }
        if (isWhole)
        {
            WholeRows(times, histograms, positive, negative, bits);
        }
        else
        {
            FloatRows(times, histograms, positive, negative, bits);
        }
    }

    /// <summary>Time, count, empty bucket and buckets, these as differences from the one before, each by how its difference differs from the last; the sum among them.</summary>
    private static void WholeRows(ReadOnlySpan<long> times, ReadOnlySpan<FloatHistogram?> histograms, int[] positive, int[] negative, BitWriter bits)
    {
        const int BeforeSum = 3;
        var values = new double[3 + positive.Length + negative.Length];
        var numbers = new long[values.Length];
        var last = new long[values.Length];
        var lastDeltas = new long[values.Length];
        var sums = new XorColumn(0);
        for (int row = 0; row < times.Length; row++)
        {
            Values(histograms[row]!, positive, negative, values);
            (numbers[0], numbers[1], numbers[2]) = (times[row], (long)values[0], (long)values[1]);
            for (int bucket = BeforeSum; bucket < values.Length; bucket++)
            {
                bool isFirst = bucket == BeforeSum || bucket == BeforeSum + positive.Length;
                numbers[bucket] = (long)values[bucket] - (isFirst ? 0 : (long)values[bucket - 1]);
            }
            for (int column = 0; column < numbers.Length; column++)
            {
                if (column == BeforeSum)
                {
                    Sum(row, histograms[row]!.Sum);
                }
                long delta = row == 0 ? 0 : numbers[column] - last[column];
                if (row == 0 && column is 1 or 2)
                {
                    bits.UnsignedVarbit((ulong)numbers[column]);
                }
                else
                {
                    bits.Varbit(row == 0 ? numbers[column] : delta - lastDeltas[column]);
                }
                (last[column], lastDeltas[column]) = (numbers[column], delta);
            }
            if (numbers.Length == BeforeSum)
            {
                Sum(row, histograms[row]!.Sum);
            }
        }

        void Sum(int row, double sum)
        {
            if (row > 0)
            {
                sums.Write(bits, sum);
                return;
            }
            bits.Double(sum);
            sums = new XorColumn(sum);
        }
    }

    private static void FloatRows(ReadOnlySpan<long> times, ReadOnlySpan<FloatHistogram?> histograms, int[] positive, int[] negative, BitWriter bits)
    {
        var columns = new XorColumn[3 + positive.Length + negative.Length];
        var values = new double[columns.Length];
        long lastDelta = 0;
        for (int row = 0; row < times.Length; row++)
        {
            Values(histograms[row]!, positive, negative, values);
            long delta = row == 0 ? 0 : times[row] - times[row - 1];
            bits.Varbit(row == 0 ? times[0] : delta - lastDelta);
            lastDelta = delta;
            for (int column = 0; column < columns.Length; column++)
            {
                if (row == 0)
                {
                    bits.Double(values[column]);
                    columns[column] = new XorColumn(values[column]);
                }
                else
                {
                    columns[column].Write(bits, values[column]);
                }
            }
        }
    }

    private static void Values(FloatHistogram histogram, int[] positive, int[] negative, double[] into)
    {
        (into[0], into[1], into[2]) = (histogram.Count, histogram.ZeroCount, histogram.Sum);
        for (int bucket = 0; bucket < positive.Length; bucket++)
        {
            into[3 + bucket] = histogram.Positive.At(positive[bucket]);
        }
        for (int bucket = 0; bucket < negative.Length; bucket++)
        {
            into[3 + positive.Length + bucket] = histogram.Negative.At(negative[bucket]);
        }
    }

    private static bool HasDecreased(BucketCounts previous, BucketCounts next)
    {
        for (int position = 0; position < previous.Length; position++)
        {
            if (next.At(previous.Indexes[position]) < previous.Counts[position])
            {
                return true;
            }
        }
        return false;
    }

    private static void Spans(List<HistogramSpan> spans, BitWriter bits)
    {
        bits.UnsignedVarbit((ulong)spans.Count);
        foreach (HistogramSpan span in spans)
        {
            bits.UnsignedVarbit((ulong)span.Length);
            bits.Varbit(span.Offset);
        }
    }

    private static void Threshold(double threshold, BitWriter bits)
    {
        if (threshold == 0)
        {
            bits.Byte(0);
            return;
        }
        int exponent = Math.ILogB(threshold);
        if (Math.ScaleB(1, exponent) == threshold && exponent is >= -243 and <= 10)
        {
            bits.Byte((byte)(exponent + ThresholdBias));
            return;
        }
        bits.Byte(0xFF);
        bits.Double(threshold);
    }

    /// <summary>Whole thousandths up to 33554.43 in few bits, other bounds in full (putCustomBound).</summary>
    private static void Bound(double bound, BitWriter bits)
    {
        double thousandths = Math.Round(bound * 1000);
        if (bound * 1000 is >= 0 and <= 33_554_430 && thousandths / 1000 == bound)
        {
            bits.UnsignedVarbit((ulong)thousandths + 1);
            return;
        }
        bits.Bit(false);
        bits.Double(bound);
    }
}
