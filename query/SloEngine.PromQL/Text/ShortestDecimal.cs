using System.Numerics;
using System.Runtime.CompilerServices;

namespace SloEngine.PromQL.Text;

/// <summary>
/// The decimal with the fewest digits that reads back as a double; of several the nearest one. By Schubfach (R. Giulietti, "The Schubfach way to render doubles",
/// 2020): one power of ten and three products of 64 by 128 bits, whatever the value. Answers of range queries are made of such numbers; the framework's "R"
/// takes more than twice as long for the sixteen digits of a rate, and at some powers of two, such as 2^-958, its digits are those of another double.
/// </summary>
internal static class ShortestDecimal
{
    private const int FractionBits = 52;
    private const ulong ImpliedBit = 1UL << FractionBits;
    private const int LeastExponent = -1074;
    private const int SmallestPower = -292;
    private const int LargestPower = 324;

    /// <summary>Powers of ten from the smallest on, of each the 128 most significant bits, rounded up.</summary>
    private static readonly (ulong High, ulong Low)[] s_powers = [.. Enumerable.Range(SmallestPower, LargestPower - SmallestPower + 1).Select(Power)];

    /// <summary>Digits and the power of ten of the last of them.</summary>
    /// <param name="value">A finite number above zero.</param>
    /// <returns>The value is near <c>Digits</c> times ten to <c>Exponent</c>; digits may end with zeros.</returns>
    public static (ulong Digits, int Exponent) Of(double value)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(value);
        ulong fraction = bits & (ImpliedBit - 1);
        int biased = (int)(bits >> FractionBits);
        (ulong significand, int exponent) = biased == 0 ? (fraction, LeastExponent) : (fraction | ImpliedBit, biased + LeastExponent - 1);
        if (exponent is <= 0 and > -FractionBits - 1 && (significand & ((1UL << -exponent) - 1)) == 0)
        {
            return (significand >> -exponent, 0);
        }
        return Of(significand, exponent, isBinadeStart: fraction == 0 && biased > 1);
    }

    /// <param name="significand">The double is this times two to the exponent.</param>
    /// <param name="exponent">Power of two.</param>
    /// <param name="isBinadeStart">Whether the next smaller double is half as far away as the next larger one.</param>
    private static (ulong Digits, int Exponent) Of(ulong significand, int exponent, bool isBinadeStart)
    {
        // Bounds of what reads back as the value, in quarters; they belong to it when the significand is even.
        ulong excluded = significand & 1;
        ulong center = significand << 2;
        ulong lower = center - (isBinadeStart ? 1UL : 2UL);
        ulong upper = center + 2;
        int power = isBinadeStart ? FloorLog10OfThreeQuartersOfPowerOf2(exponent) : FloorLog10OfPowerOf2(exponent);
        int shift = exponent + FloorLog2OfPowerOf10(-power) + 1;
        (ulong, ulong) scale = s_powers[-power - SmallestPower];
        center = RoundToOdd(scale, center << shift);
        lower = RoundToOdd(scale, lower << shift) + excluded;
        upper = RoundToOdd(scale, upper << shift) - excluded;

        ulong digits = center >> 2;
        if (digits >= 10)
        {
            ulong shorter = digits / 10;
            bool isBelowIn = lower <= 40 * shorter;
            bool isAboveIn = 40 * (shorter + 1) <= upper;
            if (isBelowIn != isAboveIn)
            {
                return (isBelowIn ? shorter : shorter + 1, power + 1);
            }
        }
        bool isDownIn = lower <= 4 * digits;
        bool isUpIn = 4 * (digits + 1) <= upper;
        if (isDownIn != isUpIn)
        {
            return (isDownIn ? digits : digits + 1, power);
        }
        ulong middle = (4 * digits) + 2;
        return (center > middle || (center == middle && (digits & 1) != 0) ? digits + 1 : digits, power);
    }

    /// <summary>The product without its 128 lowest bits; the lowest that is left is set when those were not all zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong RoundToOdd((ulong High, ulong Low) power, ulong value)
    {
        ulong dropped = Math.BigMul(power.Low, value, out _);
        ulong high = Math.BigMul(power.High, value, out ulong low);
        low += dropped;
        high += low < dropped ? 1UL : 0UL;
        return high | (low > 1 ? 1UL : 0UL);
    }

    private static int FloorLog10OfPowerOf2(int exponent) => (exponent * 1262611) >> 22;

    private static int FloorLog10OfThreeQuartersOfPowerOf2(int exponent) => ((exponent * 1262611) - 524031) >> 22;

    private static int FloorLog2OfPowerOf10(int exponent) => (exponent * 1741647) >> 19;

    private static (ulong High, ulong Low) Power(int exponent)
    {
        int shift = 127 - FloorLog2OfPowerOf10(exponent);
        var power = BigInteger.Pow(10, Math.Abs(exponent));
        BigInteger bits = exponent < 0 ? ((BigInteger.One << shift) / power) + 1
            : shift >= 0 ? power << shift
            : (power >> -shift) + ((power & ((BigInteger.One << -shift) - 1)).IsZero ? 0 : 1);
        return ((ulong)(bits >> 64), (ulong)(bits & ulong.MaxValue));
    }
}
