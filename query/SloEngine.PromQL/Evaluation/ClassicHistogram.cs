namespace SloEngine.PromQL.Evaluation;

/// <summary>Quantiles and fractions of classic histograms: cumulative counts by ascending upper bound (promql/quantile.go).</summary>
internal static class ClassicHistogram
{
    /// <summary>Relative difference of counts that rounding explains.</summary>
    private const double RoundingTolerance = 1e-12;
    private const double SmallestNormal = 2.2250738585072014e-308;

    /// <summary>The q-quantile; and what had to be changed so that counts rise, or null.</summary>
    public static (double Value, MonotonicityFix? Fix) Quantile(double q, List<(double Bound, double Count)> buckets, long timeMs)
    {
        if (!(q is >= 0 and <= 1))
        {
            return (double.IsNaN(q) ? double.NaN : q < 0 ? double.NegativeInfinity : double.PositiveInfinity, null);
        }
        if (!Prepare(ref buckets))
        {
            return (double.NaN, null);
        }
        MonotonicityFix? fix = Raise(buckets, timeMs);
        double observations = buckets[^1].Count;
        if (buckets.Count < 2 || observations == 0)
        {
            return (double.NaN, fix);
        }
        double rank = q * observations;
        int found = 0;
        while (found < buckets.Count - 1 && !(buckets[found].Count >= rank))
        {
            found++;
        }
        if (found == buckets.Count - 1)
        {
            return (buckets[^2].Bound, fix);
        }
        if (found == 0 && buckets[0].Bound <= 0)
        {
            return (buckets[0].Bound, fix);
        }
        (double start, double below) = found == 0 ? (0, 0) : buckets[found - 1];
        double fraction = (rank - below) / (buckets[found].Count - below);
        return (start + ((buckets[found].Bound - start) * fraction), fix);
    }

    /// <summary>The part of observations between two values.</summary>
    public static double Fraction(double lower, double upper, List<(double Bound, double Count)> buckets)
    {
        if (!Prepare(ref buckets))
        {
            return double.NaN;
        }
        double count = buckets[^1].Count;
        if (count == 0 || double.IsNaN(lower) || double.IsNaN(upper))
        {
            return double.NaN;
        }
        return lower >= upper ? 0 : (Rank(upper, buckets) - Rank(lower, buckets)) / count;
    }

    /// <summary>Observations below a value.</summary>
    private static double Rank(double value, List<(double Bound, double Count)> buckets)
    {
        double rank = 0;
        double start = buckets[0].Bound <= 0 ? double.NegativeInfinity : 0;
        foreach ((double bound, double count) in buckets)
        {
            if (start >= value)
            {
                return Math.Min(rank, buckets[^1].Count);
            }
            if (bound > value)
            {
                double within = double.IsNegativeInfinity(start) ? count : rank + ((count - rank) * (value - start) / (bound - start));
                return Math.Min(within, buckets[^1].Count);
            }
            (rank, start) = (count, bound);
        }
        return buckets[^1].Count;
    }

    /// <summary>Joins buckets of equal bounds; false without an infinite bound.</summary>
    private static bool Prepare(ref List<(double Bound, double Count)> buckets)
    {
        var joined = new List<(double Bound, double Count)>(buckets.Count);
        foreach ((double bound, double count) in buckets)
        {
            if (joined.Count > 0 && joined[^1].Bound == bound)
            {
                joined[^1] = (bound, joined[^1].Count + count);
            }
            else
            {
                joined.Add((bound, count));
            }
        }
        buckets = joined;
        return joined.Count > 0 && double.IsPositiveInfinity(joined[^1].Bound);
    }

    /// <summary>Makes counts rise: scrapes of one moment may disagree a little. Differences that rounding explains are not worth a remark.</summary>
    private static MonotonicityFix? Raise(List<(double Bound, double Count)> buckets, long timeMs)
    {
        MonotonicityFix? fix = null;
        double previous = buckets[0].Count;
        for (int index = 1; index < buckets.Count; index++)
        {
            (double bound, double current) = buckets[index];
            if (current == previous)
            {
                continue;
            }
            if (IsRounding(previous, current))
            {
                buckets[index] = (bound, previous);
            }
            else if (current < previous)
            {
                buckets[index] = (bound, previous);
                var change = new MonotonicityFix(bound, bound, previous - current, timeMs, timeMs);
                fix = fix is { } earlier ? earlier.And(change) with { Count = 1 } : change;
            }
            else
            {
                previous = current;
            }
        }
        return fix;
    }

    private static bool IsRounding(double left, double right)
    {
        double sum = Math.Abs(left) + Math.Abs(right);
        double difference = Math.Abs(left - right);
        return left == 0 || right == 0 || sum < SmallestNormal
            ? difference < RoundingTolerance * SmallestNormal
            : difference / Math.Min(sum, double.MaxValue) < RoundingTolerance;
    }
}
