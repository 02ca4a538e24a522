using SloEngine.PromQL.Evaluation;

namespace SloEngine.PromQL.Histograms;

/// <summary>What adding two histograms gives.</summary>
/// <param name="Sum">The result.</param>
/// <param name="Lost">What rounding lost, in the same layout; null if nobody asked.</param>
/// <param name="HintsCollide">Whether one side is marked as a reset and the other as none.</param>
/// <param name="BoundsReconciled">Whether custom bounds differed, so that only common ones are left.</param>
internal readonly record struct HistogramSum(FloatHistogram Sum, FloatHistogram? Lost, bool HintsCollide, bool BoundsReconciled);

/// <summary>Addition and subtraction of histograms whose layouts may differ.</summary>
internal static class HistogramArithmetic
{
    /// <summary>Whether two histograms can be combined: exponential and custom buckets cannot.</summary>
    public static bool Fit(FloatHistogram left, FloatHistogram right) => left.IsCustom == right.IsCustom;

    public static HistogramSum Add(FloatHistogram left, FloatHistogram right) => Combine(left, right, 1);

    public static HistogramSum Subtract(FloatHistogram left, FloatHistogram right) => Combine(left, right, -1);

    private static HistogramSum Combine(FloatHistogram left, FloatHistogram right, double sign)
    {
        (CounterResetHint hint, bool collide) = Hints(left.Hint, right.Hint);
        double count = left.Count + (sign * right.Count);
        double sum = left.Sum + (sign * right.Sum);
        if (left.IsCustom)
        {
            bool same = left.CustomBounds.AsSpan().SequenceEqual(right.CustomBounds);
            double[] bounds = same ? left.CustomBounds : [.. left.CustomBounds.Intersect(right.CustomBounds)];
            BucketCounts combined = same
                ? BucketCounts.Add(left.Positive, right.Positive, sign)
                : BucketCounts.Add(
                    CustomBounds.Map(left.Positive, left.CustomBounds, bounds), CustomBounds.Map(right.Positive, right.CustomBounds, bounds), sign).Compact();
            return new HistogramSum(left with { Hint = hint, Count = count, Sum = sum, Positive = combined, CustomBounds = bounds }, null, collide, !same);
        }
        if (left.ZeroThreshold != right.ZeroThreshold)
        {
            (left, _, right) = ZeroBuckets.Reconcile(left, null, right);
        }
        int schema = Math.Min(left.Schema, right.Schema);
        FloatHistogram result = left with
        {
            Hint = hint,
            Schema = schema,
            Count = count,
            Sum = sum,
            ZeroCount = left.ZeroCount + (sign * right.ZeroCount),
            Positive = BucketCounts.Add(left.Positive.Reduce(left.Schema, schema), right.Positive.Reduce(right.Schema, schema), sign),
            Negative = BucketCounts.Add(left.Negative.Reduce(left.Schema, schema), right.Negative.Reduce(right.Schema, schema), sign),
        };
        return new HistogramSum(result, null, collide, BoundsReconciled: false);
    }

    /// <summary>Adds to a sum whose lost parts are kept.</summary>
    public static HistogramSum Accumulate(FloatHistogram left, FloatHistogram right, FloatHistogram? lost)
    {
        (CounterResetHint hint, bool collide) = Hints(left.Hint, right.Hint);
        lost ??= Nothing(left);
        (double count, double lostCount) = CompensatedSum.Add(right.Count, left.Count, lost.Count);
        (double sum, double lostSum) = CompensatedSum.Add(right.Sum, left.Sum, lost.Sum);
        if (left.IsCustom)
        {
            (BucketCounts positive, BucketCounts lostPositive, double[] bounds, bool reconciled) = AddCustom(left, right, lost);
            return new HistogramSum(
                left with { Hint = hint, Count = count, Sum = sum, Positive = positive, CustomBounds = bounds },
                lost with { Count = lostCount, Sum = lostSum, Positive = lostPositive, CustomBounds = bounds },
                collide, reconciled);
        }
        (left, FloatHistogram? rest, right) = ZeroBuckets.Reconcile(left, lost, right);
        lost = rest!;
        int schema = Math.Min(left.Schema, right.Schema);
        (double zeroCount, double lostZero) = CompensatedSum.Add(right.ZeroCount, left.ZeroCount, lost.ZeroCount);
        (BucketCounts positives, BucketCounts lostPositives) = Sides(left, lost, right, schema, static histogram => histogram.Positive);
        (BucketCounts negatives, BucketCounts lostNegatives) = Sides(left, lost, right, schema, static histogram => histogram.Negative);
        return new HistogramSum(
            left with { Hint = hint, Schema = schema, Count = count, Sum = sum, ZeroCount = zeroCount, Positive = positives, Negative = negatives },
            lost with { Schema = schema, Count = lostCount, Sum = lostSum, ZeroCount = lostZero, Positive = lostPositives, Negative = lostNegatives },
            collide, BoundsReconciled: false);
    }

    private static (BucketCounts Sum, BucketCounts Lost) Sides(
        FloatHistogram left, FloatHistogram lost, FloatHistogram right, int schema, Func<FloatHistogram, BucketCounts> side) =>
        BucketCounts.Accumulate(side(left).Reduce(left.Schema, schema), side(lost).Reduce(lost.Schema, schema), side(right).Reduce(right.Schema, schema));

    private static (BucketCounts Sum, BucketCounts Lost, double[] Bounds, bool Reconciled) AddCustom(
        FloatHistogram left, FloatHistogram right, FloatHistogram lost)
    {
        if (left.CustomBounds.AsSpan().SequenceEqual(right.CustomBounds))
        {
            (BucketCounts sum, BucketCounts rest) = BucketCounts.Accumulate(left.Positive, lost.Positive, right.Positive);
            return (sum, rest, left.CustomBounds, false);
        }
        double[] common = [.. left.CustomBounds.Intersect(right.CustomBounds)];
        (BucketCounts total, BucketCounts remainder) = BucketCounts.Accumulate(
            CustomBounds.Map(left.Positive, left.CustomBounds, common),
            CustomBounds.Map(lost.Positive, left.CustomBounds, common),
            CustomBounds.Map(right.Positive, right.CustomBounds, common));
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
