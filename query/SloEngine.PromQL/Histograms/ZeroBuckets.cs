using SloEngine.PromQL.Evaluation;

namespace SloEngine.PromQL.Histograms;

/// <summary>Widening of zero buckets, so that those of two histograms are equally wide.</summary>
internal static class ZeroBuckets
{
    /// <summary>Widens both until the threshold lies in no populated bucket of either.</summary>
    public static (FloatHistogram Left, FloatHistogram? Lost, FloatHistogram Right) Reconcile(FloatHistogram left, FloatHistogram? lost, FloatHistogram right)
    {
        while (right.ZeroThreshold != left.ZeroThreshold)
        {
            if (left.ZeroThreshold > right.ZeroThreshold)
            {
                (right, _) = Widen(right, null, left.ZeroThreshold);
            }
            if (right.ZeroThreshold > left.ZeroThreshold)
            {
                (left, lost) = Widen(left, lost, right.ZeroThreshold);
            }
        }
        return (left, lost is null ? null : lost with { ZeroThreshold = left.ZeroThreshold }, right);
    }

    /// <summary>
    /// The zero count with a larger threshold, and that threshold: moved to the bound of the bucket it falls into if that one is populated.
    /// </summary>
    public static (double Count, double LostCount, double Threshold) CountWithin(FloatHistogram histogram, FloatHistogram? lost, double threshold)
    {
        if (threshold == histogram.ZeroThreshold)
        {
            return (histogram.ZeroCount, lost?.ZeroCount ?? 0, threshold);
        }
        while (true)
        {
            (double count, double rest) = (histogram.ZeroCount, lost?.ZeroCount ?? 0);
            for (int position = 0; position < histogram.Positive.Length; position++)
            {
                HistogramBucket bucket = HistogramBuckets.Positive(histogram, position);
                if (bucket.Lower >= threshold)
                {
                    break;
                }
                (count, rest) = Include(bucket.Count, lost?.Positive.At(histogram.Positive.Indexes[position]) ?? 0, count, rest);
                if (bucket.Upper > threshold)
                {
                    threshold = bucket.Count != 0 ? bucket.Upper : threshold;
                    break;
                }
            }
            double before = threshold;
            for (int position = 0; position < histogram.Negative.Length; position++)
            {
                HistogramBucket bucket = HistogramBuckets.Negative(histogram, position);
                if (bucket.Upper <= -threshold)
                {
                    break;
                }
                (count, rest) = Include(bucket.Count, lost?.Negative.At(histogram.Negative.Indexes[position]) ?? 0, count, rest);
                if (bucket.Lower < -threshold)
                {
                    threshold = bucket.Count != 0 ? -bucket.Lower : threshold;
                    break;
                }
            }
            // A threshold moved by the negative side makes what was counted on the positive side wrong: once more.
            if (threshold == before)
            {
                return (count, rest, threshold);
            }
        }
    }

    private static (double Count, double Remainder) Include(double bucket, double lost, double count, double rest)
    {
        (count, rest) = CompensatedSum.Add(bucket, count, rest);
        return CompensatedSum.Add(lost, count, rest);
    }

    private static (FloatHistogram Histogram, FloatHistogram? Lost) Widen(FloatHistogram histogram, FloatHistogram? lost, double threshold)
    {
        (double count, double rest, double reached) = CountWithin(histogram, lost, threshold);
        FloatHistogram widened = Without(histogram, reached) with { ZeroThreshold = reached, ZeroCount = count };
        return (widened, lost is null ? null : Without(lost, reached) with { ZeroThreshold = reached, ZeroCount = rest });
    }

    /// <summary>Without the buckets that a zero bucket takes in.</summary>
    private static FloatHistogram Without(FloatHistogram histogram, double threshold) => histogram with
    {
        Positive = histogram.Positive.Where(position => HistogramBuckets.Positive(histogram, position).Lower >= threshold).Compact(),
        Negative = histogram.Negative.Where(position => HistogramBuckets.Negative(histogram, position).Upper <= -threshold).Compact(),
    };
}
