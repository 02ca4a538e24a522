using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Tables;

/// <summary>
/// How the table <c>samples</c> keeps values: as decimal fractions, <c>number / 10^scale</c>, where that is the value to the bit, as with most of what senders mean;
/// else as the bits of the IEEE 754 number, under the scale <see cref="Bits"/>. The differences of neighbours, which are what is kept, are then short.
/// </summary>
public static class SampleValue
{
    /// <summary>The scale of numbers that are the bits of their value.</summary>
    public const byte Bits = 255;

    /// <summary>Decimal places that are tried: digits that any Float64 keeps (DBL_DIG of C).</summary>
    private const byte MaxScale = 15;

    /// <summary>Those up to 10^22 are exact, so that a quotient is the value nearest to its fraction (Clinger, How to read floating point numbers accurately, 1990).</summary>
    private static readonly double[] PowersOfTen = [.. Enumerable.Range(0, byte.MaxValue + 1).Select(static exponent => double.Parse($"1e{exponent}", CultureInfo.InvariantCulture))];

    /// <summary>The values of numbers, each under its scale.</summary>
    public static void Decode(ReadOnlySpan<long> numbers, ReadOnlySpan<byte> scales, Span<double> values)
    {
        for (int start = 0; start < numbers.Length;)
        {
            byte scale = scales[start];
            int length = scales[start..numbers.Length].IndexOfAnyExcept(scale);
            length = length < 0 ? numbers.Length - start : length;
            Decode(numbers.Slice(start, length), scale, values.Slice(start, length));
            start += length;
        }
    }

    /// <summary>The number of a value, in the decimal places that its series has had, or else in as many as it takes; as its bits, once there was a value that has no such number.</summary>
    /// <param name="value">The value.</param>
    /// <param name="ofSeries">The scale of the series' numbers so far; 0 before its first. A value that is no number, infinite or -0 leaves it.</param>
    /// <param name="scale">The scale of the number.</param>
    internal static long Encode(double value, ref byte ofSeries, out byte scale)
    {
        scale = ofSeries;
        if (scale != Bits)
        {
            if (IsDecimal(value, scale, out long number))
            {
                return number;
            }
            scale = Bits;
            if (double.IsFinite(value) && value != 0)
            {
                while (++ofSeries <= MaxScale)
                {
                    if (IsDecimal(value, ofSeries, out number))
                    {
                        scale = ofSeries;
                        return number;
                    }
                }
                ofSeries = Bits;
            }
        }
        return BitConverter.DoubleToInt64Bits(value);
    }

    /// <summary>Whether the value is a whole number, which is then its number under the scale 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsWhole(double value, out long number)
    {
        number = double.ConvertToIntegerNative<long>(value);
        return BitConverter.DoubleToInt64Bits(number) == BitConverter.DoubleToInt64Bits(value);
    }

    private static bool IsDecimal(double value, byte scale, out long number)
    {
        double power = PowersOfTen[scale];
        number = double.ConvertToIntegerNative<long>(Math.Round(value * power));
        return BitConverter.DoubleToInt64Bits(number / power) == BitConverter.DoubleToInt64Bits(value);
    }

    private static void Decode(ReadOnlySpan<long> numbers, byte scale, Span<double> values)
    {
        switch (scale)
        {
            case 0:
                for (int index = 0; index < numbers.Length; index++)
                {
                    values[index] = numbers[index];
                }
                break;
            case Bits:
                MemoryMarshal.Cast<long, double>(numbers).CopyTo(values);
                break;
            default:
                double power = PowersOfTen[scale];
                for (int index = 0; index < numbers.Length; index++)
                {
                    values[index] = numbers[index] / power;
                }
                break;
        }
    }
}
