using System.Globalization;

namespace SloEngine.PromQL.Text;

/// <summary>Numbers as Prometheus writes them: the shortest digits that read back as the same value.</summary>
public static class NumberText
{
    /// <summary>Exponents from here on are written out in the general form; below it digits are plain.</summary>
    private const int GeneralDigits = 6;

    /// <summary>Plain digits, never an exponent, as values of results and labels are written.</summary>
    public static string Plain(double value) => Special(value) ?? Digits(value).Plain();

    /// <summary>Digits, with an exponent for very large and small numbers, as messages hold them.</summary>
    public static string General(double value)
    {
        if (Special(value) is { } special)
        {
            return special;
        }
        Decimal digits = Digits(value);
        return digits.Exponent is < -4 or >= GeneralDigits ? digits.Scientific() : digits.Plain();
    }

    /// <summary>At most so many significant digits, trailing zeros cut.</summary>
    public static string General(double value, int significant)
    {
        if (Special(value) is { } special)
        {
            return special;
        }
        string format = "E" + (significant - 1).ToString(CultureInfo.InvariantCulture);
        double rounded = double.Parse(value.ToString(format, CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        Decimal digits = Digits(rounded);
        return digits.Exponent < -4 || digits.Exponent >= significant ? digits.Scientific() : digits.Plain();
    }

    /// <summary>A float as OpenMetrics labels hold it: always with a point or an exponent.</summary>
    public static string OpenMetrics(double value)
    {
        if (Special(value) is { } special)
        {
            return special;
        }
        string text = General(value);
        return text.AsSpan().ContainsAny('.', 'e') ? text : text + ".0";
    }

    private static string? Special(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ when double.IsNaN(value) => "NaN",
        _ => null,
    };

    private static Decimal Digits(double value)
    {
        if (value == 0)
        {
            return new Decimal(double.IsNegative(value), "0", 0);
        }
        (ulong shortest, int power) = ShortestDecimal.Of(Math.Abs(value));
        string digits = shortest.ToString(CultureInfo.InvariantCulture);
        return new Decimal(value < 0, digits.TrimEnd('0'), digits.Length - 1 + power);
    }

    /// <summary>A sign, significant digits, and the power of ten of the first.</summary>
    private readonly record struct Decimal(bool Negative, string Significant, int Exponent)
    {
        public string Plain()
        {
            string sign = Negative ? "-" : "";
            if (Exponent < 0)
            {
                return $"{sign}0.{new string('0', -Exponent - 1)}{Significant}";
            }
            if (Significant.Length <= Exponent + 1)
            {
                return sign + Significant + new string('0', Exponent + 1 - Significant.Length);
            }
            return $"{sign}{Significant[..(Exponent + 1)]}.{Significant[(Exponent + 1)..]}";
        }

        public string Scientific()
        {
            string fraction = Significant.Length > 1 ? "." + Significant[1..] : "";
            string power = Math.Abs(Exponent).ToString("00", CultureInfo.InvariantCulture);
            return $"{(Negative ? "-" : "")}{Significant[0]}{fraction}e{(Exponent < 0 ? '-' : '+')}{power}";
        }
    }
}
