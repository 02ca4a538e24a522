using System.Globalization;
using System.Text;
using SloEngine.PromQL.Text;

namespace SloEngine.Rules.Templates;

/// <summary>Formats values as Go's <c>printf</c> does (pkg.go.dev/fmt); a verb that does not fit is told in the text, never an error.</summary>
internal static class GoFormat
{
    private const int DefaultDecimals = 6;
    private const int MaxWidth = 10_000;

    /// <summary>Replaces the verbs of a format by arguments.</summary>
    public static string Format(string format, IReadOnlyList<object?> arguments)
    {
        var text = new StringBuilder();
        int used = 0;
        int position = 0;
        while (position < format.Length)
        {
            int percent = format.IndexOf('%', position);
            if (percent < 0)
            {
                text.Append(format, position, format.Length - position);
                break;
            }
            text.Append(format, position, percent - position);
            position = percent + 1;
            Directive directive = Directive.Read(format, ref position);
            if (position >= format.Length)
            {
                text.Append("%!(NOVERB)");
                break;
            }
            char verb = format[position++];
            text.Append(verb == '%' ? "%"
                : used >= arguments.Count ? $"%!{verb}(MISSING)"
                : Padded(One(verb, directive, arguments[used++]), directive, verb));
        }
        if (used < arguments.Count)
        {
            IEnumerable<string> extra = arguments.Skip(used).Select(static value => $"{TemplateValue.TypeName(value)}={Plain(value)}");
            text.Append(CultureInfo.InvariantCulture, $"%!(EXTRA {string.Join(", ", extra)})");
        }
        return text.ToString();
    }

    private static string Plain(object? value) => value is null ? "<nil>" : TemplateValue.Print(value);

    private static string One(char verb, Directive directive, object? value)
    {
        if (verb == 'T')
        {
            return TemplateValue.TypeName(value);
        }
        if (verb == 'v' && value is not (double or long))
        {
            return Plain(value);
        }
        string? text = value switch
        {
            bool truth when verb == 't' => truth ? "true" : "false",
            double number => Float(verb, directive, number),
            long number => Whole(verb, directive, number),
            string or SafeHtml => Text(verb, directive, value.ToString()!),
            null => null,
            _ when verb == 's' => Plain(value),
            TemplateDuration duration when verb == 'd' => duration.Nanoseconds.ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
        return text ?? $"%!{verb}({(value is null ? "<nil>" : $"{TemplateValue.TypeName(value)}={Plain(value)}")})";
    }

    private static string? Float(char verb, Directive directive, double number)
    {
        string? text = verb switch
        {
            'f' or 'F' => GoNumber.Fixed(number, directive.Precision ?? DefaultDecimals),
            'e' or 'E' => GoNumber.Scientific(number, directive.Precision ?? DefaultDecimals),
            'g' or 'G' or 'v' => directive.Precision is { } precision ? GoNumber.General(number, precision) : NumberText.General(number),
            _ => null,
        };
        if (text is null)
        {
            return null;
        }
        text = verb is 'E' or 'G' ? text.Replace('e', 'E') : text;
        return directive.Signed(text);
    }

    private static string? Whole(char verb, Directive directive, long number) => verb switch
    {
        'd' or 'v' => directive.Signed(number.ToString(CultureInfo.InvariantCulture)),
        'x' => directive.Signed((number < 0 ? "-" : "") + Math.Abs((decimal)number).ToBase("x")),
        'X' => directive.Signed((number < 0 ? "-" : "") + Math.Abs((decimal)number).ToBase("X")),
        'b' => Convert.ToString(number, 2),
        'o' => Convert.ToString(number, 8),
        'c' => Rune.IsValid((int)number) ? new Rune((int)number).ToString() : "\uFFFD",
        'q' => Rune.IsValid((int)number) ? QuotedText.QuoteRune(new Rune((int)number)) : "'\uFFFD'",
        'U' => string.Create(CultureInfo.InvariantCulture, $"U+{number:X4}"),
        _ => null,
    };

    private static string ToBase(this decimal magnitude, string format) => ((ulong)magnitude).ToString(format, CultureInfo.InvariantCulture);

    private static string? Text(char verb, Directive directive, string text)
    {
        if (directive.Precision is { } precision)
        {
            text = string.Concat(text.EnumerateRunes().Take(precision).Select(static rune => rune.ToString()));
        }
        return verb switch
        {
            's' or 'v' => text,
            'q' => QuotedText.Quote(text),
            'x' => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text)),
            'X' => Convert.ToHexString(Encoding.UTF8.GetBytes(text)),
            _ => null,
        };
    }

    private static string Padded(string text, Directive directive, char verb)
    {
        int missing = directive.Width - text.EnumerateRunes().Count();
        if (missing <= 0)
        {
            return text;
        }
        if (directive.Left)
        {
            return text + new string(' ', missing);
        }
        bool zeros = directive.Zero && verb is not ('s' or 'q' or 't') && !text.EndsWith("Inf", StringComparison.Ordinal) && text != "NaN";
        if (!zeros)
        {
            return new string(' ', missing) + text;
        }
        return text[0] is '+' or '-' ? text[0] + new string('0', missing) + text[1..] : new string('0', missing) + text;
    }

    /// <summary>What stands between the percent sign and the verb.</summary>
    private readonly record struct Directive(bool Plus, bool Left, bool Zero, bool Space, int Width, int? Precision)
    {
        public static Directive Read(string format, ref int position)
        {
            (bool plus, bool left, bool zero, bool space) = (false, false, false, false);
            for (; position < format.Length && format[position] is '+' or '-' or '0' or ' ' or '#'; position++)
            {
                plus |= format[position] == '+';
                left |= format[position] == '-';
                zero |= format[position] == '0';
                space |= format[position] == ' ';
            }
            int width = Number(format, ref position);
            int? precision = null;
            if (position < format.Length && format[position] == '.')
            {
                position++;
                precision = Number(format, ref position);
            }
            return new Directive(plus, left, zero, space, width, precision);
        }

        public string Signed(string number) => number[0] is '-' or '+'
            ? number
            : Plus ? "+" + number : Space ? " " + number : number;

        private static int Number(string format, ref int position)
        {
            int number = 0;
            for (; position < format.Length && char.IsAsciiDigit(format[position]); position++)
            {
                number = Math.Min(MaxWidth, (number * 10) + format[position] - '0');
            }
            return number;
        }
    }
}
