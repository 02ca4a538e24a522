using SloEngine.Query.Metrics;

namespace SloEngine.Query.Tests;

/// <summary>What was packed comes out to the bit, whatever the numbers.</summary>
public sealed class SampleChunkTests
{
    private static readonly double[] Odd =
    [
        0, -0.0, 1, -1, 0.1, 0.3, 1e-300, 1e300, double.MaxValue, double.MinValue, double.Epsilon, double.PositiveInfinity, double.NegativeInfinity, double.NaN,
        BitConverter.Int64BitsToDouble(0x7FF0000000000002), 1L << 53, -(1L << 53), (1L << 53) + 2.0, 123.4567, 99.99, 0.00015,
    ];

    [Fact]
    public void Random_series_come_back_to_the_bit()
    {
        var random = new Random(20261121);
        for (int round = 0; round < 3_000; round++)
        {
            int count = random.Next(1, 700);
            Func<double> next = Values(random);
            long[] times = new long[count];
            double[] values = new double[count];
            long time = random.NextInt64(0, 1L << 41);
            int jitter = random.Next(4) switch { 0 => 0, 1 => 5, 2 => 4_000, _ => 1_000_000_000 };
            for (int index = 0; index < count; index++)
            {
                time += 1 + (jitter == 0 ? 14_999 : random.Next(jitter + 1));
                (times[index], values[index]) = (time, next());
            }

            byte[] chunk = SampleChunk.Pack(times, values);

            long[] unpacked = new long[count];
            double[] numbers = new double[count];
            Assert.Equal(count, SampleChunk.Count(chunk));
            Assert.Equal(times[0], SampleChunk.FirstMs(chunk));
            Assert.Equal(count, SampleChunk.Unpack(chunk, unpacked, numbers));
            Assert.Equal(times, unpacked);
            Assert.Equal(values.Select(BitConverter.DoubleToInt64Bits), numbers.Select(BitConverter.DoubleToInt64Bits));
        }
    }

    [Fact]
    public void What_is_regular_takes_little()
    {
        long[] times = [.. Enumerable.Range(0, 480).Select(index => 15_000L * index)];

        Assert.InRange(SampleChunk.Pack(times, [.. times.Select(static _ => 1.5)]).Length, 1, 40);
        Assert.InRange(SampleChunk.Pack(times, [.. times.Select(static time => Math.Floor(time / 100.0) + (time % 7))]).Length, 1, 40 + 480);
        Assert.InRange(SampleChunk.Pack(times, [.. times.Select(static time => 20 + (time % 900 / 100.0))]).Length, 1, 40 + (2 * 480));
        Assert.Empty(SampleChunk.Pack([], []));
        Assert.Equal(0, SampleChunk.Unpack([], [], []));
    }

    private static Func<double> Values(Random random)
    {
        double counter = random.Next(1_000_000);
        return random.Next(6) switch
        {
            0 => () => counter += random.Next(300),
            1 => () => random.Next(100) < 2 ? counter = 0 : counter += random.Next(5),
            2 => () => Math.Round(random.NextDouble() * 100, 2),
            3 => () => random.NextDouble() * Math.Pow(10, random.Next(-300, 300)),
            4 => () => Odd[random.Next(Odd.Length)],
            _ => () => BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue)),
        };
    }
}
