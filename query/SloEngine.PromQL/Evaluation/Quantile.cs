namespace SloEngine.PromQL.Evaluation;

/// <summary>Quantiles of samples and of classic histograms (promql/quantile.go).</summary>
internal static class Quantile
{
    /// <summary>The q-quantile by linear interpolation between order statistics.</summary>
    public static double Of(double q, ReadOnlySpan<double> values)
    {
        if (values.IsEmpty || double.IsNaN(q))
        {
            return double.NaN;
        }
        if (q < 0)
        {
            return double.NegativeInfinity;
        }
        if (q > 1)
        {
            return double.PositiveInfinity;
        }
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        double rank = q * (sorted.Length - 1);
        int lower = (int)Math.Floor(rank);
        int upper = Math.Min(sorted.Length - 1, lower + 1);
        double weight = rank - lower;
        return (sorted[lower] * (1 - weight)) + (sorted[upper] * weight);
    }

    /// <summary>The q-quantile of a classic histogram: cumulative counts by ascending upper bound, the last of which is +Inf.</summary>
    public static double OfBuckets(double q, List<(double Bound, double Count)> buckets)
    {
        if (double.IsNaN(q))
        {
            return double.NaN;
        }
        if (q < 0)
        {
            return double.NegativeInfinity;
        }
        if (q > 1)
        {
            return double.PositiveInfinity;
        }
        buckets.Sort(static (left, right) => left.Bound.CompareTo(right.Bound));
        if (buckets.Count < 2 || !double.IsPositiveInfinity(buckets[^1].Bound))
        {
            return double.NaN;
        }
        // Scrapes of one moment may disagree a little: counts are made to ascend.
        for (int index = 1; index < buckets.Count; index++)
        {
            if (buckets[index].Count < buckets[index - 1].Count)
            {
                buckets[index] = (buckets[index].Bound, buckets[index - 1].Count);
            }
        }
        double observations = buckets[^1].Count;
        if (observations == 0)
        {
            return double.NaN;
        }
        double rank = q * observations;
        int bucket = buckets.FindIndex(0, buckets.Count - 1, entry => entry.Count >= rank);
        if (bucket < 0)
        {
            return buckets[^2].Bound;
        }
        if (bucket == 0 && buckets[0].Bound <= 0)
        {
            return buckets[0].Bound;
        }
        double start = bucket == 0 ? 0 : buckets[bucket - 1].Bound;
        double below = bucket == 0 ? 0 : buckets[bucket - 1].Count;
        return start + ((buckets[bucket].Bound - start) * ((rank - below) / (buckets[bucket].Count - below)));
    }
}
