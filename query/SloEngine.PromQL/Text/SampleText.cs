using System.Globalization;
using System.Text;

namespace SloEngine.PromQL.Text;

/// <summary>Values of samples as the HTTP API of Prometheus writes them.</summary>
public static class SampleText
{
    /// <summary>Bytes that a value takes at most.</summary>
    public const int MostBytes = 32;

    private const double SmallestPlain = 1e-6;
    private const double LargestPlain = 1e21;

    /// <summary>The shortest digits that read back as the same value; an exponent only for very large and very small numbers.</summary>
    public static string Print(double value)
    {
        double size = Math.Abs(value);
        if (!double.IsFinite(value) || size == 0 || (size >= SmallestPlain && size < LargestPlain))
        {
            return NumberText.Plain(value);
        }
        string text = NumberText.General(value);
        // One digit of an exponent is enough: e-7 rather than e-07.
        return text[^2] == '0' && text[^3] is '+' or '-' ? text[..^2] + text[^1] : text;
    }

    /// <summary>The same in UTF-8.</summary>
    /// <param name="value">The value.</param>
    /// <param name="utf8">Takes the text; <see cref="MostBytes"/> are enough.</param>
    /// <returns>Bytes of the text.</returns>
    public static int Print(double value, Span<byte> utf8)
    {
        // In most of the range the shortest round trip of .NET has no exponent, and then it is the text.
        return double.IsFinite(value) && value.TryFormat(utf8, out int written, "R", CultureInfo.InvariantCulture) && !utf8[..written].Contains((byte)'E')
            ? written
            : Encoding.ASCII.GetBytes(Print(value), utf8);
    }

    /// <summary>A bound of a classic histogram as its label <c>le</c> holds it: always a float, 1.0 rather than 1.</summary>
    public static string PrintBound(double bound) => NumberText.OpenMetrics(bound);
}
