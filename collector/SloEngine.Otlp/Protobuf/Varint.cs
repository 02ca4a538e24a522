using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace SloEngine.Otlp.Protobuf;

/// <summary>Varints of the protobuf encoding (protobuf.dev, "Encoding"): seven bits a byte, the lowest first, the last byte without its top bit.</summary>
internal static class Varint
{
    private const int LongestBytes = 10;

    /// <summary>
    /// Reads the varint that <paramref name="bytes"/> begin with, and returns how many of them it has; none when it does not end in them, or has more than ten.
    /// One of up to eight is put together without a branch that depends on how long it is.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Read(ReadOnlySpan<byte> bytes, out ulong value)
    {
        ulong word;
        if (bytes.Length >= sizeof(ulong))
        {
            word = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        }
        else if (bytes.Length >= sizeof(uint))
        {
            // The last four bytes may be some of the first.
            int tail = bytes.Length - sizeof(uint);
            word = BinaryPrimitives.ReadUInt32LittleEndian(bytes) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes[tail..]) << (8 * tail));
        }
        else
        {
            return ReadByBytes(bytes, out value);
        }
        int bits = BitOperations.TrailingZeroCount(~word & 0x8080_8080_8080_8080) + 1;
        if (bits > 8 * Math.Min(bytes.Length, sizeof(ulong)))
        {
            return ReadByBytes(bytes, out value);
        }
        value = Sevens(word & (ulong.MaxValue >> (64 - bits)));
        return bits >> 3;
    }

    /// <summary>The lower seven bits of each byte, side by side: of two, of four, of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Sevens(ulong word)
    {
        word = (word & 0x007F_007F_007F_007F) | ((word & 0x7F00_7F00_7F00_7F00) >> 1);
        word = (word & 0x0000_3FFF_0000_3FFF) | ((word & 0x3FFF_0000_3FFF_0000) >> 2);
        return (word & 0x0FFF_FFFF) | ((word & 0x0FFF_FFFF_0000_0000) >> 4);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadByBytes(ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (int index = 0; index < bytes.Length && index < LongestBytes; index++)
        {
            value |= (ulong)(bytes[index] & 0x7F) << (7 * index);
            if (bytes[index] < 0x80)
            {
                return index + 1;
            }
        }
        return 0;
    }
}
