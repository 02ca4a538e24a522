using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Histograms;
using SloEngine.Query.RemoteRead;

namespace SloEngine.Query.Tests.RemoteRead;

/// <summary>What is encoded into chunks is read back to the bit by a reader of Prometheus' format.</summary>
public sealed class ChunkTests
{
    private readonly BitWriter _bits = new();

    [Fact]
    public void Floats_come_back_to_the_bit()
    {
        Gen<ulong> values = Gen.OneOf(
            Gen.Choose(-1000, 1000).Select(static number => BitConverter.DoubleToUInt64Bits(number)),
            ArbMap.Default.GeneratorFor<double>().Select(BitConverter.DoubleToUInt64Bits),
            ArbMap.Default.GeneratorFor<ulong>(),
            Gen.Constant(0x7FF0000000000002UL));
        Gen<long> steps = Gen.OneOf(
            Gen.Constant(15_000L), Gen.Choose(1, 20_000).Select(static step => (long)step), Gen.Choose(1, int.MaxValue).Select(static step => step * 1000L));
        Gen<((ulong Bits, long Step)[] Samples, long Start)> cases =
            from samples in values.Zip(steps).NonEmptyListOf()
            from start in Gen.OneOf(Gen.Constant(1_800_000_000_000L), ArbMap.Default.GeneratorFor<int>().Select(static start => (long)start))
            select (samples.Take(ChunkStream.SamplesPerChunk).Select(static pair => (pair.Item1, pair.Item2)).ToArray(), start);

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll(cases.ToArbitrary(), one =>
        {
            long time = one.Start;
            long[] times = [.. one.Samples.Select(sample => time += sample.Step)];
            double[] numbers = [.. one.Samples.Select(static sample => BitConverter.UInt64BitsToDouble(sample.Bits))];
            XorChunk.Encode(times, numbers, _bits);

            List<(long TimeMs, double Value)> read = new ChunkReader(_bits.Written.ToArray()).Floats();

            return times.SequenceEqual(read.Select(static sample => sample.TimeMs))
                && one.Samples.Select(static sample => sample.Bits).SequenceEqual(read.Select(static sample => BitConverter.DoubleToUInt64Bits(sample.Value)));
        }));
    }

    [Fact]
    public void Histograms_come_back_to_the_bit()
    {
        Gen<BucketCounts> sides =
            from start in Gen.Choose(-2000, 2000)
            from buckets in Gen.Choose(1, 40).Zip(Gen.Choose(1, 1_000_000)).ListOf()
            select Side(start, buckets);
        Gen<FloatHistogram> histograms =
            from positive in sides
            from negative in sides
            from schema in Gen.Choose(-4, 8)
            from threshold in Gen.Elements(0, 1e-128, Math.ScaleB(1, -128), 0.001, 1024, Math.ScaleB(1, -243))
            from numbers in Gen.Choose(0, 1_000_000).Zip(ArbMap.Default.GeneratorFor<double>())
            from hint in Gen.Elements(CounterResetHint.Unknown, CounterResetHint.Gauge)
            select new FloatHistogram
            {
                Schema = schema, ZeroThreshold = threshold, ZeroCount = numbers.Item1 / 7d, Count = numbers.Item1, Sum = numbers.Item2, Positive = positive,
                Negative = negative, Hint = hint,
            };
        Gen<FloatHistogram> custom =
            from bounds in Gen.Elements<double[]>([0.005, 0.1, 1, 33554.43], [-1, 0, 1.0000001, 40_000], [])
            select new FloatHistogram
            {
                Schema = FloatHistogram.CustomSchema, CustomBounds = bounds, Count = 3, Sum = 2.5,
                Positive = BucketCounts.From(0, [.. Enumerable.Range(0, bounds.Length + 1).Select(static index => index + 0.5)]),
            };
        Gen<(FloatHistogram First, int Rows)> cases = Gen.OneOf(histograms, custom).Zip(Gen.Choose(1, ChunkStream.SamplesPerChunk)).Select(static pair => (pair.Item1, pair.Item2));

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(cases.ToArbitrary(), one =>
        {
            FloatHistogram?[] rows = [.. Enumerable.Range(1, one.Rows).Select(row => one.First.Times(row))];
            long[] times = [.. Enumerable.Range(0, one.Rows).Select(static row => 1_800_000_000_000L + (row * 15_000) + (row % 3))];
            Assert.All(rows.Zip(rows.Skip(1)), static pair => Assert.True(HistogramChunk.CanFollow(pair.First!, pair.Second!)));
            HistogramChunk.Encode(times, rows, isWhole: false, _bits);

            List<(long TimeMs, FloatHistogram Histogram)> read = new ChunkReader(_bits.Written.ToArray()).Histograms();

            Assert.Equal(times, read.Select(static sample => sample.TimeMs));
            Assert.All(rows.Zip(read), static pair => Assert.True(pair.First!.Matches(pair.Second.Histogram) && pair.First.Hint == pair.Second.Histogram.Hint));
        }));
    }

    [Fact]
    public void Histograms_of_whole_counts_come_back_to_the_bit()
    {
        Gen<int[]> steps = Gen.Choose(0, 5_000_000).ArrayOf(8);
        Gen<(int[][] Rows, double Sum)> cases = steps.NonEmptyListOf().Select(static rows => rows.Take(ChunkStream.SamplesPerChunk).ToArray())
            .Zip(ArbMap.Default.GeneratorFor<double>()).Select(static pair => (pair.Item1, pair.Item2));

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(cases.ToArbitrary(), one =>
        {
            var totals = new double[8];
            var rows = new FloatHistogram?[one.Rows.Length];
            for (int row = 0; row < rows.Length; row++)
            {
                totals = [.. totals.Zip(one.Rows[row], static (total, step) => total + step)];
                rows[row] = new FloatHistogram
                {
                    Schema = 3, ZeroThreshold = 0.001, ZeroCount = totals[0], Count = totals.Sum() * 1_000_000, Sum = one.Sum * row,
                    Positive = BucketCounts.Of([-3, -2, 4, 90], totals[1..5]), Negative = one.Rows.Length % 2 == 0 ? BucketCounts.None : BucketCounts.Of([7, 9, 10], totals[5..]),
                };
            }
            long[] times = [.. Enumerable.Range(0, rows.Length).Select(static row => 1_800_000_000_000L + (row * 15_000) + (row % 3))];
            HistogramChunk.Encode(times, rows, isWhole: true, _bits);

            List<(long TimeMs, FloatHistogram Histogram)> read = new ChunkReader(_bits.Written.ToArray()).WholeHistograms();

            Assert.Equal(times, read.Select(static sample => sample.TimeMs));
            Assert.All(rows.Zip(read), static pair => Assert.True(pair.First!.Matches(pair.Second.Histogram)));
        }));
    }

    [Fact]
    public void Buckets_that_come_later_are_empty_before()
    {
        var before = new FloatHistogram { Count = 1, Sum = 1, Positive = BucketCounts.From(3, [1]) };
        FloatHistogram after = before with { Count = 3, Positive = BucketCounts.Of([1, 3], [1, 2]) };
        Assert.True(HistogramChunk.CanFollow(before, after));
        HistogramChunk.Encode([1, 2], [before, after], isWhole: false, _bits);

        List<(long TimeMs, FloatHistogram Histogram)> read = new ChunkReader(_bits.Written.ToArray()).Histograms();

        Assert.True(before.Matches(read[0].Histogram.Compact()));
        Assert.True(after.Matches(read[1].Histogram));
    }

    [Fact]
    public void A_reset_or_another_layout_begins_a_chunk()
    {
        var before = new FloatHistogram { Count = 3, Positive = BucketCounts.From(0, [1, 2]) };

        Assert.False(HistogramChunk.CanFollow(before, before with { Count = 2 }));
        Assert.False(HistogramChunk.CanFollow(before, before with { Positive = BucketCounts.From(0, [2, 1]) }));
        Assert.False(HistogramChunk.CanFollow(before, before with { Schema = 1 }));
        Assert.False(HistogramChunk.CanFollow(before, before with { ZeroThreshold = 1 }));
        Assert.False(HistogramChunk.CanFollow(before, before with { Hint = CounterResetHint.Gauge }));
        Assert.False(HistogramChunk.CanFollow(before, before with { Hint = CounterResetHint.Reset }));
        FloatHistogram gauge = before with { Hint = CounterResetHint.Gauge };
        Assert.True(HistogramChunk.CanFollow(gauge, gauge with { Count = 2 }));
    }

    private static BucketCounts Side(int start, List<(int Gap, int Count)> buckets)
    {
        int index = start;
        int[] indexes = [.. buckets.Select(bucket => index += bucket.Gap)];
        return BucketCounts.Of(indexes, [.. buckets.Select(static bucket => bucket.Count / 3d)]);
    }
}
