using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Query.Traces;

/// <summary>
/// The TraceQL that trace searches send: one spanset of conditions joined by <c>&amp;&amp;</c>, such as
/// <c>{ resource.service.name = "x" &amp;&amp; span.http.response.status_code >= 500 &amp;&amp; duration > 100ms }</c>. It becomes a condition on table spans.
/// </summary>
internal static partial class TraceQl
{
    /// <exception cref="FormatException">The text is no such query.</exception>
    public static string ToSql(string query, Dictionary<string, string> parameters)
    {
        string text = query.Trim();
        if (text.Length == 0 || text == "{}")
        {
            return "1";
        }
        if (!text.StartsWith('{') || !text.EndsWith('}'))
        {
            throw new FormatException($"'{query}' is not supported; expected one spanset such as {{ resource.service.name = \"checkout\" && status = error }}");
        }
        string inner = text[1..^1].Trim();
        if (inner.Length == 0 || inner == "true")
        {
            return "1";
        }
        var conditions = new List<string>();
        int position = 0;
        while (position < inner.Length)
        {
            Match match = ConditionPattern().Match(inner, position);
            if (!match.Success || match.Index != position)
            {
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"'{inner[position..]}' at offset {position + 1} is no condition; expected <field> <operator> <value>, joined by &&"));
            }
            conditions.Add(Condition(match.Groups["field"].Value, match.Groups["op"].Value, match.Groups["value"].Value, parameters));
            position = match.Index + match.Length;
        }
        return string.Join(" AND ", conditions);
    }

    /// <summary>A duration such as 100ms or 1.5s, in nanoseconds.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static long Nanoseconds(string text)
    {
        foreach ((string unit, double factor) in ((string, double)[])[("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)])
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.Float, CultureInfo.InvariantCulture, out double amount))
            {
                return (long)(amount * factor);
            }
        }
        return PromQLParser.TryParseDuration(text, out long milliseconds) ? milliseconds * 1_000_000
            : throw new FormatException($"'{text}' is no duration; expected such as 100ms or 2s");
    }

    [GeneratedRegex("""\G(?<field>[A-Za-z_.][A-Za-z0-9_.:/-]*)\s*(?<op>=~|!~|!=|>=|<=|=|>|<)\s*(?<value>"(?:[^"\\]|\\.)*"|`[^`]*`|[A-Za-z0-9_.µ+-]+)\s*(?:&&\s*|$)""", RegexOptions.CultureInvariant)]
    private static partial Regex ConditionPattern();

    private static string Condition(string field, string operation, string value, Dictionary<string, string> parameters)
    {
        bool quoted = value[0] is '"' or '`';
        string plain = quoted ? Unquoted(value) : value;
        switch (field)
        {
            case "duration" or "span:duration" or "traceDuration":
                return $"duration {Sql(operation)} {Nanoseconds(plain).ToString(CultureInfo.InvariantCulture)}";
            case "status" or "span:status":
                int code = Array.IndexOf(["unset", "ok", "error"], plain);
                return code >= 0 ? $"status_code {Sql(operation)} {code}" : throw new FormatException($"status '{plain}' is none of unset, ok, error");
            case "kind" or "span:kind":
                int kind = Array.IndexOf(["unspecified", "internal", "server", "client", "producer", "consumer"], plain);
                return kind >= 0 ? $"kind {Sql(operation)} {kind}" : throw new FormatException($"kind '{plain}' is none of internal, server, client, producer, consumer");
        }
        if (operation is "=~" or "!~" && !Re2.IsValid(plain))
        {
            throw new FormatException($"the pattern of {field} is not valid: {Re2.Explain(plain)}");
        }
        string name = string.Create(CultureInfo.InvariantCulture, $"t{parameters.Count}");
        parameters.Add(name, operation is "=~" or "!~" ? $"^(?:{plain})$" : plain);
        string text = $"{{{name}:String}}";
        string attribute = field.StartsWith("resource.", StringComparison.Ordinal) ? field[9..]
            : field.StartsWith("span.", StringComparison.Ordinal) ? field[5..] : field.TrimStart('.');
        string key = string.Create(CultureInfo.InvariantCulture, $"k{parameters.Count}");
        string expression;
        if (field is "name" or "span:name")
        {
            expression = "name";
        }
        else if (attribute == "service.name")
        {
            expression = "service";
        }
        else
        {
            parameters.Add(key, attribute);
            if (field.StartsWith("resource.", StringComparison.Ordinal))
            {
                return $"resource IN (SELECT id FROM resources WHERE {Compare($"attributes[{{{key}:String}}]", operation, text, quoted)})";
            }
            expression = $"attributes[{{{key}:String}}]";
        }
        return Compare(expression, operation, text, quoted);
    }

    /// <summary>Text without its quotes, and between double ones without escapes.</summary>
    private static string Unquoted(string value)
    {
        try
        {
            return value[0] == '`' ? value[1..^1] : Regex.Unescape(value[1..^1]);
        }
        catch (RegexParseException)
        {
            throw new FormatException($"{value} has an escape that is none; expected a backslash before n, t, a quote or a backslash");
        }
    }

    private static string Compare(string expression, string operation, string text, bool quoted) => operation switch
    {
        "=~" => $"match({expression}, {text})",
        "!~" => $"NOT match({expression}, {text})",
        "=" or "!=" => $"{expression} {operation} {text}",
        _ when quoted => $"{expression} {operation} {text}",
        _ => $"toFloat64OrNull({expression}) {operation} toFloat64OrNull({text})",
    };

    private static string Sql(string operation) => operation is "=~" or "!~" ? throw new FormatException($"{operation} compares text only") : operation;
}
