using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Tests;

/// <summary>Values of samples are kept as decimals, and come back to the bit.</summary>
[Collection(EngineCollection.Name)]
public sealed class SampleValueTests(EngineFixture engine)
{
    private static readonly double[] Odd =
    [
        double.NaN, BitConverter.Int64BitsToDouble(0x7FF0000000000002), double.PositiveInfinity, double.NegativeInfinity, -0.0, 0, double.MaxValue, double.MinValue, double.Epsilon, 1e-15,
        1e-16, 9223372036854775807.0, 9223372036854775808.0, -9223372036854775808.0, 1e19, 9007199254740993.0, 0.1 + 0.2, 1.0 / 3, 123456789012345.6, 0.000_123_456, 1e15 + 0.3,
    ];

    [Fact]
    public void Any_values_of_a_series_come_back_to_the_bit() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll<double[], int[], long[]>(static (values, cents, bits) =>
        {
            double[] decimals = [.. cents.Select(static one => one / 100.0), .. cents.Select(static one => one / 8.0), -0.0, double.NaN];
            double[] all = [.. values, .. decimals, .. bits.Select(BitConverter.Int64BitsToDouble), .. Odd];
            var random = new Random(cents.Length);
            random.Shuffle(decimals);
            random.Shuffle(all);
            // A series with any value that is no decimal is soon in bits: decimals by themselves, too.
            return ComesBack(decimals) && ComesBack(all);
        }));

    [Fact]
    public void A_series_keeps_the_decimal_places_that_it_has_had_so_that_its_numbers_can_be_compared()
    {
        byte ofSeries = 0;

        Assert.Equal((12L, 0), Encoded(12, ref ofSeries));
        Assert.Equal((1225L, 2), Encoded(12.25, ref ofSeries));
        Assert.Equal((1250L, 2), Encoded(12.5, ref ofSeries));
        Assert.Equal((1300L, 2), Encoded(13, ref ofSeries));
        Assert.Equal((0L, 2), Encoded(0, ref ofSeries));
        Assert.Equal((-13001L, 3), Encoded(-13.001, ref ofSeries));
    }

    [Fact]
    public void A_marker_of_staleness_does_not_end_a_series_of_decimals()
    {
        byte ofSeries = 0;
        Encoded(0.5, ref ofSeries);

        Assert.Equal((0x7FF0000000000002L, (int)SampleValue.Bits), Encoded(BitConverter.Int64BitsToDouble(0x7FF0000000000002), ref ofSeries));

        Assert.Equal((15L, 1), Encoded(1.5, ref ofSeries));
    }

    [Fact]
    public void A_series_of_fractions_without_end_is_kept_in_bits()
    {
        byte ofSeries = 0;

        Assert.Equal((BitConverter.DoubleToInt64Bits(1.0 / 3), (int)SampleValue.Bits), Encoded(1.0 / 3, ref ofSeries));

        Assert.Equal((BitConverter.DoubleToInt64Bits(0.5), (int)SampleValue.Bits), Encoded(0.5, ref ofSeries));
    }

    [Fact]
    public async Task The_engine_reads_the_same_values_whatever_their_scale()
    {
        double[] decimals = [.. Enumerable.Range(0, 16).SelectMany(static scale => Enumerable.Range(1, 40).Select(step => double.Parse($"{step * 97}e-{scale}", CultureInfo.InvariantCulture)))];
        double[] values = [.. decimals, .. Odd];
        using var points = new NumberPoints();
        for (int row = 0; row < values.Length; row++)
        {
            // A series a scale, so that none is in bits because of another.
            points.Series.Append(row / 40);
            points.TimeNanos.Append(row * 1_000_000L);
            points.StartNanos.Append(0);
            points.Values.Append(values[row]);
        }
        UInt128[] ids = [.. Enumerable.Range(0, 17).Select(static series => (UInt128)(880_000 + series))];
        using var writer = new NativeWriter();
        await engine.Store.InsertAsync(MetricTables.Encode(points, ids, writer));

        QueryResult result = await engine.Store.QueryAsync(new StoreQuery("SELECT value, number, scale FROM samples WHERE id >= 880000 AND id < 880017 ORDER BY ts"));

        ResultBlock block = Assert.Single(result.Blocks);
        var decoded = new double[values.Length];
        SampleValue.Decode(block.Values<long>(1), block.Values<byte>(2), decoded);
        Assert.Equal(Bits(values), Bits(block.Values<double>(0).ToArray()));
        Assert.Equal(Bits(values), Bits(decoded));
        Assert.Equal(Enumerable.Range(0, 16).Select(static scale => (byte)scale), block.Values<byte>(2).ToArray().Where(static scale => scale != SampleValue.Bits).Distinct().Order());
    }

    private static bool ComesBack(double[] values)
    {
        byte ofSeries = 0;
        var numbers = new long[values.Length];
        var scales = new byte[values.Length];
        for (int index = 0; index < values.Length; index++)
        {
            numbers[index] = SampleValue.Encode(values[index], ref ofSeries, out scales[index]);
        }
        var decoded = new double[values.Length];
        SampleValue.Decode(numbers, scales, decoded);
        return Bits(values).SequenceEqual(Bits(decoded));
    }

    private static IEnumerable<long> Bits(double[] values) => values.Select(BitConverter.DoubleToInt64Bits);

    private static (long Number, int Scale) Encoded(double value, ref byte ofSeries)
    {
        long number = SampleValue.Encode(value, ref ofSeries, out byte scale);
        return (number, scale);
    }
}
