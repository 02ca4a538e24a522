using System.Globalization;
using System.Text;

namespace SloEngine.PromQL.Syntax;

internal enum TokenKind
{
    End,
    Identifier,
    Number,
    Duration,
    Text,
    Symbol,
}

/// <summary>A token: identifiers and symbols by their text, numbers and durations by value (durations in milliseconds).</summary>
internal readonly record struct Token(TokenKind Kind, string Text, double Value, int Position);

/// <summary>Splits PromQL into tokens.</summary>
internal static class Lexer
{
    private static readonly string[] Symbols = ["=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", "[", "]", ",", ":", "@"];

    public static List<Token> Tokenize(string text)
    {
        var tokens = new List<Token>();
        int position = 0;
        int brackets = 0;
        while (true)
        {
            SkipSpaceAndComments(text, ref position);
            if (position >= text.Length)
            {
                tokens.Add(new Token(TokenKind.End, "end of input", 0, text.Length));
                return tokens;
            }
            char first = text[position];
            if (char.IsAsciiDigit(first) || (first == '.' && position + 1 < text.Length && char.IsAsciiDigit(text[position + 1])))
            {
                tokens.Add(Number(text, ref position));
            }
            else if (char.IsAsciiLetter(first) || first == '_' || (first == ':' && brackets == 0))
            {
                int start = position;
                while (position < text.Length && (char.IsAsciiLetterOrDigit(text[position]) || text[position] is '_' or ':'))
                {
                    position++;
                }
                tokens.Add(new Token(TokenKind.Identifier, text[start..position], 0, start));
            }
            else if (first is '"' or '\'' or '`')
            {
                tokens.Add(Quoted(text, ref position));
            }
            else
            {
                string symbol = Symbols.FirstOrDefault(candidate => text.AsSpan(position).StartsWith(candidate))
                    ?? throw new PromQLParseException($"unexpected character: '{first}'", position, text);
                brackets += symbol switch { "[" => 1, "]" => -1, _ => 0 };
                tokens.Add(new Token(TokenKind.Symbol, symbol, 0, position));
                position += symbol.Length;
            }
        }
    }

    private static void SkipSpaceAndComments(string text, ref int position)
    {
        while (position < text.Length && (char.IsWhiteSpace(text[position]) || text[position] == '#'))
        {
            if (text[position] == '#')
            {
                int end = text.IndexOf('\n', position);
                position = end < 0 ? text.Length : end;
            }
            else
            {
                position++;
            }
        }
    }

    private static Token Number(string text, ref int position)
    {
        int start = position;
        if (text[position] == '0' && position + 1 < text.Length && text[position + 1] is 'x' or 'X')
        {
            position += 2;
            while (position < text.Length && char.IsAsciiHexDigit(text[position]))
            {
                position++;
            }
            return ulong.TryParse(text.AsSpan(start + 2, position - start - 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong hex)
                ? new Token(TokenKind.Number, text[start..position], hex, start)
                : throw new PromQLParseException($"bad number or duration syntax: \"{text[start..position]}\"", start, text);
        }
        while (position < text.Length && (char.IsAsciiLetterOrDigit(text[position]) || text[position] is '.' or '_'
            || (text[position] is '+' or '-' && text[position - 1] is 'e' or 'E' && char.IsAsciiDigit(text[start]))))
        {
            position++;
        }
        string literal = text[start..position];
        if (double.TryParse(literal.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
        {
            return new Token(TokenKind.Number, literal, number, start);
        }
        return TryDuration(literal, out long milliseconds)
            ? new Token(TokenKind.Duration, literal, milliseconds, start)
            : throw new PromQLParseException($"bad number or duration syntax: \"{literal}\"", start, text);
    }

    /// <summary>Durations such as 1h30m: units y w d h m s ms, each once, from large to small.</summary>
    internal static bool TryDuration(string text, out long milliseconds)
    {
        ReadOnlySpan<(string Unit, long Ms)> units =
            [("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
        milliseconds = 0;
        int position = 0;
        int nextUnit = 0;
        while (position < text.Length)
        {
            int start = position;
            while (position < text.Length && char.IsAsciiDigit(text[position]))
            {
                position++;
            }
            if (position == start || !long.TryParse(text.AsSpan(start, position - start), NumberStyles.None, CultureInfo.InvariantCulture, out long amount))
            {
                return false;
            }
            int unitStart = position;
            while (position < text.Length && char.IsAsciiLetter(text[position]))
            {
                position++;
            }
            string unit = text[unitStart..position];
            int found = -1;
            for (int index = nextUnit; index < units.Length; index++)
            {
                if (units[index].Unit == unit)
                {
                    found = index;
                }
            }
            if (found < 0)
            {
                return false;
            }
            milliseconds += amount * units[found].Ms;
            nextUnit = found + 1;
        }
        return text.Length > 0;
    }

    private static Token Quoted(string text, ref int position)
    {
        int start = position;
        char quote = text[position++];
        var value = new StringBuilder();
        while (true)
        {
            if (position >= text.Length || (quote != '`' && text[position] == '\n'))
            {
                throw new PromQLParseException("unterminated quoted string", start, text);
            }
            char next = text[position++];
            if (next == quote)
            {
                return new Token(TokenKind.Text, value.ToString(), 0, start);
            }
            if (next != '\\' || quote == '`')
            {
                value.Append(next);
                continue;
            }
            value.Append(Escape(text, ref position, start));
        }
    }

    private static string Escape(string text, ref int position, int start)
    {
        char kind = position < text.Length ? text[position++] : '\0';
        int digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0 && position + digits <= text.Length
            && int.TryParse(text.AsSpan(position, digits), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int code) && Rune.IsValid(code))
        {
            position += digits;
            return char.ConvertFromUtf32(code);
        }
        return kind switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'a' => "\a",
            'b' => "\b",
            'f' => "\f",
            'v' => "\v",
            '\\' => "\\",
            '"' => "\"",
            '\'' => "'",
            _ => throw new PromQLParseException("unknown escape sequence", start, text),
        };
    }
}
