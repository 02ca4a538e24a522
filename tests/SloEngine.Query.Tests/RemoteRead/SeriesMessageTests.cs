using System.Runtime.InteropServices;
using SloEngine.Otlp.Protobuf;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.Query.RemoteRead;

namespace SloEngine.Query.Tests.RemoteRead;

/// <summary>The message of samples, field by field (prompb/types.proto); that of a real Prometheus is compared end to end.</summary>
public sealed class SeriesMessageTests
{
    [Fact]
    public void A_native_histogram_has_the_fields_of_one_with_fractional_counts()
    {
        var histogram = new FloatHistogram
        {
            Hint = CounterResetHint.Gauge, Schema = -2, Count = 6.5, Sum = -1, ZeroCount = 0.5, ZeroThreshold = 0.001,
            Positive = BucketCounts.Of([-3, -2, 4], [1, 2, 3]), Negative = BucketCounts.Of([7], [0.25]), CustomBounds = [1.5],
        };
        var series = new SeriesData
        {
            Labels = Labels.Of([new("__name__", "size"), new("job", "shop")]), TimesMs = [1_000, 2_000], Values = [0, 42], Histograms = [histogram, null],
        };

        Dictionary<int, List<object>> message = Fields(Only(Only(SeriesMessage.Response([[series]]).ToArray(), 1), 1), 1, 2, 4);

        Assert.Equal(["__name__=size", "job=shop"], message[1].Select(label => string.Join('=', Fields((byte[])label).Values.Select(value => System.Text.Encoding.UTF8.GetString((byte[])value[0])))));
        Dictionary<int, List<object>> sample = Fields((byte[])message[2].Single());
        Assert.Equal((BitConverter.DoubleToUInt64Bits(42), 2_000UL), ((ulong)sample[1][0], (ulong)sample[2][0]));
        Dictionary<int, List<object>> fields = Fields((byte[])message[4].Single());
        Assert.Equal([6.5, -1, 0.001, 0.5], ((int[])[2, 3, 5, 7]).Select(field => BitConverter.UInt64BitsToDouble((ulong)fields[field][0])));
        // ZigZag: -2 is 3, -3 is 5.
        Assert.Equal((3UL, 3UL, 1_000UL), ((ulong)fields[4][0], (ulong)fields[14][0], (ulong)fields[15][0]));
        Assert.Equal([(5UL, 2UL), (10UL, 1UL)], fields[11].Select(Span));
        Assert.Equal([(14UL, 1UL)], fields[8].Select(Span));
        Assert.Equal([1, 2, 3], Doubles(fields[13][0]));
        Assert.Equal([0.25], Doubles(fields[10][0]));
        Assert.Equal([1.5], Doubles(fields[16][0]));
    }

    [Fact]
    public void A_native_histogram_that_was_sent_with_whole_counts_has_them_again()
    {
        var histogram = new FloatHistogram
        {
            Schema = 3, Count = 1L << 53, Sum = 2.5, ZeroCount = 7, ZeroThreshold = 0.001, Positive = BucketCounts.Of([1, 2, 5], [4, 1, 9]), Negative = BucketCounts.Of([7], [3]),
        };
        var series = new SeriesData { Labels = Labels.Of([new("__name__", "size")]), TimesMs = [1_000], Values = [0], Histograms = [histogram], HasWholeCounts = true };

        Dictionary<int, List<object>> fields = Fields(Only(Only(Only(SeriesMessage.Response([[series]]).ToArray(), 1), 1), 4), 1, 3, 4, 5, 6, 8, 9, 11, 12, 14, 15);

        Assert.Equal((1UL << 53, 7UL), ((ulong)fields[1][0], (ulong)fields[6][0]));
        // ZigZag of 4, 1 - 4, 9 - 1 and of 3.
        Assert.Equal([8UL, 5UL, 16UL], fields[12].Cast<ulong>());
        Assert.Equal([6UL], fields[9].Cast<ulong>());
        Assert.Equal([(2UL, 2UL), (4UL, 1UL)], fields[11].Select(Span));
    }

    private static (ulong Offset, ulong Length) Span(object span)
    {
        Dictionary<int, List<object>> fields = Fields((byte[])span);
        return ((ulong)fields[1][0], (ulong)fields[2][0]);
    }

    private static double[] Doubles(object bytes) => MemoryMarshal.Cast<byte, double>((byte[])bytes).ToArray();

    private static byte[] Only(byte[] message, int field) => (byte[])Fields(message)[field].Single();

    /// <summary>Fields of a message, varints and 64 bits as numbers, others as bytes.</summary>
    private static Dictionary<int, List<object>> Fields(byte[] message, params int[] expected)
    {
        var fields = new Dictionary<int, List<object>>();
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            int field = reader.Field;
            if (!fields.TryGetValue(field, out List<object>? values))
            {
                fields.Add(field, values = []);
            }
            values.Add(reader.Type switch { WireType.Varint => reader.VarintField(), WireType.Fixed64 => reader.Fixed64Field(), _ => reader.BytesField().ToArray() });
        }
        Assert.Equal(expected.Length == 0 ? fields.Keys.Order() : expected, fields.Keys.Order());
        return fields;
    }
}
