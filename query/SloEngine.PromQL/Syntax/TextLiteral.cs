using System.Globalization;
using System.Text;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Texts in quotes: double and single ones with escapes, back quotes without.</summary>
internal static class TextLiteral
{
    /// <summary>Goes to behind the closing quote; returns what is wrong, or null.</summary>
    public static string? Scan(string text, ref int position, char quote)
    {
        position++;
        while (position < text.Length)
        {
            char next = text[position++];
            if (next == quote)
            {
                return null;
            }
            if (next == '\uFFFD' || (char.IsSurrogate(next) && !IsPair(text, position - 1)))
            {
                return "invalid UTF-8 rune";
            }
            if (char.IsHighSurrogate(next))
            {
                position++;
            }
            if (quote == '`')
            {
                continue;
            }
            if (next == '\n')
            {
                return "unterminated quoted string";
            }
            if (next == '\\' && ScanEscape(text, ref position, quote) is { } wrong)
            {
                return wrong;
            }
        }
        return quote == '`' ? "unterminated raw string" : "unterminated quoted string";
    }

    /// <summary>The text that a scanned literal stands for, with U+FFFD for bytes of escapes that are no UTF-8: what the store has for them.</summary>
    public static string Read(string literal) => LooseBytes.Replace(ReadBytes(literal));

    /// <summary>The same with such bytes as <see cref="LooseBytes"/> has them.</summary>
    public static string ReadBytes(string literal)
    {
        string inner = literal[1..^1];
        if (literal[0] == '`' || !inner.Contains('\\', StringComparison.Ordinal))
        {
            return inner;
        }
        // Escapes may give single bytes, so text is put together from bytes.
        var bytes = new MemoryStream();
        int position = 0;
        while (position < inner.Length)
        {
            int escape = inner.IndexOf('\\', position);
            int end = escape < 0 ? inner.Length : escape;
            bytes.Write(Encoding.UTF8.GetBytes(inner[position..end]));
            position = end;
            if (escape >= 0)
            {
                position++;
                ReadEscape(inner, ref position, bytes);
            }
        }
        return LooseBytes.Decode(bytes.ToArray());
    }

    private static string? ScanEscape(string text, ref int position, char quote)
    {
        if (position >= text.Length)
        {
            return "escape sequence not terminated";
        }
        char kind = text[position++];
        if (kind == quote || "abfnrtv\\".Contains(kind, StringComparison.Ordinal))
        {
            return null;
        }
        (int digits, int radix, uint most) = kind switch
        {
            >= '0' and <= '7' => (3, 8, 255u),
            'x' => (2, 16, 255u),
            'u' => (4, 16, 0x10FFFFu),
            'U' => (8, 16, 0x10FFFFu),
            _ => (0, 0, 0u),
        };
        if (digits == 0)
        {
            position--;
            Rune.DecodeFromUtf16(text.AsSpan(position), out Rune rune, out _);
            return $"unknown escape sequence U+{rune.Value:X4} '{rune}'";
        }
        position -= radix == 8 ? 1 : 0;
        uint value = 0;
        for (int digit = 0; digit < digits; digit++, position++)
        {
            if (position >= text.Length)
            {
                return "escape sequence not terminated";
            }
            int amount = char.IsAsciiHexDigit(text[position]) ? Convert.ToInt32(text[position].ToString(), 16) : 16;
            if (amount >= radix)
            {
                Rune.DecodeFromUtf16(text.AsSpan(position), out Rune rune, out _);
                return $"illegal character U+{rune.Value:X4} '{rune}' in escape sequence";
            }
            value = (value * (uint)radix) + (uint)amount;
        }
        return value > most || value is >= 0xD800 and < 0xE000 ? "escape sequence is an invalid Unicode code point" : null;
    }

    private static void ReadEscape(string inner, ref int position, MemoryStream bytes)
    {
        char kind = inner[position++];
        switch (kind)
        {
            case 'x':
                bytes.WriteByte((byte)Hex(inner, ref position, 2));
                break;
            case 'u' or 'U':
                int code = Hex(inner, ref position, kind == 'u' ? 4 : 8);
                bytes.Write(Encoding.UTF8.GetBytes(Rune.IsValid(code) ? new Rune(code).ToString() : "\uFFFD"));
                break;
            case >= '0' and <= '7':
                bytes.WriteByte((byte)Convert.ToInt32(inner.Substring(position - 1, 3), 8));
                position += 2;
                break;
            default:
                bytes.WriteByte((byte)(kind switch { 'a' => '\a', 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', 'v' => '\v', _ => kind }));
                break;
        }
    }

    private static int Hex(string inner, ref int position, int digits)
    {
        int value = int.Parse(inner.AsSpan(position, digits), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        position += digits;
        return value;
    }

    private static bool IsPair(string text, int position) =>
        char.IsHighSurrogate(text[position]) && position + 1 < text.Length && char.IsLowSurrogate(text[position + 1]);
}
