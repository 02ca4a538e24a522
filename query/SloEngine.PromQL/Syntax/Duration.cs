using System.Globalization;
using System.Text;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Durations such as 1h30m: units y w d h m s ms, each at most once, from large to small.</summary>
public static class Duration
{
    /// <summary>The most a duration may span: what fits in 64 bits of nanoseconds.</summary>
    internal const long MaxMs = long.MaxValue / 1_000_000;

    private static readonly (string Unit, long Ms, bool IfExact)[] Units =
    [
        ("y", 31_536_000_000, true), ("w", 604_800_000, true), ("d", 86_400_000, false), ("h", 3_600_000, false), ("m", 60_000, false),
        ("s", 1_000, false), ("ms", 1, false),
    ];

    /// <summary>Reads a duration; 0 needs no unit.</summary>
    /// <param name="text">Text.</param>
    /// <param name="milliseconds">The duration.</param>
    /// <param name="wrong">What is wrong with the text, or null.</param>
    public static bool TryParse(string text, out long milliseconds, out string? wrong)
    {
        milliseconds = 0;
        wrong = text.Length == 0 ? "empty duration string" : null;
        if (text.Length == 0 || text == "0")
        {
            return wrong is null;
        }
        int position = 0;
        int nextUnit = 0;
        while (position < text.Length && wrong is null)
        {
            int start = position;
            while (position < text.Length && char.IsAsciiDigit(text[position]))
            {
                position++;
            }
            int unitStart = position;
            while (position < text.Length && !char.IsAsciiDigit(text[position]) && text[position] != '.')
            {
                position++;
            }
            wrong = Add(text, start, unitStart, position, ref nextUnit, ref milliseconds);
        }
        return wrong is null;
    }

    private static string? Add(string text, int start, int unitStart, int end, ref int nextUnit, ref long milliseconds)
    {
        string unit = text[unitStart..end];
        ReadOnlySpan<char> digits = text.AsSpan(start, unitStart - start);
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long amount) || unit.Length == 0)
        {
            return $"not a valid duration string: {QuotedText.Quote(text)}";
        }
        int found = Array.FindIndex(Units, candidate => candidate.Unit == unit);
        if (found < 0)
        {
            return $"unknown unit {QuotedText.Quote(unit)} in duration {QuotedText.Quote(text)}";
        }
        if (found < nextUnit)
        {
            return $"not a valid duration string: {QuotedText.Quote(text)}";
        }
        nextUnit = found + 1;
        if (amount > (MaxMs - milliseconds) / Units[found].Ms)
        {
            return "duration out of range";
        }
        milliseconds += amount * Units[found].Ms;
        return null;
    }

    /// <summary>The duration in the largest units; years and weeks only if nothing is left.</summary>
    public static string Print(long milliseconds)
    {
        if (milliseconds == 0)
        {
            return "0s";
        }
        var text = new StringBuilder(milliseconds < 0 ? "-" : "");
        long rest = Math.Abs(milliseconds);
        foreach ((string unit, long size, bool ifExact) in Units)
        {
            if (ifExact && rest % size != 0)
            {
                continue;
            }
            if (rest / size > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{rest / size}{unit}");
                rest %= size;
            }
        }
        return text.ToString();
    }
}
