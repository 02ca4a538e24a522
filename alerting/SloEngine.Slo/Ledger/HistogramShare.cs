namespace SloEngine.Slo.Ledger;

/// <summary>Observations of a histogram at or below a threshold.</summary>
public static class HistogramShare
{
    /// <summary>
    /// Counts in explicit buckets: exact when the threshold is a bound, else linear inside its bucket (as histogram_quantile
    /// interpolates); nothing of the +Inf bucket counts.
    /// </summary>
    public static double AtOrBelow(double threshold, ReadOnlySpan<double> bounds, ReadOnlySpan<ulong> buckets)
    {
        double count = 0;
        for (int bucket = 0; bucket < buckets.Length; bucket++)
        {
            if (bucket < bounds.Length && bounds[bucket] <= threshold)
            {
                count += buckets[bucket];
                continue;
            }
            double low = bucket == 0 ? Math.Min(0, bounds.Length > 0 ? bounds[0] : 0) : bounds[bucket - 1];
            if (bucket < bounds.Length && threshold > low)
            {
                count += buckets[bucket] * (threshold - low) / (bounds[bucket] - low);
            }
            break;
        }
        return count;
    }

    /// <summary>
    /// Counts in exponential buckets for a threshold above zero: logarithmic inside its bucket, whose bounds are base^index and
    /// base^(index+1) with base = 2^(2^-scale) (OpenTelemetry metrics data model, "Exponential Scale").
    /// </summary>
    public static double AtOrBelow(
        double threshold, int scale, double zeroThreshold, ulong zeroCount, int positiveOffset, ReadOnlySpan<ulong> positive, ReadOnlySpan<ulong> negative)
    {
        double count = 0;
        foreach (ulong bucket in negative)
        {
            count += bucket;
        }
        if (threshold >= zeroThreshold)
        {
            count += zeroCount;
        }
        if (threshold <= 0)
        {
            return threshold < 0 ? 0 : count;
        }
        double position = Math.Log2(threshold) * Math.ScaleB(1, scale);
        for (int bucket = 0; bucket < positive.Length; bucket++)
        {
            double low = positiveOffset + bucket;
            if (low + 1 <= position)
            {
                count += positive[bucket];
            }
            else if (low < position)
            {
                count += positive[bucket] * (position - low);
            }
        }
        return count;
    }
}
