using System.Globalization;
using System.Text;

namespace SloEngine.Otlp.Loki;

/// <summary>Texts as Go's <c>strconv.Quote</c> writes them (go.dev/ref/spec, "String literals").</summary>
internal static class GoText
{
    /// <summary>What stands between the quotes; null when an escape is none of Go's. Bytes that are no UTF-8 become U+FFFD.</summary>
    public static string? Unquote(ReadOnlySpan<char> inner)
    {
        if (!inner.Contains('\\'))
        {
            return inner.ToString();
        }
        // Escapes may give single bytes of a character.
        var bytes = new MemoryStream();
        while (!inner.IsEmpty)
        {
            int escape = inner.IndexOf('\\');
            bytes.Write(Encoding.UTF8.GetBytes(inner[..(escape < 0 ? inner.Length : escape)].ToString()));
            inner = escape < 0 ? default : inner[(escape + 1)..];
            if (escape >= 0 && !TryEscape(ref inner, bytes))
            {
                return null;
            }
        }
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static bool TryEscape(ref ReadOnlySpan<char> rest, MemoryStream bytes)
    {
        if (rest.IsEmpty)
        {
            return false;
        }
        char kind = rest[0];
        if ("abfnrtv\\\"'".IndexOf(kind, StringComparison.Ordinal) is >= 0 and int at)
        {
            bytes.WriteByte((byte)"\a\b\f\n\r\t\v\\\"'"[at]);
            rest = rest[1..];
            return true;
        }
        int digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, >= '0' and <= '7' => 3, _ => 0 };
        bool isOctal = kind is >= '0' and <= '7';
        int start = isOctal ? 0 : 1;
        if (digits == 0 || rest.Length < start + digits || !TryNumber(rest.Slice(start, digits), isOctal, out uint value))
        {
            return false;
        }
        rest = rest[(start + digits)..];
        if (isOctal || kind == 'x')
        {
            bytes.WriteByte((byte)value);
            return value <= byte.MaxValue;
        }
        bytes.Write(Encoding.UTF8.GetBytes(Rune.IsValid(value) ? new Rune(value).ToString() : "\uFFFD"));
        return Rune.IsValid(value);
    }

    private static bool TryNumber(ReadOnlySpan<char> digits, bool isOctal, out uint value)
    {
        if (!isOctal)
        {
            return uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        }
        value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7')
            {
                return false;
            }
            value = (value * 8) + (uint)(digit - '0');
        }
        return true;
    }
}
