using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Testing;

/// <summary>Whether numbers are the same but for rounding.</summary>
internal static class Closeness
{
    private const double Tolerance = 1e-6;
    private const double SmallestNormal = 2.2250738585072014e-308;

    public static bool Equal(double left, double right, double tolerance = Tolerance)
    {
        if (Sample.IsAbsent(left) || Sample.IsAbsent(right))
        {
            return Sample.IsAbsent(left) && Sample.IsAbsent(right);
        }
        if (left == right || (double.IsNaN(left) && double.IsNaN(right)))
        {
            return true;
        }
        double sum = Math.Abs(left) + Math.Abs(right);
        double difference = Math.Abs(left - right);
        return left == 0 || right == 0 || sum < SmallestNormal
            ? difference < tolerance * SmallestNormal
            : difference / Math.Min(sum, double.MaxValue) < tolerance;
    }

    /// <summary>Histograms without their empty buckets; hints only where they are wanted.</summary>
    public static bool Equal(FloatHistogram expected, FloatHistogram actual, bool withHint)
    {
        expected = expected.Compact();
        actual = actual.Compact();
        return expected.Schema == actual.Schema && Equal(expected.Count, actual.Count) && Equal(expected.Sum, actual.Sum)
            && (!expected.IsCustom || expected.CustomBounds.AsSpan().SequenceEqual(actual.CustomBounds))
            && expected.ZeroThreshold == actual.ZeroThreshold && Equal(expected.ZeroCount, actual.ZeroCount)
            && Equal(expected.Negative, actual.Negative) && Equal(expected.Positive, actual.Positive)
            && (!withHint || expected.Hint == actual.Hint);
    }

    private static bool Equal(BucketCounts expected, BucketCounts actual)
    {
        if (!expected.Indexes.SequenceEqual(actual.Indexes))
        {
            return false;
        }
        for (int position = 0; position < expected.Length; position++)
        {
            if (!Equal(expected.Counts[position], actual.Counts[position]))
            {
                return false;
            }
        }
        return true;
    }
}
