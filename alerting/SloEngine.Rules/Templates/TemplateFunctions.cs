using System.Collections;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.Rules.Templates;

/// <summary>A function that cannot answer; its caller adds the place.</summary>
internal sealed class TemplateFunctionException(string message) : Exception(message);

/// <summary>
/// Functions of templates: those of Go (pkg.go.dev/text/template, "Functions") and those of Prometheus
/// (prometheus.io/docs/prometheus/latest/configuration/template_reference).
/// </summary>
internal static class TemplateFunctions
{
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);
    private static readonly string[] LargePrefixes = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    private static readonly string[] SmallPrefixes = ["m", "u", "n", "p", "f", "a", "z", "y"];
    private static readonly string[] BinaryPrefixes = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

    /// <summary>Parameter types a letter each (s text, r result of a query, m sample, n number or text of one, a anything), * for any number.</summary>
    private static readonly Dictionary<string, (string Parameters, Func<TemplateEnvironment, object?[], object?> Apply)> Known = new(StringComparer.Ordinal)
    {
        ["query"] = ("s", static (environment, given) => environment.Query((string)given[0]!)),
        ["first"] = ("r", static (_, given) => ((QueryResult)given[0]!).Samples is [TemplateSample one, ..] ? one
            : throw new TemplateFunctionException("first() called on vector with no elements")),
        ["label"] = ("sm", static (_, given) => ((TemplateSample)given[1]!).Labels.GetValueOrDefault((string)given[0]!, "")),
        ["value"] = ("m", static (_, given) => ((TemplateSample)given[0]!).Value),
        ["strvalue"] = ("m", static (_, given) => ((TemplateSample)given[0]!).Labels.GetValueOrDefault("__value__", "")),
        ["sortByLabel"] = ("sr", static (_, given) => new QueryResult(
            [.. ((QueryResult)given[1]!).Samples.OrderBy(sample => sample.Labels.GetValueOrDefault((string)given[0]!, ""), StringComparer.Ordinal)])),
        ["args"] = ("*", static (_, given) => given.Select(static (value, index) => (value, index))
            .ToDictionary(static pair => string.Create(CultureInfo.InvariantCulture, $"arg{pair.index}"), static pair => pair.value, StringComparer.Ordinal)),
        ["reReplaceAll"] = ("sss", static (_, given) => ReplaceAll((string)given[0]!, (string)given[1]!, (string)given[2]!)),
        ["match"] = ("ss", static (_, given) => Compile((string)given[0]!, "").IsMatch((string)given[1]!)),
        ["safeHtml"] = ("s", static (_, given) => new SafeHtml((string)given[0]!)),
        ["title"] = ("s", static (_, given) => Title((string)given[0]!)),
        ["toUpper"] = ("s", static (_, given) => ((string)given[0]!).ToUpperInvariant()),
        ["toLower"] = ("s", static (_, given) => Lower((string)given[0]!)),
        ["graphLink"] = ("s", static (_, given) => $"/graph?g0.expr={QueryEscape((string)given[0]!)}&g0.tab=0"),
        ["tableLink"] = ("s", static (_, given) => $"/graph?g0.expr={QueryEscape((string)given[0]!)}&g0.tab=1"),
        ["urlQueryEscape"] = ("s", static (_, given) => QueryEscape((string)given[0]!)),
        ["stripPort"] = ("s", static (_, given) => SplitHostPort((string)given[0]!)?.Host ?? (string)given[0]!),
        ["stripDomain"] = ("s", static (_, given) => StripDomain((string)given[0]!)),
        ["humanize"] = ("n", static (_, given) => Humanize((double)given[0]!)),
        ["humanize1024"] = ("n", static (_, given) => Humanize1024((double)given[0]!)),
        ["humanizeDuration"] = ("n", static (_, given) => HumanizeDuration((double)given[0]!)),
        ["humanizePercentage"] = ("n", static (_, given) => GoNumber.General((double)given[0]! * 100, 4) + "%"),
        ["humanizeTimestamp"] = ("n", static (_, given) => double.IsFinite((double)given[0]!)
            ? ToTime((double)given[0]!).ToString() : GoNumber.General((double)given[0]!, 4)),
        ["toTime"] = ("n", static (_, given) => ToTime((double)given[0]!)),
        ["toDuration"] = ("n", static (_, given) => new TemplateDuration((long)((double)given[0]! * 1e9))),
        ["now"] = ("", static (environment, _) => environment.TimeMs / 1000.0),
        ["pathPrefix"] = ("", static (environment, _) => environment.ExternalUrl is { } url ? url.AbsolutePath.TrimEnd('/') : ""),
        ["externalURL"] = ("", static (environment, _) => environment.ExternalUrl?.OriginalString ?? ""),
        ["parseDuration"] = ("s", static (_, given) => ParseDuration((string)given[0]!)),
        ["and"] = ("a*", static (_, given) => Array.Find(given, static value => !TemplateValue.IsTrue(value)) is var found
            && given.Any(static value => !TemplateValue.IsTrue(value)) ? found : given[^1]),
        ["or"] = ("a*", static (_, given) => Array.Find(given, TemplateValue.IsTrue) ?? given[^1]),
        ["not"] = ("a", static (_, given) => !TemplateValue.IsTrue(given[0])),
        ["len"] = ("a", static (_, given) => (long)(TemplateValue.Length(given[0])
            ?? throw new TemplateFunctionException($"len of type {TemplateValue.TypeName(given[0])}"))),
        ["index"] = ("a*", static (_, given) => given.Skip(1).Aggregate(given[0], Index)),
        ["slice"] = ("a*", static (_, given) => Slice(given)),
        ["print"] = ("*", static (_, given) => Joined(given)),
        ["println"] = ("*", static (_, given) => string.Join(' ', given.Select(TemplateValue.Print)) + "\n"),
        ["printf"] = ("s*", static (_, given) => GoFormat.Format((string)given[0]!, given[1..])),
        ["html"] = ("*", static (_, given) => EscapeHtml(Joined(given))),
        ["js"] = ("*", static (_, given) => System.Text.Encodings.Web.JavaScriptEncoder.Default.Encode(Joined(given))),
        ["urlquery"] = ("*", static (_, given) => QueryEscape(Joined(given))),
        ["eq"] = ("aa*", static (_, given) => given.Skip(1).Any(other => Compare(given[0], other, forOrder: false) == 0)),
        ["ne"] = ("aa", static (_, given) => Compare(given[0], given[1], forOrder: false) != 0),
        ["lt"] = ("aa", static (_, given) => Compare(given[0], given[1], forOrder: true) is < 0 and > Unordered),
        ["le"] = ("aa", static (_, given) => Compare(given[0], given[1], forOrder: true) is <= 0 and > Unordered),
        ["gt"] = ("aa", static (_, given) => Compare(given[0], given[1], forOrder: true) > 0),
        ["ge"] = ("aa", static (_, given) => Compare(given[0], given[1], forOrder: true) >= 0),
    };

    /// <summary>What a comparison with NaN gives.</summary>
    private const int Unordered = -2;

    public static bool Exists(string name) => Known.ContainsKey(name);

    /// <summary>Types of the parameters, a letter each.</summary>
    public static string Parameters(string name) => Known[name].Parameters;

    /// <exception cref="TemplateFunctionException">It has no answer.</exception>
    public static object? Call(string name, TemplateEnvironment environment, object?[] arguments)
    {
        try
        {
            return Known[name].Apply(environment, arguments);
        }
        catch (RegexMatchTimeoutException)
        {
            throw new TemplateFunctionException("the pattern takes too long");
        }
    }

    /// <summary>A number, or a text that holds one.</summary>
    public static double ToFloat(object? value) => value switch
    {
        double number => number,
        long number => number,
        TemplateDuration duration => duration.Nanoseconds / 1e9,
        string text => ParseFloat(text) ?? throw new TemplateFunctionException($"strconv.ParseFloat: parsing {QuotedText.Quote(text)}: invalid syntax"),
        _ => throw new TemplateFunctionException($"can't convert {TemplateValue.TypeName(value)} to float"),
    };

    private static double? ParseFloat(string text)
    {
        bool negative = text.StartsWith('-');
        string unsigned = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
        if (unsigned.Equals("inf", StringComparison.OrdinalIgnoreCase) || unsigned.Equals("infinity", StringComparison.OrdinalIgnoreCase))
        {
            return negative ? double.NegativeInfinity : double.PositiveInfinity;
        }
        if (text.Equals("nan", StringComparison.OrdinalIgnoreCase))
        {
            return double.NaN;
        }
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(text, Style, CultureInfo.InvariantCulture, out double number) ? number : null;
    }

    private static string Humanize(double value)
    {
        if (value == 0 || !double.IsFinite(value))
        {
            return GoNumber.General(value, 4);
        }
        string prefix = "";
        if (Math.Abs(value) >= 1)
        {
            for (int index = 0; index < LargePrefixes.Length && Math.Abs(value) >= 1000; index++)
            {
                (prefix, value) = (LargePrefixes[index], value / 1000);
            }
            return GoNumber.General(value, 4) + prefix;
        }
        return Small(value);
    }

    private static string Small(double value)
    {
        string prefix = "";
        for (int index = 0; index < SmallPrefixes.Length && Math.Abs(value) < 1; index++)
        {
            (prefix, value) = (SmallPrefixes[index], value * 1000);
        }
        return GoNumber.General(value, 4) + prefix;
    }

    private static string Humanize1024(double value)
    {
        string prefix = "";
        for (int index = 0; index < BinaryPrefixes.Length && Math.Abs(value) >= 1024 && double.IsFinite(value); index++)
        {
            (prefix, value) = (BinaryPrefixes[index], value / 1024);
        }
        return GoNumber.General(value, 4) + prefix;
    }

    private static string HumanizeDuration(double value)
    {
        if (!double.IsFinite(value))
        {
            return GoNumber.General(value, 4);
        }
        if (value == 0 || Math.Abs(value) < 1)
        {
            return (value == 0 ? GoNumber.General(value, 4) : Small(value)) + "s";
        }
        string sign = value < 0 ? "-" : "";
        value = Math.Abs(value);
        long whole = value >= long.MaxValue ? long.MaxValue : (long)value;
        (long days, long hours, long minutes, long seconds) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
        return days != 0 ? string.Create(CultureInfo.InvariantCulture, $"{sign}{days}d {hours}h {minutes}m {seconds}s")
            : hours != 0 ? string.Create(CultureInfo.InvariantCulture, $"{sign}{hours}h {minutes}m {seconds}s")
            : minutes != 0 ? string.Create(CultureInfo.InvariantCulture, $"{sign}{minutes}m {seconds}s")
            : $"{sign}{GoNumber.General(value, 4)}s";
    }

    private static TemplateTime ToTime(double seconds)
    {
        if (!double.IsFinite(seconds))
        {
            throw new TemplateFunctionException("value is NaN or Inf");
        }
        double nanos = seconds * 1e9;
        if (nanos is > long.MaxValue or < long.MinValue)
        {
            throw new TemplateFunctionException($"{NumberText.General(seconds)} cannot be represented as a nanoseconds timestamp since it overflows int64");
        }
        // Times of Prometheus are whole milliseconds.
        long milliseconds = (long)nanos / 1_000_000;
        return new TemplateTime(milliseconds * 1_000_000);
    }

    private static double ParseDuration(string text)
    {
        bool negative = text.StartsWith('-');
        return Duration.TryParse(negative ? text[1..] : text, out long milliseconds, out string? wrong)
            ? (negative ? -milliseconds : milliseconds) / 1000.0
            : throw new TemplateFunctionException(wrong!);
    }

    private static Regex Compile(string pattern, string context)
    {
        try
        {
            return new Regex(Re2.Translate(pattern), RegexOptions.CultureInvariant, MatchTimeout);
        }
        catch (ArgumentException)
        {
            throw new TemplateFunctionException($"{context}error parsing regexp: {Re2.Explain(pattern)}");
        }
    }

    private static string ReplaceAll(string pattern, string replacement, string text)
    {
        int behind = -1;
        return Compile(pattern, $"regexp: Compile(`{pattern}`): ").Replace(text, match =>
        {
            // An empty match right behind the one before is none.
            bool counts = match.Length > 0 || match.Index != behind;
            behind = match.Index + match.Length;
            return counts ? Expand(replacement, match) : "";
        });
    }

    /// <summary>A replacement with its groups put in: $1, ${1}, $name, ${name}; $$ is a dollar sign.</summary>
    private static string Expand(string replacement, Match match)
    {
        var text = new System.Text.StringBuilder();
        for (int index = 0; index < replacement.Length; index++)
        {
            if (replacement[index] != '$' || index + 1 == replacement.Length)
            {
                text.Append(replacement[index]);
                continue;
            }
            bool braced = replacement[index + 1] == '{';
            int start = index + (braced ? 2 : 1);
            int end = start;
            while (end < replacement.Length && (replacement[end] == '_' || char.IsLetterOrDigit(replacement[end])))
            {
                end++;
            }
            bool named = end > start && (!braced || (end < replacement.Length && replacement[end] == '}'));
            if (replacement[index + 1] == '$')
            {
                index++;
            }
            if (!named)
            {
                text.Append('$');
                continue;
            }
            text.Append(match.Groups[replacement[start..end]].Value);
            index = braced ? end : end - 1;
        }
        return text.ToString();
    }

    private static string Title(string text)
    {
        char[] characters = text.ToCharArray();
        bool inside = false;
        for (int index = 0; index < characters.Length; index++)
        {
            if (!inside && char.IsLetter(characters[index]))
            {
                characters[index] = char.ToUpperInvariant(characters[index]);
            }
            inside = char.IsLetterOrDigit(characters[index]) || characters[index] is '_' || (inside && characters[index] is '\'' or '’' or '.');
        }
        return new string(characters);
    }

#pragma warning disable CA1308 // What it is for is lower case.
    private static string Lower(string text) => text.ToLowerInvariant();
#pragma warning restore CA1308

    private static string QueryEscape(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);

    internal static string EscapeHtml(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\"", "&#34;", StringComparison.Ordinal).Replace("'", "&#39;", StringComparison.Ordinal);

    /// <summary>Host and port; null if there is no port, or too many colons for a host without brackets.</summary>
    private static (string Host, string Port)? SplitHostPort(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon < 0)
        {
            return null;
        }
        string host = text[..colon];
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']', StringComparison.Ordinal);
            return end >= 0 && end + 1 == colon ? (text[1..end], text[(colon + 1)..]) : null;
        }
        return host.AsSpan().ContainsAny(':', '[', ']') ? null : (host, text[(colon + 1)..]);
    }

    private static string StripDomain(string text)
    {
        (string host, string port) = SplitHostPort(text) ?? (text, "");
        bool isAddress = host.AsSpan().ContainsAny('.', ':') && !host.Contains('[', StringComparison.Ordinal) && IPAddress.TryParse(host, out IPAddress? parsed)
            && (parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 || host.Count(static c => c == '.') == 3);
        if (isAddress)
        {
            return text;
        }
        host = host.Split('.')[0];
        return port.Length == 0 ? host : host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
    }

    /// <summary>Values one after the other, with a space between two of which neither is a text.</summary>
    private static string Joined(object?[] values)
    {
        var text = new System.Text.StringBuilder();
        for (int index = 0; index < values.Length; index++)
        {
            if (index > 0 && values[index] is not string && values[index - 1] is not string)
            {
                text.Append(' ');
            }
            text.Append(values[index] is null ? "<nil>" : TemplateValue.Print(values[index]));
        }
        return text.ToString();
    }

    private static object? Index(object? of, object? key) => (of, key) switch
    {
        (IReadOnlyDictionary<string, string> map, string name) => map.GetValueOrDefault(name, ""),
        (IReadOnlyDictionary<string, object?> map, string name) => map.GetValueOrDefault(name),
        (QueryResult result, long position) => InRange(position, result.Samples.Count) ? result.Samples[(int)position] : null,
        (string text, long position) => InRange(position, text.Length) ? (long)text[(int)position] : null,
        (IList list, long position) => InRange(position, list.Count) ? list[(int)position] : null,
        (null, _) => throw new TemplateFunctionException("index of untyped nil"),
        _ => throw new TemplateFunctionException($"cannot index {TemplateValue.TypeName(of)} with {TemplateValue.TypeName(key)}"),
    };

    private static bool InRange(long position, int count) => position >= 0 && position < count
        ? true : throw new TemplateFunctionException(string.Create(CultureInfo.InvariantCulture, $"index out of range: {position}"));

    private static object Slice(object?[] given)
    {
        int length = TemplateValue.Length(given[0]) ?? throw new TemplateFunctionException($"can't slice item of type {TemplateValue.TypeName(given[0])}");
        long from = given.Length > 1 && given[1] is long first ? first : 0;
        long to = given.Length > 2 && given[2] is long last ? last : length;
        if (from < 0 || to > length || from > to)
        {
            throw new TemplateFunctionException(string.Create(CultureInfo.InvariantCulture, $"index out of range: {(from < 0 || from > length ? from : to)}"));
        }
        Range range = (int)from..(int)to;
        return given[0] switch
        {
            string text => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text).AsSpan(range)),
            QueryResult result => new QueryResult([.. result.Samples.Skip((int)from).Take((int)(to - from))]),
            IList list => list.Cast<object?>().Skip((int)from).Take((int)(to - from)).ToArray(),
            _ => throw new TemplateFunctionException($"can't slice item of type {TemplateValue.TypeName(given[0])}"),
        };
    }

    private static int Compare(object? left, object? right, bool forOrder) => (left, right) switch
    {
        (long first, long second) => first.CompareTo(second),
        (double first, double second) => double.IsNaN(first) || double.IsNaN(second) ? Unordered : first.CompareTo(second),
        (string first, string second) => Math.Sign(string.CompareOrdinal(first, second)),
        (bool first, bool second) when !forOrder => first == second ? 0 : 1,
        (null, null) when !forOrder => 0,
        (null, _) or (_, null) when !forOrder => 1,
        (bool, bool) or (null, _) or (_, null) => throw new TemplateFunctionException("invalid type for comparison"),
        _ => throw new TemplateFunctionException("incompatible types for comparison"),
    };
}
