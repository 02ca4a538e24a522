using System.Text;

namespace SloEngine.PromQL.Series;

/// <summary>Patterns of RE2 as patterns of .NET, where the two differ.</summary>
internal static class Re2
{
    /// <summary>The pattern for .NET: RE2's escaped punctuation, <c>\z</c>, named groups and quoted parts.</summary>
    public static string Translate(string pattern)
    {
        if (!pattern.AsSpan().ContainsAny('\\', 'P'))
        {
            return pattern;
        }
        var translated = new StringBuilder(pattern.Length);
        for (int index = 0; index < pattern.Length; index++)
        {
            if (pattern.AsSpan(index).StartsWith("(?P<"))
            {
                translated.Append("(?<");
                index += "(?P<".Length - 1;
            }
            else if (pattern[index] == '\\' && index + 1 < pattern.Length)
            {
                index = Escape(pattern, index, translated);
            }
            else
            {
                translated.Append(pattern[index]);
            }
        }
        return translated.ToString();
    }

    private static int Escape(string pattern, int index, StringBuilder translated)
    {
        char next = pattern[index + 1];
        if (next == 'Q')
        {
            int end = pattern.IndexOf("\\E", index, StringComparison.Ordinal);
            string quoted = end < 0 ? pattern[(index + 2)..] : pattern[(index + 2)..end];
            translated.Append(System.Text.RegularExpressions.Regex.Escape(quoted));
            return end < 0 ? pattern.Length : end + 1;
        }
        if (next == '_' || (char.IsAscii(next) && !char.IsAsciiLetterOrDigit(next) && !"\\^$.|?*+()[]{}-#".Contains(next, StringComparison.Ordinal)))
        {
            translated.Append(next);
        }
        else if (next == 'd' || next == 'w' || next == 's')
        {
            // RE2's classes are those of ASCII.
            bool inSet = translated.ToString().LastIndexOf('[') > translated.ToString().LastIndexOf(']');
            string set = next switch { 'd' => "0-9", 'w' => "0-9A-Za-z_", _ => "\\t\\n\\f\\r " };
            translated.Append(inSet ? set : $"[{set}]");
        }
        else
        {
            translated.Append('\\').Append(next);
        }
        return index + 1;
    }

    /// <summary>What RE2 says about a pattern that is not valid.</summary>
    public static string Explain(string pattern)
    {
        int depth = 0;
        for (int index = 0; index < pattern.Length; index++)
        {
            switch (pattern[index])
            {
                case '\\':
                    index++;
                    if (index >= pattern.Length)
                    {
                        return "trailing backslash at end of expression: ``";
                    }
                    break;
                case '[':
                    int end = pattern.IndexOf(']', Math.Min(pattern.Length, index + 2));
                    if (end < 0)
                    {
                        return $"missing closing ]: `{pattern[index..]}`";
                    }
                    index = end;
                    break;
                case '(':
                    depth++;
                    break;
                case ')':
                    if (--depth < 0)
                    {
                        return $"unexpected ): `{pattern}`";
                    }
                    break;
                case '*' or '+' or '?' when index == 0 || pattern[index - 1] is '(' or '|':
                    return $"missing argument to repetition operator: `{pattern[index]}`";
                default:
                    break;
            }
        }
        return depth > 0 ? $"missing closing ): `{pattern}`" : $"invalid escape sequence: `{pattern}`";
    }
}
