using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// Numbers out of native histograms. Inside a bucket observations are taken to lie evenly: on a linear scale for custom bounds and the zero
/// bucket, on a logarithmic one for exponential buckets (promql/quantile.go).
/// </summary>
internal static class NativeHistogram
{
    public static double Quantile(double q, FloatHistogram histogram, string metric, SourceRange range, AnnotationSet annotations)
    {
        if (q is < 0 or > 1)
        {
            return q < 0 ? double.NegativeInfinity : double.PositiveInfinity;
        }
        if (histogram.Count == 0 || double.IsNaN(q))
        {
            return double.NaN;
        }
        // Observations that are NaN are in no bucket, but count: only from below is the rank right then.
        bool forward = double.IsNaN(histogram.Sum) || q < 0.5;
        double rank = (forward ? q : 1 - q) * histogram.Count;
        IReadOnlyList<HistogramBucket> buckets = HistogramBuckets.All(histogram);
        double count = 0;
        HistogramBucket bucket = default;
        int reached = 0;
        for (; reached < buckets.Count; reached++)
        {
            HistogramBucket current = buckets[forward ? reached : buckets.Count - 1 - reached];
            if (current.Count == 0)
            {
                bucket = current;
                continue;
            }
            bucket = current;
            count += current.Count;
            if (count >= rank)
            {
                break;
            }
        }
        if (histogram.IsCustom)
        {
            if (double.IsNegativeInfinity(bucket.Lower))
            {
                if (bucket.Upper <= 0)
                {
                    return bucket.Upper;
                }
                bucket = bucket with { Lower = 0 };
            }
            else if (double.IsPositiveInfinity(bucket.Upper))
            {
                return bucket.Lower;
            }
        }
        else
        {
            bucket = OneSided(bucket, histogram);
        }
        count = Math.Min(count, histogram.Count);
        if (count < rank)
        {
            if (double.IsNaN(histogram.Sum))
            {
                annotations.Add(Remarks.NanQuantile(metric, range));
                return double.NaN;
            }
            return bucket.Upper;
        }
        rank = forward ? rank - (count - bucket.Count) : count - rank;
        if (double.IsNaN(histogram.Sum))
        {
            for (reached++; reached < buckets.Count; reached++)
            {
                count += buckets[reached].Count;
            }
            if (count < histogram.Count)
            {
                annotations.Add(Remarks.NanSkew(metric, range));
            }
        }
        return At(bucket, rank / bucket.Count, histogram.IsCustom);
    }

    /// <summary>The part of observations between two values.</summary>
    public static double Fraction(double lower, double upper, FloatHistogram histogram, string metric, SourceRange range, AnnotationSet annotations)
    {
        if (histogram.Count == 0 || double.IsNaN(lower) || double.IsNaN(upper))
        {
            return double.NaN;
        }
        if (lower >= upper)
        {
            return 0;
        }
        IReadOnlyList<HistogramBucket> buckets = HistogramBuckets.All(histogram);
        double count = histogram.Count;
        if (double.IsNaN(histogram.Sum))
        {
            // Some observations may be NaN: they are in no bucket.
            count = buckets.Sum(static bucket => bucket.Count);
            if (count < histogram.Count)
            {
                annotations.Add(Remarks.NanFraction(metric, range));
            }
        }
        return (Math.Min(Rank(upper, histogram, buckets, count), count) - Math.Min(Rank(lower, histogram, buckets, count), count)) / histogram.Count;
    }

    /// <summary>Population variance, each observation taken to be in the middle of its bucket.</summary>
    public static double Variance(FloatHistogram histogram)
    {
        double mean = histogram.Sum / histogram.Count;
        (double sum, double lost) = (0d, 0d);
        foreach (HistogramBucket bucket in HistogramBuckets.All(histogram))
        {
            if (bucket.Count == 0)
            {
                continue;
            }
            double middle = histogram.IsCustom ? (bucket.Upper + bucket.Lower) / 2
                : bucket is { Lower: <= 0, Upper: >= 0 } ? 0
                : Math.Sqrt(bucket.Upper * bucket.Lower) * (bucket.Upper < 0 ? -1 : 1);
            double difference = middle - mean;
            (sum, lost) = CompensatedSum.Add(bucket.Count * difference * difference, sum, lost);
        }
        return (sum + lost) / histogram.Count;
    }

    /// <summary>Observations below a value.</summary>
    private static double Rank(double value, FloatHistogram histogram, IReadOnlyList<HistogramBucket> buckets, double otherwise)
    {
        double rank = 0;
        foreach (HistogramBucket original in buckets)
        {
            bool isZero = original is { Lower: <= 0, Upper: >= 0 };
            HistogramBucket bucket = isZero ? OneSided(original, histogram) : original;
            if (bucket.Lower >= value)
            {
                return rank;
            }
            if (bucket.Upper > value)
            {
                bool linear = histogram.IsCustom || isZero;
                return linear && double.IsNegativeInfinity(bucket.Lower) ? bucket.Count : rank + (bucket.Count * bucket.FractionBelow(value, linear));
            }
            rank += bucket.Count;
        }
        return otherwise;
    }

    /// <summary>The zero bucket ends at zero on the side where the histogram has nothing else.</summary>
    private static HistogramBucket OneSided(HistogramBucket bucket, FloatHistogram histogram)
    {
        if (!(bucket.Lower <= 0 && bucket.Upper >= 0))
        {
            return bucket;
        }
        if (histogram.Negative.Length == 0 && histogram.Positive.Length > 0)
        {
            return bucket with { Lower = 0 };
        }
        return histogram.Positive.Length == 0 && histogram.Negative.Length > 0 ? bucket with { Upper = 0 } : bucket;
    }

    private static double At(HistogramBucket bucket, double fraction, bool linear)
    {
        if (linear || bucket is { Lower: <= 0, Upper: >= 0 })
        {
            return bucket.Lower + ((bucket.Upper - bucket.Lower) * fraction);
        }
        double lower = Math.Log2(Math.Abs(bucket.Lower));
        double upper = Math.Log2(Math.Abs(bucket.Upper));
        return bucket.Lower > 0 ? Math.Pow(2, lower + ((upper - lower) * fraction)) : -Math.Pow(2, upper + ((lower - upper) * (1 - fraction)));
    }
}
