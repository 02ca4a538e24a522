namespace SloEngine.PromQL.Histograms;

/// <summary>A bucket with its bounds.</summary>
/// <param name="Lower">Lower bound.</param>
/// <param name="Upper">Upper bound.</param>
/// <param name="LowerInclusive">Whether the lower bound belongs to it.</param>
/// <param name="UpperInclusive">Whether the upper bound belongs to it.</param>
/// <param name="Count">Observations.</param>
public readonly record struct HistogramBucket(double Lower, double Upper, bool LowerInclusive, bool UpperInclusive, double Count)
{
    /// <summary>Part of the bucket's width at or below a value inside it: on a linear scale, or on a logarithmic one.</summary>
    internal double FractionBelow(double value, bool linear)
    {
        if (linear)
        {
            return (value - Lower) / (Upper - Lower);
        }
        double logLower = Math.Log2(Math.Abs(Lower));
        double logUpper = Math.Log2(Math.Abs(Upper));
        double logValue = Math.Log2(Math.Abs(value));
        return value > 0 ? (logValue - logLower) / (logUpper - logLower) : 1 - ((logValue - logUpper) / (logLower - logUpper));
    }
}

/// <summary>Bounds of buckets, and the buckets of a histogram in order.</summary>
public static class HistogramBuckets
{
    /// <summary>Powers of two an upper bound of the last bucket of finite numbers would have.</summary>
    private const int OverflowExponent = 1024;

    /// <summary>All buckets from the lowest to the highest; neighbours of the zero bucket end where it begins.</summary>
    public static IReadOnlyList<HistogramBucket> All(FloatHistogram histogram)
    {
        var all = new List<HistogramBucket>(histogram.Negative.Length + histogram.Positive.Length + 1);
        for (int position = histogram.Negative.Length - 1; position >= 0; position--)
        {
            HistogramBucket bucket = Negative(histogram, position);
            all.Add(bucket.Upper > -histogram.ZeroThreshold ? bucket with { Upper = -histogram.ZeroThreshold } : bucket);
        }
        if (histogram.ZeroCount > 0)
        {
            all.Add(Zero(histogram));
        }
        for (int position = 0; position < histogram.Positive.Length; position++)
        {
            HistogramBucket bucket = Positive(histogram, position);
            all.Add(!histogram.IsCustom && bucket.Lower < histogram.ZeroThreshold ? bucket with { Lower = histogram.ZeroThreshold } : bucket);
        }
        return all;
    }

    /// <summary>The zero bucket.</summary>
    internal static HistogramBucket Zero(FloatHistogram histogram) => new(-histogram.ZeroThreshold, histogram.ZeroThreshold, true, true, histogram.ZeroCount);

    internal static HistogramBucket Positive(FloatHistogram histogram, int position)
    {
        int index = histogram.Positive.Indexes[position];
        double lower = Bound(index - 1, histogram);
        double upper = Bound(index, histogram);
        return new HistogramBucket(
            lower, upper, histogram.IsCustom ? index == 0 : lower < 0, histogram.IsCustom || upper > 0, histogram.Positive.Counts[position]);
    }

    internal static HistogramBucket Negative(FloatHistogram histogram, int position)
    {
        int index = histogram.Negative.Indexes[position];
        double lower = -Bound(index, histogram);
        double upper = -Bound(index - 1, histogram);
        return new HistogramBucket(lower, upper, lower < 0, upper > 0, histogram.Negative.Counts[position]);
    }

    private static double Bound(int index, FloatHistogram histogram)
    {
        if (!histogram.IsCustom)
        {
            return Exponential(index, histogram.Schema);
        }
        return index < 0 ? double.NegativeInfinity : index >= histogram.CustomBounds.Length ? double.PositiveInfinity : histogram.CustomBounds[index];
    }

    /// <summary>Upper bound of an exponential bucket; the one below the bucket of infinities ends at the largest finite number.</summary>
    internal static double Exponential(int index, int schema)
    {
        if (schema < 0)
        {
            int exponent = index << -schema;
            return exponent == OverflowExponent ? double.MaxValue : Math.ScaleB(1, exponent);
        }
        int perPower = 1 << schema;
        int within = index & (perPower - 1);
        int power = index >> schema;
        if (within == 0 && power == OverflowExponent)
        {
            return double.MaxValue;
        }
        return Math.ScaleB(Math.Pow(2, (double)within / perPower), power);
    }
}
