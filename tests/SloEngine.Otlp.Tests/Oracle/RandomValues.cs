using Google.Protobuf;
using SloEngine.Otlp.Tests.Oracle.Otlp;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>Random numbers, texts and attributes with a taste for the edges; all from one seed.</summary>
internal class RandomValues(int seed)
{
    private static readonly string[] Texts =
        ["", "a", "service.name", "GET /", "é", "\u0000", "line\nbreak \"quoted\" \\", "😀", "<&'>", new string('x', 127), new string('y', 128), new string('z', 20_000)];

    private static readonly double[] Doubles =
        [0, -0.0, 1, -1.5, 0.1, 1e300, 5e-324, double.MaxValue, double.NaN, double.PositiveInfinity, double.NegativeInfinity, Math.PI];

    private static readonly long[] Longs = [0, 1, -1, 127, 128, 300, int.MaxValue, int.MinValue, 1L << 53, long.MaxValue, long.MinValue];

    protected Random Random { get; } = new(seed);

    /// <summary>True once in <paramref name="one"/>.</summary>
    public bool Chance(int one) => Random.Next(one) == 0;

    protected int Next(int limit) => Random.Next(limit);

    protected T Pick<T>(params T[] from) => from[Random.Next(from.Length)];

    protected string Text() => Chance(50) ? Texts[^1] : Chance(3) ? Texts[Random.Next(Texts.Length - 1)] : "k" + Random.Next(20);

    protected string Name() => Chance(20) ? Text() : "name." + Random.Next(6);

    protected double Double() => Chance(2) ? Doubles[Random.Next(Doubles.Length)] : Random.NextDouble() * 1000;

    protected long Long() => Chance(2) ? Longs[Random.Next(Longs.Length)] : Random.Next();

    /// <summary>Mostly a good time in nanoseconds; sometimes none or one past the year 2262.</summary>
    protected ulong Time() => Chance(25) ? Pick<ulong>(0, 1, ulong.MaxValue, (ulong)long.MaxValue, 1UL << 63) : 1_700_000_000_000_000_000 + (ulong)Random.NextInt64(1_000_000_000_000);

    protected ByteString Bytes(int usual)
    {
        byte[] bytes = new byte[Chance(20) ? Pick(0, 1, 7, 8, 15, 16, 17, 300) : usual];
        if (!Chance(30))
        {
            Random.NextBytes(bytes);
        }
        return ByteString.CopyFrom(bytes);
    }

    protected IEnumerable<KeyValue> Attributes()
    {
        for (int count = Chance(40) ? 40 : Next(4); count > 0; count--)
        {
            var pair = new KeyValue { Key = Text() };
            if (!Chance(15))
            {
                pair.Value = Value(0);
            }
            yield return pair;
        }
    }

    protected AnyValue Value(int depth)
    {
        switch (Next(depth < 5 ? 8 : 6))
        {
            case 0:
                return new AnyValue { StringValue = Text() };
            case 1:
                return new AnyValue { BoolValue = Chance(2) };
            case 2:
                return new AnyValue { IntValue = Long() };
            case 3:
                return new AnyValue { DoubleValue = Double() };
            case 4:
                return new AnyValue { BytesValue = Bytes(5) };
            case 5:
                return new AnyValue();
            case 6:
                var array = new ArrayValue();
                for (int count = Next(4); count > 0; count--)
                {
                    array.Values.Add(Value(depth + 1));
                }
                return new AnyValue { ArrayValue = array };
            default:
                var list = new KeyValueList();
                for (int count = Next(4); count > 0; count--)
                {
                    list.Values.Add(new KeyValue { Key = Text(), Value = Chance(10) ? null : Value(depth + 1) });
                }
                return new AnyValue { KvlistValue = list };
        }
    }
}
