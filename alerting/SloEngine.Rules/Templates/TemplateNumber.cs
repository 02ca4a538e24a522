using System.Globalization;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Rules.Templates;

/// <summary>Constants of templates: whole numbers stay whole, as printing depends on it.</summary>
internal static class TemplateNumber
{
    public static bool TryParse(string text, out object value)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
        {
            value = whole;
            return true;
        }
        bool negative = digits.StartsWith('-');
        string unsigned = digits.TrimStart('+', '-');
        if (unsigned.Length > 2 && unsigned[0] == '0' && Base(unsigned[1]) is { } radix)
        {
            try
            {
                long magnitude = Convert.ToInt64(unsigned[2..], radix);
                value = negative ? -magnitude : magnitude;
                return true;
            }
            catch (Exception wrong) when (wrong is FormatException or OverflowException or ArgumentException)
            {
                // Not a whole number of that base: the text is tried as a float below.
            }
        }
        bool isFloat = char.IsAsciiDigit(unsigned.FirstOrDefault()) || unsigned.StartsWith('.');
        if (isFloat && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
        {
            value = number;
            return true;
        }
        value = 0L;
        return false;
    }

    private static int? Base(char mark) => mark switch { 'x' or 'X' => 16, 'o' or 'O' => 8, 'b' or 'B' => 2, _ => null };

    /// <summary>The content of a quoted text or character; null if an escape is wrong.</summary>
    public static string? Unquote(string quoted)
    {
        try
        {
            return PromQLParser.Parse(quoted) is StringLiteral literal ? literal.Value : null;
        }
        catch (PromQLParseException)
        {
            return null;
        }
    }
}
