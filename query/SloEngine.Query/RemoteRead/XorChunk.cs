namespace SloEngine.Query.RemoteRead;

/// <summary>Float samples in Prometheus' XOR encoding (tsdb/chunkenc/xor.go): times by the difference of their differences, values by <see cref="XorColumn"/>.</summary>
internal static class XorChunk
{
    /// <summary>The encoding's number (prometheus.Chunk.Encoding).</summary>
    public const ulong Encoding = 1;

    /// <summary>Classes of the difference of two differences: how many ones stand in front, and its bits.</summary>
    private static readonly (ulong Prefix, int PrefixBits, int Bits)[] Classes = [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)];

    /// <summary>Encodes samples of ascending times.</summary>
    public static void Encode(ReadOnlySpan<long> times, ReadOnlySpan<double> values, BitWriter bits)
    {
        bits.Clear();
        bits.Bits((ulong)times.Length, 16);
        bits.SignedVarint(times[0]);
        bits.Double(values[0]);
        var column = new XorColumn(values[0]);
        long lastDelta = 0;
        for (int index = 1; index < times.Length; index++)
        {
            long delta = times[index] - times[index - 1];
            if (index == 1)
            {
                bits.Varint((ulong)delta);
            }
            else
            {
                Change(delta - lastDelta, bits);
            }
            lastDelta = delta;
            column.Write(bits, values[index]);
        }
    }

    private static void Change(long change, BitWriter bits)
    {
        if (change == 0)
        {
            bits.Bit(false);
            return;
        }
        foreach ((ulong prefix, int prefixBits, int size) in Classes)
        {
            if (BitWriter.Fits(change, size))
            {
                bits.Bits(prefix, prefixBits);
                bits.Bits((ulong)change, size);
                return;
            }
        }
        bits.Bits(0b1111, 4);
        bits.Bits((ulong)change, 64);
    }
}
