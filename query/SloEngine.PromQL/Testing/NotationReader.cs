using System.Globalization;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Testing;

/// <summary>A position in a line of a script.</summary>
internal sealed class NotationReader(string text)
{
    public int Position { get; set; }

    public bool AtEnd => Position >= text.Length;

    public char Current => AtEnd ? '\0' : text[Position];

    public string Text => text;

    public bool Take(string expected)
    {
        if (!text.AsSpan(Position).StartsWith(expected))
        {
            return false;
        }
        Position += expected.Length;
        return true;
    }

    public void SkipSpace()
    {
        while (!AtEnd && Current is ' ' or '\t')
        {
            Position++;
        }
    }

    /// <summary>A run of letters, digits and underscores.</summary>
    public string Word()
    {
        int start = Position;
        while (char.IsAsciiLetterOrDigit(Current) || Current == '_')
        {
            Position++;
        }
        return text[start..Position];
    }

    /// <summary>A number with an optional sign; an x after digits begins a repetition, so there are no hexadecimal ones here.</summary>
    public double Number()
    {
        bool negative = Current == '-';
        if (Current is '+' or '-')
        {
            Position++;
        }
        int start = Position;
        if (char.IsAsciiLetter(Current))
        {
            string word = Word().ToLowerInvariant();
            // "infx3" is an infinity repeated.
            int repeat = word.IndexOf('x', StringComparison.Ordinal);
            if (repeat >= 0)
            {
                word = word[..repeat];
                Position = start + repeat;
            }
            double special = word switch { "inf" => double.PositiveInfinity, "nan" => double.NaN, _ => throw Unexpected(start, "series values") };
            return negative ? -special : special;
        }
        while (char.IsAsciiDigit(Current) || Current is '.' or '_' or 'e' or 'E' || (Current is '+' or '-' && text[Position - 1] is 'e' or 'E' && Position > start))
        {
            Position++;
        }
        string digits = text[start..Position].Replace("_", "", StringComparison.Ordinal);
        if (double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
        {
            return negative ? -value : value;
        }
        throw Unexpected(start, "series values");
    }

    public int Integer(string what)
    {
        int start = Position;
        if (Current == '-')
        {
            Position++;
        }
        while (char.IsAsciiDigit(Current))
        {
            Position++;
        }
        return int.TryParse(text.AsSpan(start, Position - start), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw Unexpected(start, what);
    }

    public PromQLParseException Unexpected(int position, string context) => new(
        position >= text.Length ? $"unexpected end of input in {context}" : $"unexpected \"{text[position]}\" in {context}", position, text);

    public PromQLParseException Wrong(string message, int position) => new(message, position, text);
}
