using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Tests;

/// <summary>Laws of native histograms, on random ones.</summary>
public sealed class HistogramTests
{
    private const int Rounds = 2_000;

    [Fact]
    public void Sums_hold_all_observations_whatever_the_layouts()
    {
        var random = new Random(1);
        for (int round = 0; round < Rounds; round++)
        {
            FloatHistogram left = Exponential(random);
            FloatHistogram right = Exponential(random);

            FloatHistogram sum = HistogramArithmetic.Add(left, right).Sum;

            Assert.Equal(Observations(left) + Observations(right), Observations(sum), 6);
            Assert.Equal(left.Count + right.Count, sum.Count, 6);
            Assert.Equal(Math.Min(left.Schema, right.Schema), sum.Schema);
            Assert.True(sum.ZeroThreshold >= Math.Max(left.ZeroThreshold, right.ZeroThreshold));
            FloatHistogram other = HistogramArithmetic.Add(right, left).Sum.Compact();
            Assert.Equal(sum.Compact().Positive.Indexes.ToArray(), other.Positive.Indexes.ToArray());
        }
    }

    [Fact]
    public void A_sum_is_no_reset_of_its_parts_and_a_part_is_one_of_the_sum()
    {
        var random = new Random(2);
        for (int round = 0; round < Rounds; round++)
        {
            FloatHistogram before = Exponential(random) with { Schema = 1, ZeroThreshold = 0.001 };
            FloatHistogram more = Exponential(random) with { Schema = 1, ZeroThreshold = 0.001 };
            FloatHistogram after = HistogramArithmetic.Add(before, more).Sum;

            Assert.False(HistogramReset.Between(before, after));
            Assert.True(HistogramReset.Between(after, before));
            Assert.False(HistogramReset.Between(before, before));
        }
    }

    [Fact]
    public void What_rounding_loses_is_made_up_for()
    {
        var sum = new HistogramAccumulator(average: false);
        foreach (double count in (double[])[1e100, 1, -1e100, 1])
        {
            Assert.True(sum.TryAdd(new FloatHistogram { Count = count, Sum = count, Positive = BucketCounts.From(0, [count]) }));
        }

        FloatHistogram result = sum.Result();
        Assert.Equal((2d, 2d, 2d), (result.Count, result.Sum, result.Positive.Counts[0]));
    }

    [Fact]
    public void An_average_that_would_overflow_goes_on_step_by_step()
    {
        var average = new HistogramAccumulator(average: true);
        for (int index = 0; index < 4; index++)
        {
            average.TryAdd(new FloatHistogram { Count = double.MaxValue, Sum = double.MaxValue });
        }

        Assert.Equal(double.MaxValue, average.Result().Sum, double.MaxValue / 1e9);
    }

    [Fact]
    public void Fractions_undo_quantiles()
    {
        var random = new Random(3);
        var annotations = new AnnotationSet();
        for (int round = 0; round < Rounds; round++)
        {
            FloatHistogram histogram = Exponential(random) with { Negative = BucketCounts.None, ZeroThreshold = 0.25 };
            histogram = histogram with { Count = Observations(histogram) };
            double q = random.NextDouble();

            double quantile = NativeHistogram.Quantile(q, histogram, "", default, annotations);
            double fraction = NativeHistogram.Fraction(double.NegativeInfinity, quantile, histogram, "", default, annotations);

            Assert.Equal(q, fraction, 6);
        }
        Assert.Empty(annotations.All);
    }

    [Fact]
    public void Trimmed_parts_make_up_the_whole()
    {
        var random = new Random(4);
        for (int round = 0; round < Rounds; round++)
        {
            FloatHistogram histogram = Exponential(random);
            double at = (random.NextDouble() - 0.3) * 8;

            double below = Observations(HistogramTrim.Trim(histogram, at, keepBelow: true));
            double above = Observations(HistogramTrim.Trim(histogram, at, keepBelow: false));

            Assert.Equal(Observations(histogram), below + above, 6);
        }
    }

    [Fact]
    public void Bounds_are_powers_of_two_at_every_resolution()
    {
        for (int schema = -4; schema <= 8; schema++)
        {
            int perPower = schema >= 0 ? 1 << schema : 1;
            int powers = schema >= 0 ? 1 : 1 << -schema;
            Assert.Equal(1, HistogramBuckets.Exponential(0, schema));
            Assert.Equal(Math.Pow(2, 3 * powers), HistogramBuckets.Exponential(3 * perPower, schema));
            Assert.Equal(Math.Pow(2, -2 * powers), HistogramBuckets.Exponential(-2 * perPower, schema));
        }
        Assert.Equal(double.MaxValue, HistogramBuckets.Exponential(1024, 0));
        Assert.Equal(double.PositiveInfinity, HistogramBuckets.Exponential(1025, 0));
    }

    private static double Observations(FloatHistogram histogram)
    {
        double sum = histogram.ZeroCount;
        foreach (double count in histogram.Positive.Counts)
        {
            sum += count;
        }
        foreach (double count in histogram.Negative.Counts)
        {
            sum += count;
        }
        return sum;
    }

    private static FloatHistogram Exponential(Random random)
    {
        double[] Counts() => [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => (double)random.Next(1, 9))];
        var histogram = new FloatHistogram
        {
            Schema = random.Next(-2, 4),
            ZeroThreshold = random.Next(3) * 0.4,
            ZeroCount = random.Next(1, 5),
            Sum = random.Next(100),
            // Buckets begin outside the zero bucket, as they do in samples.
            Positive = BucketCounts.From(random.Next(1, 9), Counts()),
            Negative = BucketCounts.From(random.Next(1, 9), Counts()),
        };
        return histogram with { Count = Observations(histogram) };
    }
}
