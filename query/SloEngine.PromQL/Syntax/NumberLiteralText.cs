using System.Globalization;

namespace SloEngine.PromQL.Syntax;

/// <summary>Numbers as expressions hold them: decimal, hexadecimal, octal, with exponents and underscores.</summary>
internal static class NumberLiteralText
{
    public static bool TryParse(string text, out double value)
    {
        value = 0;
        bool negative = text.StartsWith('-');
        string digits = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
        if (digits.Length == 0)
        {
            return false;
        }
        if (TryInteger(digits, out long integer))
        {
            value = negative ? -integer : integer;
            return true;
        }
        switch (digits.ToLowerInvariant())
        {
            case "inf" or "infinity":
                value = negative ? double.NegativeInfinity : double.PositiveInfinity;
                return true;
            case "nan":
                value = double.NaN;
                return true;
            default:
                bool wellFormed = char.IsAsciiDigit(digits[0]) || digits[0] == '.';
                bool separated = !digits.EndsWith('_') && !digits.Contains("__", StringComparison.Ordinal);
                string plain = digits.Replace("_", "", StringComparison.Ordinal);
                const NumberStyles Float = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
                bool read = double.TryParse(plain, Float, CultureInfo.InvariantCulture, out value) && separated;
                value = negative ? -value : value;
                return wellFormed && read && !double.IsInfinity(value);
        }
    }

    /// <summary>Why a text that looks like a number is none.</summary>
    public static string Problem(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsInfinity(value)
            ? "value out of range"
            : "invalid syntax";

    /// <summary>Integers may have a prefix for their base, a leading zero for octal, and underscores between digits.</summary>
    private static bool TryInteger(string text, out long value)
    {
        value = 0;
        string lower = text.ToLowerInvariant();
        (int radix, string digits) = lower.StartsWith("0x", StringComparison.Ordinal) ? (16, lower[2..])
            : lower.StartsWith("0b", StringComparison.Ordinal) ? (2, lower[2..])
            : lower.StartsWith("0o", StringComparison.Ordinal) ? (8, lower[2..])
            : lower.Length > 1 && lower[0] == '0' ? (8, lower[1..])
            : (10, lower);
        if (digits.EndsWith('_') || digits.Length == 0 || digits.Contains("__", StringComparison.Ordinal) || (radix == 10 && digits[0] == '_'))
        {
            return false;
        }
        foreach (char digit in digits)
        {
            if (digit == '_')
            {
                continue;
            }
            int amount = char.IsAsciiHexDigit(digit) ? Convert.ToInt32(digit.ToString(), 16) : 99;
            if (amount >= radix || value > (long.MaxValue - amount) / radix)
            {
                return false;
            }
            value = (value * radix) + amount;
        }
        return true;
    }
}
