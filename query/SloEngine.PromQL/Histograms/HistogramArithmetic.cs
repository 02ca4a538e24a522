using SloEngine.PromQL.Evaluation;

namespace SloEngine.PromQL.Histograms;

/// <summary>What adding two histograms gives.</summary>
/// <param name="Sum">The result.</param>
/// <param name="Lost">What rounding lost, in the same layout.</param>
/// <param name="HintsCollide">Whether one side is marked as a reset and the other as none.</param>
/// <param name="BoundsReconciled">Whether custom bounds differed, so that only common ones are left.</param>
internal readonly record struct HistogramSum(FloatHistogram Sum, FloatHistogram Lost, bool HintsCollide, bool BoundsReconciled);

/// <summary>Addition and subtraction of histograms whose layouts may differ.</summary>
internal static class HistogramArithmetic
{
    /// <summary>Whether two histograms can be combined: exponential and custom buckets cannot.</summary>
    public static bool Combine(FloatHistogram left, FloatHistogram right) => left.IsCustom == right.IsCustom;

    public static HistogramSum Add(FloatHistogram left, FloatHistogram right, FloatHistogram? lost = null) => Add(left, right, lost, 1);

    public static HistogramSum Subtract(FloatHistogram left, FloatHistogram right) => Add(left, right, null, -1);

    private static HistogramSum Add(FloatHistogram left, FloatHistogram right, FloatHistogram? lost, double sign)
    {
        (CounterResetHint hint, bool collide) = Hints(left.Hint, right.Hint);
        lost ??= Nothing(left);
        (double count, double lostCount) = CompensatedSum.Add(sign * right.Count, left.Count, lost.Count);
        (double sum, double lostSum) = CompensatedSum.Add(sign * right.Sum, left.Sum, lost.Sum);
        if (left.IsCustom)
        {
            return AddCustom(left, right, lost, sign) is var (positive, lostPositive, bounds, reconciled)
                ? new HistogramSum(
                    left with { Hint = hint, Count = count, Sum = sum, Positive = positive, CustomBounds = bounds },
                    lost with { Count = lostCount, Sum = lostSum, Positive = lostPositive, CustomBounds = bounds },
                    collide, reconciled)
                : default;
        }
        (left, lost, right) = ZeroBuckets.Reconcile(left, lost, right);
        int schema = Math.Min(left.Schema, right.Schema);
        (double zeroCount, double lostZero) = CompensatedSum.Add(sign * right.ZeroCount, left.ZeroCount, lost.ZeroCount);
        (BucketCounts positives, BucketCounts lostPositives) = Sides(left, lost, right, schema, sign, static histogram => histogram.Positive);
        (BucketCounts negatives, BucketCounts lostNegatives) = Sides(left, lost, right, schema, sign, static histogram => histogram.Negative);
        return new HistogramSum(
            left with { Hint = hint, Schema = schema, Count = count, Sum = sum, ZeroCount = zeroCount, Positive = positives, Negative = negatives },
            lost with { Schema = schema, Count = lostCount, Sum = lostSum, ZeroCount = lostZero, Positive = lostPositives, Negative = lostNegatives },
            collide, BoundsReconciled: false);
    }

    private static (BucketCounts Sum, BucketCounts Lost) Sides(
        FloatHistogram left, FloatHistogram lost, FloatHistogram right, int schema, double sign, Func<FloatHistogram, BucketCounts> side) =>
        BucketCounts.Add(side(left).Reduce(left.Schema, schema), side(lost).Reduce(lost.Schema, schema), side(right).Reduce(right.Schema, schema), sign);

    private static (BucketCounts Sum, BucketCounts Lost, double[] Bounds, bool Reconciled) AddCustom(
        FloatHistogram left, FloatHistogram right, FloatHistogram lost, double sign)
    {
        if (left.CustomBounds.AsSpan().SequenceEqual(right.CustomBounds))
        {
            (BucketCounts sum, BucketCounts rest) = BucketCounts.Add(left.Positive, lost.Positive, right.Positive, sign);
            return (sum, rest, left.CustomBounds, false);
        }
        double[] common = [.. left.CustomBounds.Intersect(right.CustomBounds)];
        (BucketCounts total, BucketCounts remainder) = BucketCounts.Add(
            CustomBounds.Map(left.Positive, left.CustomBounds, common),
            CustomBounds.Map(lost.Positive, left.CustomBounds, common),
            CustomBounds.Map(right.Positive, right.CustomBounds, common), sign);
        return (total.Compact(), remainder, common, true);
    }

    /// <summary>The hint of a sum: gauges stay gauges, what is unknown stays so, and a contradiction is unknown.</summary>
    private static (CounterResetHint Hint, bool Collide) Hints(CounterResetHint left, CounterResetHint right)
    {
        if (left == right)
        {
            return (left, false);
        }
        if (left == CounterResetHint.Gauge || right == CounterResetHint.Gauge)
        {
            return (CounterResetHint.Gauge, false);
        }
        return (CounterResetHint.Unknown, left != CounterResetHint.Unknown && right != CounterResetHint.Unknown);
    }

    private static FloatHistogram Nothing(FloatHistogram layout) => new()
    {
        Hint = layout.Hint,
        Schema = layout.Schema,
        ZeroThreshold = layout.ZeroThreshold,
        CustomBounds = layout.CustomBounds,
        Positive = layout.Positive.With(new double[layout.Positive.Length]),
        Negative = layout.Negative.With(new double[layout.Negative.Length]),
    };
}
