using System.Buffers.Binary;
using SloEngine.PromQL.Histograms;

namespace SloEngine.Query.Tests.RemoteRead;

/// <summary>Reads chunks as Prometheus' iterators do (tsdb/chunkenc: xor.go, float_histogram.go, histogram_meta.go, varbit.go).</summary>
internal sealed class ChunkReader(byte[] chunk)
{
    private int _position = 16;

    private int Samples { get; } = BinaryPrimitives.ReadUInt16BigEndian(chunk);

    public List<(long TimeMs, double Value)> Floats()
    {
        var samples = new List<(long TimeMs, double Value)>(Samples);
        var column = new Column();
        (long time, ulong delta) = (0, 0);
        for (int index = 0; index < Samples; index++)
        {
            if (index == 0)
            {
                ulong zigzag = Varint();
                time = (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
                column.Value = Double();
            }
            else
            {
                delta = index == 1 ? Varint() : delta + (ulong)Change();
                time += (long)delta;
                column.Read(this);
            }
            samples.Add((time, column.Value));
        }
        Assert.True(chunk.Length * 8 - _position < 8, "bytes are left behind the last sample");
        return samples;
    }

    public List<(long TimeMs, FloatHistogram Histogram)> Histograms()
    {
        var hint = (CounterResetHint)(Bits(8) == 0b1100_0000 ? 3 : 0);
        double threshold = Threshold();
        int schema = (int)Varbit();
        int[] positive = Spans();
        int[] negative = Spans();
        double[] bounds = schema == FloatHistogram.CustomSchema ? [.. Enumerable.Range(0, (int)UnsignedVarbit()).Select(_ => Bound())] : [];
        var columns = new Column[3 + positive.Length + negative.Length];
        var samples = new List<(long, FloatHistogram)>(Samples);
        (long time, long delta) = (0, 0);
        for (int row = 0; row < Samples; row++)
        {
            if (row == 0)
            {
                time = Varbit();
            }
            else
            {
                delta += Varbit();
                time += delta;
            }
            for (int column = 0; column < columns.Length; column++)
            {
                if (row == 0)
                {
                    columns[column].Value = Double();
                    columns[column].Leading = 0xFF;
                }
                else
                {
                    columns[column].Read(this);
                }
            }
            samples.Add((time, new FloatHistogram
            {
                Hint = hint,
                Schema = schema,
                ZeroThreshold = threshold,
                CustomBounds = bounds,
                Count = columns[0].Value,
                ZeroCount = columns[1].Value,
                Sum = columns[2].Value,
                Positive = BucketCounts.Of(positive, [.. columns[3..(3 + positive.Length)].Select(static column => column.Value)]),
                Negative = BucketCounts.Of(negative, [.. columns[(3 + positive.Length)..].Select(static column => column.Value)]),
            }));
        }
        return samples;
    }

    public List<(long TimeMs, FloatHistogram Histogram)> WholeHistograms()
    {
        Bits(8);
        double threshold = Threshold();
        int schema = (int)Varbit();
        int[] positive = Spans();
        int[] negative = Spans();
        var numbers = new Doubled[3 + positive.Length + negative.Length];
        var sum = new Column();
        var samples = new List<(long, FloatHistogram)>(Samples);
        for (int row = 0; row < Samples; row++)
        {
            for (int head = 0; head < 3; head++)
            {
                numbers[head].Read(row == 0 && head > 0 ? (long)UnsignedVarbit() : Varbit(), row);
            }
            if (row == 0)
            {
                sum.Value = Double();
            }
            else
            {
                sum.Read(this);
            }
            for (int bucket = 3; bucket < numbers.Length; bucket++)
            {
                numbers[bucket].Read(Varbit(), row);
            }
            samples.Add((numbers[0].Value, new FloatHistogram
            {
                Schema = schema,
                ZeroThreshold = threshold,
                Count = numbers[1].Value,
                ZeroCount = numbers[2].Value,
                Sum = sum.Value,
                Positive = BucketCounts.Of(positive, Sums(numbers.AsSpan(3, positive.Length))),
                Negative = BucketCounts.Of(negative, Sums(numbers.AsSpan(3 + positive.Length))),
            }));
        }
        Assert.True(chunk.Length * 8 - _position < 8, "bytes are left behind the last sample");
        return samples;
    }

    /// <summary>Buckets are told by what they differ by from the one before.</summary>
    private static double[] Sums(ReadOnlySpan<Doubled> buckets)
    {
        var sums = new double[buckets.Length];
        long sum = 0;
        for (int bucket = 0; bucket < buckets.Length; bucket++)
        {
            sums[bucket] = sum += buckets[bucket].Value;
        }
        return sums;
    }

    private ulong Bits(int count)
    {
        ulong value = 0;
        for (; count > 0; count--, _position++)
        {
            value = (value << 1) | (uint)((chunk[_position / 8] >> (7 - (_position % 8))) & 1);
        }
        return value;
    }

    private double Double() => BitConverter.UInt64BitsToDouble(Bits(64));

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            ulong next = Bits(8);
            value |= (next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private int Ones(int most)
    {
        int ones = 0;
        while (ones < most && Bits(1) == 1)
        {
            ones++;
        }
        return ones;
    }

    private long Change() => Signed(((int[])[0, 14, 17, 20, 64])[Ones(4)]);

    private long Varbit() => Signed(((int[])[0, 3, 6, 9, 12, 18, 25, 56, 64])[Ones(8)]);

    private ulong UnsignedVarbit() => Bits(((int[])[0, 3, 6, 9, 12, 18, 25, 56, 64])[Ones(8)]);

    private long Signed(int size)
    {
        ulong bits = Bits(size);
        return size is 0 or 64 || bits <= 1UL << (size - 1) ? (long)bits : (long)(bits - (1UL << size));
    }

    private int[] Spans()
    {
        var indexes = new List<int>();
        int next = 0;
        for (ulong left = UnsignedVarbit(); left > 0; left--)
        {
            int length = (int)UnsignedVarbit();
            next += (int)Varbit();
            for (int index = 0; index < length; index++)
            {
                indexes.Add(next++);
            }
        }
        return [.. indexes];
    }

    private double Threshold() => Bits(8) switch { 0 => 0, 255 => Double(), ulong exponent => Math.ScaleB(0.5, (int)exponent - 243) };

    private double Bound() => UnsignedVarbit() switch { 0 => Double(), ulong thousandths => (thousandths - 1) / 1000d };

    /// <summary>A number that comes as the difference of its differences, at first as it is.</summary>
    private struct Doubled
    {
        public long Value;
        private long _delta;

        public void Read(long number, int row)
        {
            _delta = row == 0 ? 0 : _delta + number;
            Value = row == 0 ? number : Value + _delta;
        }
    }

    private struct Column()
    {
        public double Value;
        public int Leading = 0xFF;
        private int _trailing;

        public void Read(ChunkReader reader)
        {
            if (reader.Bits(1) == 0)
            {
                return;
            }
            if (reader.Bits(1) == 1)
            {
                Leading = (int)reader.Bits(5);
                int significant = (int)reader.Bits(6);
                _trailing = 64 - Leading - (significant == 0 ? 64 : significant);
            }
            Assert.NotEqual(0xFF, Leading);
            ulong delta = reader.Bits(64 - Leading - _trailing) << _trailing;
            Value = BitConverter.UInt64BitsToDouble(BitConverter.DoubleToUInt64Bits(Value) ^ delta);
        }
    }
}
