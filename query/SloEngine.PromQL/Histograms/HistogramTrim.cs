namespace SloEngine.PromQL.Histograms;

/// <summary>The operators <c>&lt;/</c> and <c>&gt;/</c>: keep the observations below or above a value, as far as buckets tell.</summary>
internal static class HistogramTrim
{
    public static FloatHistogram Trim(FloatHistogram histogram, double at, bool keepBelow)
    {
        var trimmer = new Trimmer(at, keepBelow, histogram.IsCustom);
        BucketCounts positive = trimmer.Side(histogram, histogram.Positive, positive: true);
        BucketCounts negative = trimmer.Side(histogram, histogram.Negative, positive: false);
        double zeroCount = histogram.ZeroCount;
        if (zeroCount > 0)
        {
            zeroCount = trimmer.Zero(HistogramBuckets.Zero(histogram), HasAny(histogram.Negative), HasAny(histogram.Positive));
        }
        return !trimmer.Changed ? histogram : (histogram with
        {
            Positive = positive,
            Negative = negative,
            ZeroCount = zeroCount,
            Count = trimmer.Count,
            Sum = trimmer.Sum,
        }).Compact();
    }

    private static bool HasAny(BucketCounts buckets) => buckets.Counts.ContainsAnyExcept(0);

    /// <summary>Count and sum of what is kept: the sum is estimated by the middle of each bucket's kept part.</summary>
    private sealed class Trimmer(double at, bool keepBelow, bool linear)
    {
        public double Count { get; private set; }

        public double Sum { get; private set; }

        public bool Changed { get; private set; }

        public BucketCounts Side(FloatHistogram histogram, BucketCounts buckets, bool positive)
        {
            double[] counts = buckets.Counts.ToArray();
            for (int position = 0; position < counts.Length; position++)
            {
                if (counts[position] == 0)
                {
                    continue;
                }
                HistogramBucket bucket = positive ? HistogramBuckets.Positive(histogram, position) : HistogramBuckets.Negative(histogram, position);
                bool whole = keepBelow ? bucket.Upper <= at : bucket.Lower >= at;
                bool part = keepBelow ? bucket.Lower < at : bucket.Upper > at;
                (double kept, double middle) = whole ? (bucket.Count, Middle(bucket.Lower, bucket.Upper, positive))
                    : part ? Part(bucket, positive) : (0, 0);
                Keep(kept, middle, counts[position], discarded: !whole && !part);
                counts[position] = kept;
            }
            return buckets.With(counts);
        }

        public double Zero(HistogramBucket bucket, bool hasNegative, bool hasPositive)
        {
            double lower = hasPositive && !hasNegative ? 0 : bucket.Lower;
            double upper = hasNegative && !hasPositive ? 0 : bucket.Upper;
            double from = keepBelow ? lower : Math.Clamp(at, lower, upper);
            double to = keepBelow ? Math.Clamp(at, lower, upper) : upper;
            bool none = keepBelow ? at <= lower : at >= upper && !(at <= lower);
            bool all = keepBelow ? at >= upper : at <= lower;
            double kept = none ? 0 : all ? bucket.Count : bucket.Count * ((to - from) / (upper - lower));
            Keep(kept, none ? 0 : (from + to) / 2, bucket.Count, discarded: false);
            return kept;
        }

        private void Keep(double kept, double middle, double before, bool discarded)
        {
            Changed |= discarded || kept != before;
            Count += kept;
            Sum += middle * kept;
        }

        private (double Count, double Middle) Part(HistogramBucket bucket, bool positive)
        {
            if (double.IsNegativeInfinity(bucket.Lower))
            {
                return FromMinusInfinity(bucket);
            }
            if (double.IsPositiveInfinity(bucket.Upper))
            {
                // How observations spread up to infinity is not known: all of them count as above the value, or none as below.
                return keepBelow ? (0, Finite(bucket.Lower)) : at >= bucket.Lower ? (bucket.Count, at) : (0, Finite(bucket.Lower));
            }
            double below = at <= bucket.Lower ? 0 : at >= bucket.Upper ? bucket.Count : bucket.Count * bucket.FractionBelow(at, linear);
            return keepBelow ? (below, Middle(bucket.Lower, at, positive)) : (bucket.Count - below, Middle(at, bucket.Upper, positive));
        }

        /// <summary>The first custom bucket: it is taken to begin at 0 if it ends above.</summary>
        private (double Count, double Middle) FromMinusInfinity(HistogramBucket bucket)
        {
            bool endsAboveZero = bucket.Upper > 0 && !double.IsPositiveInfinity(bucket.Upper);
            if (keepBelow)
            {
                return at >= bucket.Upper ? (bucket.Count, 0)
                    : at > 0 && endsAboveZero ? (bucket.Count * at / bucket.Upper, at / 2)
                    : bucket.Upper <= 0 ? (bucket.Count, at)
                    : (0, Finite(bucket.Upper));
            }
            return at <= bucket.Lower ? (bucket.Count, 0)
                : at >= 0 && bucket.Upper > at && endsAboveZero ? (bucket.Count * (1 - (at / bucket.Upper)), (at + bucket.Upper) / 2)
                : (0, Finite(bucket.Upper));
        }

        private static double Finite(double value) => double.IsInfinity(value) ? 0 : value;

        private double Middle(double lower, double upper, bool positive)
        {
            if (double.IsInfinity(lower))
            {
                return double.IsInfinity(upper) ? 0 : upper > 0 ? upper / 2 : upper;
            }
            if (double.IsInfinity(upper))
            {
                return lower;
            }
            double geometric = Math.Sqrt(Math.Abs(lower * upper));
            return linear ? (lower + upper) / 2 : positive ? geometric : -geometric;
        }
    }
}
