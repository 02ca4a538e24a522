using System.Buffers.Binary;
using System.Numerics;

namespace SloEngine.Query.RemoteRead;

/// <summary>Writes bits from the highest of each byte on, and numbers as Prometheus' chunks hold them (tsdb/chunkenc of Prometheus).</summary>
internal sealed class BitWriter
{
    /// <summary>Bits of the classes of numbers, each with one more leading 1 in front than the one before.</summary>
    private static readonly int[] Classes = [0, 3, 6, 9, 12, 18, 25, 56];

    private byte[] _bytes = new byte[256];
    private int _bits;

    /// <summary>What has been written; the last byte is filled up with zeros.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, (_bits + 7) / 8);

    public void Clear()
    {
        _bytes.AsSpan(0, (_bits + 7) / 8).Clear();
        _bits = 0;
    }

    /// <summary>Writes the lowest bits of a number, the highest of them first.</summary>
    public void Bits(ulong value, int count)
    {
        if ((_bits + count + 7) / 8 + sizeof(ulong) > _bytes.Length)
        {
            Array.Resize(ref _bytes, _bytes.Length * 2);
        }
        while (count > 0)
        {
            int free = 8 - (_bits % 8);
            int taken = Math.Min(free, count);
            uint part = (uint)(value >> (count - taken)) & ((1u << taken) - 1);
            _bytes[_bits / 8] |= (byte)(part << (free - taken));
            _bits += taken;
            count -= taken;
        }
    }

    public void Bit(bool value) => Bits(value ? 1UL : 0, 1);

    public void Byte(byte value) => Bits(value, 8);

    public void Double(double value) => Bits(BitConverter.DoubleToUInt64Bits(value), 64);

    /// <summary>A number of 7 bits a byte, the lowest first.</summary>
    public void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            Byte((byte)(value | 0x80));
        }
        Byte((byte)value);
    }

    /// <summary>The same for numbers of either sign.</summary>
    public void SignedVarint(long value) => Varint((ulong)((value << 1) ^ (value >> 63)));

    /// <summary>A number of either sign in as few bits as its class needs (varbit.go, putVarbitInt).</summary>
    public void Varbit(long value)
    {
        for (int index = 0; index < Classes.Length; index++)
        {
            if (index == 0 ? value == 0 : Fits(value, Classes[index]))
            {
                Bits((1UL << (index + 1)) - 2, index + 1);
                Bits((ulong)value, Classes[index]);
                return;
            }
        }
        Bits(0xFF, 8);
        Bits((ulong)value, 64);
    }

    /// <summary>The same for numbers without a sign (putVarbitUint).</summary>
    public void UnsignedVarbit(ulong value)
    {
        for (int index = 0; index < Classes.Length; index++)
        {
            if (index == 0 ? value == 0 : value < 1UL << Classes[index])
            {
                Bits((1UL << (index + 1)) - 2, index + 1);
                Bits(value, Classes[index]);
                return;
            }
        }
        Bits(0xFF, 8);
        Bits(value, 64);
    }

    /// <summary>Sets the number of samples, which a chunk begins with.</summary>
    public void SetSamples(int count) => BinaryPrimitives.WriteUInt16BigEndian(_bytes, (ushort)count);

    /// <summary>Whether so many bits hold a number, as two's complement with the largest in place of the smallest (bitRange).</summary>
    public static bool Fits(long value, int bits) => -((1L << (bits - 1)) - 1) <= value && value <= 1L << (bits - 1);
}

/// <summary>A column of doubles, each as what it has not in common with the one before (Gorilla, section 4.1.2; xorWrite).</summary>
internal struct XorColumn
{
    private const byte None = 0xFF;
    private const int MaxLeading = 31;

    private double _last;
    private int _leading;
    private int _trailing;

    /// <summary>Begins with a value that has been written in full.</summary>
    public XorColumn(double first) => (_last, _leading) = (first, None);

    public void Write(BitWriter bits, double value)
    {
        ulong delta = BitConverter.DoubleToUInt64Bits(value) ^ BitConverter.DoubleToUInt64Bits(_last);
        _last = value;
        bits.Bit(delta != 0);
        if (delta == 0)
        {
            return;
        }
        int leading = Math.Min(BitOperations.LeadingZeroCount(delta), MaxLeading);
        int trailing = BitOperations.TrailingZeroCount(delta);
        if (_leading != None && leading >= _leading && trailing >= _trailing)
        {
            bits.Bit(false);
            bits.Bits(delta >> _trailing, 64 - _leading - _trailing);
            return;
        }
        (_leading, _trailing) = (leading, trailing);
        int significant = 64 - leading - trailing;
        bits.Bit(true);
        bits.Bits((ulong)leading, 5);
        // 64 does not fit into six bits, and 0 does not occur: it stands for 64.
        bits.Bits((ulong)significant & 63, 6);
        bits.Bits(delta >> trailing, significant);
    }
}
