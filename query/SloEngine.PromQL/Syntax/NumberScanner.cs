namespace SloEngine.PromQL.Syntax;

/// <summary>Finds where numbers and durations end. On failure the position is left behind the character that did not fit, as messages show it.</summary>
internal static class NumberScanner
{
    private const string Decimal = "0123456789";
    private const string Hexadecimal = "0123456789abcdefABCDEF";

    public static bool TryScan(string text, ref int position)
    {
        int start = position;
        string digits = Decimal;
        if (Accept(text, ref position, "0") && Accept(text, ref position, "xX"))
        {
            Accept(text, ref position, "_");
            digits = Hexadecimal;
        }
        Accept(text, ref position, ".");
        Accept(text, ref position, digits);
        bool point = false;
        bool exponent = false;
        while (position < text.Length && (digits.Contains(text[position], StringComparison.Ordinal) || text[position] is '.' or '_' or 'e' or 'E'))
        {
            char next = text[position];
            if (digits.Contains(next, StringComparison.Ordinal) && !(digits == Decimal && next is 'e' or 'E'))
            {
                position++;
                continue;
            }
            position++;
            bool wrong = next switch
            {
                '.' => point || Accept(text, ref position, "_.") || digits == Hexadecimal,
                '_' => Accept(text, ref position, "._eE") || position >= text.Length,
                _ => exponent || AfterExponent(text, ref position),
            };
            if (wrong)
            {
                return false;
            }
            point |= next == '.';
            exponent |= next is 'e' or 'E';
        }
        return position > start && !IsWord(text, position);
    }

    /// <summary>Goes on behind a number that is followed by a unit.</summary>
    public static bool TryScanDuration(string text, ref int position)
    {
        if (!Accept(text, ref position, "smhdwy"))
        {
            return false;
        }
        // For ms; units such as hs are found out when the duration is read.
        Accept(text, ref position, "s");
        while (Accept(text, ref position, Decimal))
        {
            while (Accept(text, ref position, Decimal))
            {
            }
            if (!Accept(text, ref position, "smhdw"))
            {
                return false;
            }
            Accept(text, ref position, "s");
        }
        if (!IsWord(text, position))
        {
            return true;
        }
        position++;
        return false;
    }

    private static bool AfterExponent(string text, ref int position)
    {
        Accept(text, ref position, "+-");
        return Accept(text, ref position, "._eE") || position >= text.Length;
    }

    private static bool Accept(string text, ref int position, string valid)
    {
        if (position >= text.Length || !valid.Contains(text[position], StringComparison.Ordinal))
        {
            return false;
        }
        position++;
        return true;
    }

    private static bool IsWord(string text, int position) =>
        position < text.Length && (char.IsAsciiLetterOrDigit(text[position]) || text[position] == '_');
}
