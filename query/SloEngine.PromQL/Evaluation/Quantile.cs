namespace SloEngine.PromQL.Evaluation;

/// <summary>Quantiles of samples.</summary>
internal static class Quantile
{
    /// <summary>The q-quantile by linear interpolation between order statistics.</summary>
    public static double Of(double q, ReadOnlySpan<double> values)
    {
        if (values.IsEmpty || double.IsNaN(q))
        {
            return double.NaN;
        }
        if (q is < 0 or > 1)
        {
            return q < 0 ? double.NegativeInfinity : double.PositiveInfinity;
        }
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        double rank = q * (sorted.Length - 1);
        int lower = (int)Math.Max(0, Math.Floor(rank));
        int upper = Math.Min(sorted.Length - 1, lower + 1);
        double weight = rank - Math.Floor(rank);
        return (sorted[lower] * (1 - weight)) + (sorted[upper] * weight);
    }
}
