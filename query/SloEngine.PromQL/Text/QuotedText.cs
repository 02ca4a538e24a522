using System.Buffers;
using System.Globalization;
using System.Text;

namespace SloEngine.PromQL.Text;

/// <summary>Text in quotes, escaped as Prometheus prints it.</summary>
public static class QuotedText
{
    /// <summary>The text in double quotes; it may have <see cref="LooseBytes"/>.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        for (int position = 0; position < text.Length;)
        {
            bool isText = Rune.DecodeFromUtf16(text.AsSpan(position), out Rune rune, out int length) == OperationStatus.Done;
            if (!isText && LooseBytes.Is(text[position], out byte loose))
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\x{loose:x2}");
            }
            else
            {
                Append(quoted, rune);
            }
            position += length;
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>A character in single quotes.</summary>
    public static string QuoteRune(Rune rune)
    {
        if (rune.Value == '\'')
        {
            return "'\\''";
        }
        if (rune.Value == '"')
        {
            return "'\"'";
        }
        var quoted = new StringBuilder("'");
        Append(quoted, rune);
        return quoted.Append('\'').ToString();
    }

    private static void Append(StringBuilder quoted, Rune rune)
    {
        switch (rune.Value)
        {
            case '"' or '\\':
                quoted.Append('\\').Append((char)rune.Value);
                break;
            case '\a':
                quoted.Append("\\a");
                break;
            case '\b':
                quoted.Append("\\b");
                break;
            case '\f':
                quoted.Append("\\f");
                break;
            case '\n':
                quoted.Append("\\n");
                break;
            case '\r':
                quoted.Append("\\r");
                break;
            case '\t':
                quoted.Append("\\t");
                break;
            case '\v':
                quoted.Append("\\v");
                break;
            default:
                if (IsPrintable(rune))
                {
                    quoted.Append(rune.ToString());
                }
                else
                {
                    string format = rune.Value < 0x80 ? "x" : rune.Value < 0x10000 ? "u" : "U";
                    int digits = format switch { "x" => 2, "u" => 4, _ => 8 };
                    string hexadecimal = rune.Value.ToString("x" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
                    quoted.Append('\\').Append(format).Append(hexadecimal);
                }
                break;
        }
    }

    /// <summary>The replacement character as it stands would be read as bytes that are no text.</summary>
    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || rune != Rune.ReplacementChar && Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
