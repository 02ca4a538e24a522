using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SloEngine.PromQL.Series;

/// <summary>Patterns of RE2 as patterns of .NET, where the two differ.</summary>
public static class Re2
{
    private static readonly Dictionary<string, string> PosixClasses = new(StringComparer.Ordinal)
    {
        ["alnum"] = "0-9A-Za-z",
        ["alpha"] = "A-Za-z",
        ["ascii"] = "\\x00-\\x7F",
        ["blank"] = "\\t ",
        ["cntrl"] = "\\x00-\\x1F\\x7F",
        ["digit"] = "0-9",
        ["graph"] = "!-~",
        ["lower"] = "a-z",
        ["print"] = " -~",
        ["punct"] = "!-/:-@\\[-`{-~",
        ["space"] = "\\t\\n\\v\\f\\r ",
        ["upper"] = "A-Z",
        ["word"] = "0-9A-Za-z_",
        ["xdigit"] = "0-9A-Fa-f",
    };

    /// <summary>The pattern for .NET: named groups, quoted parts, ASCII classes and escapes have another form there.</summary>
    public static string Translate(string pattern)
    {
        if (!pattern.AsSpan().ContainsAny("\\[P$"))
        {
            return pattern;
        }
        var translated = new StringBuilder(pattern.Length + 8);
        bool inSet = false;
        for (int index = 0; index < pattern.Length; index++)
        {
            char next = pattern[index];
            if (next == '\\' && index + 1 < pattern.Length)
            {
                index = Escape(pattern, index, translated, inSet);
            }
            else if (inSet)
            {
                index = InSet(pattern, index, translated, ref inSet);
            }
            else if (next == '[')
            {
                index = OpenSet(pattern, index, translated);
                inSet = true;
            }
            else if (pattern.AsSpan(index).StartsWith("(?P<"))
            {
                translated.Append("(?<");
                index += "(?P<".Length - 1;
            }
            else
            {
                // An end is that of the text, not that of a last line before it.
                translated.Append(next == '$' ? "\\z" : next.ToString());
            }
        }
        return translated.ToString();
    }

    /// <summary>The beginning of a set: a bracket right behind it belongs to it.</summary>
    private static int OpenSet(string pattern, int index, StringBuilder translated)
    {
        translated.Append('[');
        if (index + 1 < pattern.Length && pattern[index + 1] == '^')
        {
            translated.Append('^');
            index++;
        }
        if (index + 1 < pattern.Length && pattern[index + 1] == ']')
        {
            translated.Append("\\]");
            index++;
        }
        return index;
    }

    private static int InSet(string pattern, int index, StringBuilder translated, ref bool inSet)
    {
        int end = pattern.AsSpan(index).StartsWith("[:") ? pattern.IndexOf(":]", index, StringComparison.Ordinal) : -1;
        if (end > 0 && PosixClasses.TryGetValue(pattern[(index + 2)..end], out string? members))
        {
            translated.Append(members);
            return end + 1;
        }
        inSet = pattern[index] != ']';
        // A set within a set is one of .NET's own: here the bracket stands for itself.
        translated.Append(pattern[index] == '[' ? "\\[" : pattern[index].ToString());
        return index;
    }

    private static int Escape(string pattern, int index, StringBuilder translated, bool inSet)
    {
        char next = pattern[index + 1];
        switch (next)
        {
            case 'Q':
                int end = pattern.IndexOf("\\E", index, StringComparison.Ordinal);
                translated.Append(Regex.Escape(end < 0 ? pattern[(index + 2)..] : pattern[(index + 2)..end]));
                return end < 0 ? pattern.Length : end + 1;
            case 'd' or 'w' or 's':
                string set = next switch { 'd' => "0-9", 'w' => "0-9A-Za-z_", _ => "\\t\\n\\f\\r " };
                translated.Append(inSet ? set : $"[{set}]");
                return index + 1;
            case 'D' or 'W' or 'S' when !inSet:
                translated.Append(next switch { 'D' => "[^0-9]", 'W' => "[^0-9A-Za-z_]", _ => "[^\\t\\n\\f\\r ]" });
                return index + 1;
            case 'p' or 'P' when index + 2 < pattern.Length && pattern[index + 2] != '{':
                translated.Append('\\').Append(next).Append('{').Append(pattern[index + 2]).Append('}');
                return index + 2;
            case 'x' when index + 2 < pattern.Length && pattern[index + 2] == '{':
                int close = pattern.IndexOf('}', index);
                ReadOnlySpan<char> digits = pattern.AsSpan(index + 3, Math.Max(0, close - index - 3));
                bool valid = int.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int code);
                translated.Append(valid && code <= char.MaxValue ? $"\\u{code:X4}" : valid && Rune.IsValid(code) ? new Rune(code).ToString() : "\\x{");
                return close < 0 ? index + 2 : close;
            default:
                bool punctuation = char.IsAscii(next) && !char.IsAsciiLetterOrDigit(next);
                translated.Append(punctuation ? $"\\x{(int)next:X2}" : $"\\{next}");
                return index + 1;
        }
    }

    /// <summary>Whether a pattern is valid.</summary>
    public static bool IsValid(string pattern)
    {
        try
        {
            LabelPattern.Of(new LabelMatcher("", MatchKind.Regex, pattern));
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
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
