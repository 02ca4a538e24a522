using System.Text;

namespace SloEngine.PromQL.Text;

/// <summary>Values of samples as the HTTP API of Prometheus writes them.</summary>
public static class SampleText
{
    /// <summary>Bytes that a value needs at most: its text has less than thirty, and what is behind them may be written to.</summary>
    public const int MostBytes = 64;

    private const double SmallestPlain = 1e-6;
    private const double LargestPlain = 1e21;

    /// <summary>The shortest digits that read back as the same value; an exponent only for very large and very small numbers.</summary>
    public static string Print(double value)
    {
        Span<byte> utf8 = stackalloc byte[MostBytes];
        return Encoding.ASCII.GetString(utf8[..Print(value, utf8)]);
    }

    /// <summary>The same in UTF-8.</summary>
    /// <param name="value">The value.</param>
    /// <param name="utf8">Takes the text: <see cref="MostBytes"/> at least.</param>
    /// <returns>Bytes of the text.</returns>
    public static int Print(double value, Span<byte> utf8)
    {
        double size = Math.Abs(value);
        if (!double.IsFinite(value) || (size is < SmallestPlain or >= LargestPlain && size != 0))
        {
            return Encoding.ASCII.GetBytes(Special(value), utf8);
        }
        int length = 0;
        if (double.IsNegative(value))
        {
            utf8[length++] = (byte)'-';
        }
        if (size == 0)
        {
            utf8[length++] = (byte)'0';
            return length;
        }
        (ulong shortest, int power) = ShortestDecimal.Of(size);
        Span<byte> padded = stackalloc byte[2 * DecimalDigits.MostDigits];
        int count = DecimalDigits.Print24(shortest, padded);
        // All copies are of as many bytes, which takes less time than as many as there are: the rest is written over, or not counted.
        Span<byte> digits = padded[(DecimalDigits.MostDigits - count)..];
        int point = count + power;
        while (digits[count - 1] == '0')
        {
            count--;
        }
        if (point <= 0)
        {
            "0.000000"u8.CopyTo(utf8[length..]);
            length += 2 - point;
            Copy(digits, utf8[length..]);
            return length + count;
        }
        Copy(digits, utf8[length..]);
        length += point;
        if (point >= count)
        {
            utf8[(length - point + count)..length].Fill((byte)'0');
            return length;
        }
        utf8[length++] = (byte)'.';
        Copy(digits[point..], utf8[length..]);
        return length + count - point;
    }

    private static void Copy(ReadOnlySpan<byte> from, Span<byte> to) => from[..DecimalDigits.MostDigits].CopyTo(to);

    /// <summary>A bound of a classic histogram as its label <c>le</c> holds it: always a float, 1.0 rather than 1.</summary>
    public static string PrintBound(double bound) => NumberText.OpenMetrics(bound);

    private static string Special(double value)
    {
        if (!double.IsFinite(value))
        {
            return NumberText.Plain(value);
        }
        string text = NumberText.General(value);
        // One digit of an exponent is enough: e-7 rather than e-07.
        return text[^2] == '0' && text[^3] is '+' or '-' ? text[..^2] + text[^1] : text;
    }
}
