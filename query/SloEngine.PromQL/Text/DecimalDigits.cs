using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace SloEngine.PromQL.Text;

/// <summary>Decimal digits of whole numbers, eight at a time within one word: answers of range queries are made of little else.</summary>
public static class DecimalDigits
{
    /// <summary>Digits that <see cref="Print24"/> writes: more than any number of 64 bits has.</summary>
    public const int MostDigits = 24;

    private const uint EightDigits = 100_000_000;

    /// <summary>Eight digits of a number below 10^8, zeros in front, as ASCII; the first is the lowest byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Eight(uint number)
    {
        // Halves of four digits, then pairs, then single ones, each in half as many bits: the products divide by 100 and by 10.
        ulong halves = (number / 10_000) | ((ulong)(number % 10_000) << 32);
        ulong hundreds = ((halves * 10_486) >> 20) & 0x0000_007F_0000_007F;
        ulong pairs = hundreds | ((halves - (hundreds * 100)) << 16);
        ulong tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
        return (tens | ((pairs - (tens * 10)) << 8)) + 0x3030_3030_3030_3030;
    }

    /// <summary>Writes a number as <see cref="MostDigits"/> digits, zeros in front, and returns how many of the last ones it has without those.</summary>
    public static int Print24(ulong number, Span<byte> utf8)
    {
        (ulong upper, ulong low) = Math.DivRem(number, EightDigits);
        (ulong top, ulong middle) = Math.DivRem(upper, EightDigits);
        BinaryPrimitives.WriteUInt64LittleEndian(utf8, Eight((uint)top));
        BinaryPrimitives.WriteUInt64LittleEndian(utf8[8..], Eight((uint)middle));
        BinaryPrimitives.WriteUInt64LittleEndian(utf8[16..], Eight((uint)low));
        return top != 0 ? 16 + Count((uint)top) : middle != 0 ? 8 + Count((uint)middle) : Count((uint)low);
    }

    /// <summary>How many digits a number below 10^8 has; zero has one.</summary>
    private static int Count(uint number) =>
        number < 10_000
            ? number < 100 ? (number < 10 ? 1 : 2) : (number < 1_000 ? 3 : 4)
            : number < 1_000_000 ? (number < 100_000 ? 5 : 6) : (number < 10_000_000 ? 7 : 8);
}
