namespace SloEngine.PromQL.Histograms;

/// <summary>Custom bounds of two histograms brought together.</summary>
internal static class CustomBounds
{
    /// <summary>Counts by the buckets of fewer bounds: each goes to the first bucket that reaches as far.</summary>
    public static BucketCounts Map(BucketCounts buckets, double[] bounds, double[] common)
    {
        var counts = new double[common.Length + 1];
        for (int position = 0; position < buckets.Length; position++)
        {
            int index = buckets.Indexes[position];
            int target = common.Length;
            if (index < bounds.Length)
            {
                int found = Array.BinarySearch(common, bounds[index]);
                target = found < 0 ? ~found : found;
            }
            counts[target] += buckets.Counts[position];
        }
        return BucketCounts.From(0, counts);
    }

    /// <summary>Whether the observations between common bounds have become fewer.</summary>
    public static bool HaveDecreased(FloatHistogram current, FloatHistogram previous)
    {
        double[] common = [.. current.CustomBounds.Intersect(previous.CustomBounds)];
        BucketCounts now = Map(current.Positive, current.CustomBounds, common);
        BucketCounts before = Map(previous.Positive, previous.CustomBounds, common);
        for (int position = 0; position < now.Length; position++)
        {
            if (now.Counts[position] < before.Counts[position])
            {
                return true;
            }
        }
        return false;
    }
}
