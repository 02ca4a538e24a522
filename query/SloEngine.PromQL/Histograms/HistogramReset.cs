namespace SloEngine.PromQL.Histograms;

/// <summary>Finds counter resets between histograms.</summary>
internal static class HistogramReset
{
    /// <summary>Whether a counter started anew between two histograms: any count has become smaller, or the layout finer.</summary>
    public static bool Between(FloatHistogram previous, FloatHistogram current)
    {
        if (current.Hint != CounterResetHint.Unknown && current.Hint != CounterResetHint.Gauge)
        {
            return current.Hint == CounterResetHint.Reset;
        }
        if (current.Count < previous.Count)
        {
            return true;
        }
        if (current.IsCustom)
        {
            if (!previous.IsCustom)
            {
                return true;
            }
            if (!current.CustomBounds.AsSpan().SequenceEqual(previous.CustomBounds))
            {
                return CustomBounds.HaveDecreased(current, previous);
            }
        }
        if (current.Schema > previous.Schema || current.ZeroThreshold < previous.ZeroThreshold)
        {
            return true;
        }
        if (current.IsCustom != previous.IsCustom)
        {
            return true;
        }
        (double zeroCount, _, double threshold) = ZeroBuckets.CountWithin(previous, null, current.ZeroThreshold);
        if (threshold != current.ZeroThreshold || current.ZeroCount < zeroCount)
        {
            return true;
        }
        return HasFewer(current.Positive, Outside(previous.Positive.Reduce(previous.Schema, current.Schema), current), current)
            || HasFewer(current.Negative, Outside(previous.Negative.Reduce(previous.Schema, current.Schema), current), current);
    }

    /// <summary>Buckets that the zero bucket does not take in.</summary>
    private static BucketCounts Outside(BucketCounts buckets, FloatHistogram layout) => layout.IsCustom || layout.ZeroThreshold == 0
        ? buckets
        : buckets.Where(position => HistogramBuckets.Exponential(buckets.Indexes[position], layout.Schema) > layout.ZeroThreshold);

    private static bool AnyLess(ReadOnlySpan<double> current, ReadOnlySpan<double> previous)
    {
        for (int position = 0; position < current.Length; position++)
        {
            if (current[position] < previous[position])
            {
                return true;
            }
        }
        return false;
    }

    private static bool HasFewer(BucketCounts current, BucketCounts previous, FloatHistogram layout)
    {
        if (current.Indexes.SequenceEqual(previous.Indexes))
        {
            return AnyLess(current.Counts, previous.Counts);
        }
        BucketCounts counted = Outside(current, layout);
        for (int position = 0; position < previous.Length; position++)
        {
            if (counted.At(previous.Indexes[position]) < previous.Counts[position])
            {
                return true;
            }
        }
        return false;
    }
}
