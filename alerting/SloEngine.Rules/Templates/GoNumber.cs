using System.Globalization;
using System.Numerics;
using SloEngine.PromQL.Text;

namespace SloEngine.Rules.Templates;

/// <summary>
/// Floats with a given number of digits, as Go formats them: from the exact value, ties to even. (.NET rounds ties away from zero.)
/// </summary>
internal static class GoNumber
{
    private const int MantissaBits = 52;
    private const int MaxDigits = 1000;

    /// <summary><c>%.Nf</c></summary>
    public static string Fixed(double value, int decimals)
    {
        if (!double.IsFinite(value))
        {
            return NumberText.General(value);
        }
        decimals = Math.Min(decimals, MaxDigits);
        string digits = Scaled(value, decimals).ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        string sign = double.IsNegative(value) ? "-" : "";
        return decimals == 0 ? sign + digits : $"{sign}{digits[..^decimals]}.{digits[^decimals..]}";
    }

    /// <summary><c>%.Ne</c></summary>
    public static string Scientific(double value, int decimals)
    {
        if (!double.IsFinite(value))
        {
            return NumberText.General(value);
        }
        (string digits, int exponent) = Significant(value, Math.Min(decimals, MaxDigits) + 1);
        return Scientific(value, digits, exponent);
    }

    /// <summary><c>%.Ng</c></summary>
    public static string General(double value, int significant)
    {
        if (!double.IsFinite(value))
        {
            return NumberText.General(value);
        }
        significant = Math.Clamp(significant, 1, MaxDigits);
        (string digits, int exponent) = Significant(value, significant);
        digits = digits.TrimEnd('0');
        digits = digits.Length == 0 ? "0" : digits;
        if (exponent < -4 || exponent >= significant)
        {
            return Scientific(value, digits, exponent);
        }
        string sign = double.IsNegative(value) ? "-" : "";
        if (exponent < 0)
        {
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        }
        return digits.Length <= exponent + 1
            ? sign + digits.PadRight(exponent + 1, '0')
            : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    private static string Scientific(double value, string digits, int exponent)
    {
        string fraction = digits.Length > 1 ? "." + digits[1..] : "";
        string power = Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);
        return $"{(double.IsNegative(value) ? "-" : "")}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{power}";
    }

    /// <summary>So many digits, rounded, and the power of ten of the first.</summary>
    private static (string Digits, int Exponent) Significant(double value, int count)
    {
        if (value == 0)
        {
            return (new string('0', count), 0);
        }
        int exponent = (int)Math.Floor(Math.Log10(Math.Abs(value)));
        while (true)
        {
            string digits = Scaled(value, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length == count)
            {
                return (digits, exponent);
            }
            // The logarithm was off by one, or rounding gave a further digit.
            exponent += digits.Length > count ? 1 : -1;
        }
    }

    /// <summary>The magnitude times a power of ten, rounded to a whole number.</summary>
    private static BigInteger Scaled(double value, int power)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> MantissaBits) & 0x7FF);
        BigInteger mantissa = bits & ((1L << MantissaBits) - 1);
        if (exponent != 0)
        {
            mantissa += BigInteger.One << MantissaBits;
        }
        int shift = Math.Max(exponent, 1) - 1075;
        BigInteger numerator = mantissa * (shift > 0 ? BigInteger.One << shift : 1) * (power > 0 ? BigInteger.Pow(10, power) : 1);
        BigInteger denominator = (shift < 0 ? BigInteger.One << -shift : 1) * (power < 0 ? BigInteger.Pow(10, -power) : 1);
        BigInteger whole = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
        int order = (rest * 2).CompareTo(denominator);
        return order > 0 || (order == 0 && !whole.IsEven) ? whole + 1 : whole;
    }
}
