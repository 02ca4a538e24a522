using System.Globalization;
using System.Text;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Query.Logs;

/// <summary>A line filter of LogQL.</summary>
/// <param name="Operator"><c>|=</c>, <c>!=</c>, <c>|~</c> or <c>!~</c>.</param>
/// <param name="Text">Text or pattern.</param>
internal readonly record struct LineFilter(string Operator, string Text)
{
    public bool IsPattern => Operator is "|~" or "!~";
}

/// <summary>A log query: a stream selector and line filters (grafana.com/docs/loki/latest/query/log_queries).</summary>
/// <param name="Matchers">Conditions on stream labels.</param>
/// <param name="Filters">Conditions on lines.</param>
internal sealed record LogQuery(IReadOnlyList<LabelMatcher> Matchers, IReadOnlyList<LineFilter> Filters)
{
    private static readonly string[] Operators = ["|=", "!=", "|~", "!~"];

    /// <exception cref="FormatException">The text is no such query; the message says where and what is supported.</exception>
    public static LogQuery Parse(string text)
    {
        int close = SelectorEnd(text);
        IReadOnlyList<LabelMatcher> matchers;
        try
        {
            string selector = text[..(close + 1)].Trim();
            matchers = selector is "{}" ? [] : PromQLParser.ParseSelector(selector).Matchers;
        }
        catch (PromQLParseException wrong)
        {
            throw new FormatException(wrong.Message);
        }
        var filters = new List<LineFilter>();
        int position = close + 1;
        while (true)
        {
            while (position < text.Length && char.IsWhiteSpace(text[position]))
            {
                position++;
            }
            if (position >= text.Length)
            {
                return new LogQuery(matchers, filters);
            }
            string? sign = Operators.FirstOrDefault(candidate => text.AsSpan(position).StartsWith(candidate));
            if (sign is null)
            {
                throw new FormatException(string.Create(
                    CultureInfo.InvariantCulture, $"'{text[position..]}' at offset {position} is not supported; expected a line filter: |= \"text\", != \"text\", |~ \"pattern\" or !~ \"pattern\""));
            }
            position += sign.Length;
            int start = position;
            var filter = new LineFilter(sign, Quoted(text, ref position));
            if (filter.IsPattern && !Re2.IsValid(filter.Text))
            {
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"the pattern at offset {start} is not valid: {Re2.Explain(filter.Text)}"));
            }
            filters.Add(filter);
        }
    }

    private static int SelectorEnd(string text)
    {
        if (!text.TrimStart().StartsWith('{'))
        {
            throw new FormatException("a log query begins with a stream selector such as {service_name=\"checkout\"}");
        }
        char quote = '\0';
        for (int index = 0; index < text.Length; index++)
        {
            char letter = text[index];
            if (quote != '\0')
            {
                index += letter == '\\' && quote != '`' ? 1 : 0;
                quote = letter == quote ? '\0' : quote;
            }
            else if (letter is '"' or '`')
            {
                quote = letter;
            }
            else if (letter == '}')
            {
                return index;
            }
        }
        throw new FormatException("the stream selector is not closed: expected '}'");
    }

    private static string Quoted(string text, ref int position)
    {
        while (position < text.Length && char.IsWhiteSpace(text[position]))
        {
            position++;
        }
        if (position >= text.Length || text[position] is not ('"' or '`'))
        {
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"expected quoted text at offset {position}"));
        }
        char quote = text[position++];
        var value = new StringBuilder();
        for (; position < text.Length && text[position] != quote; position++)
        {
            if (quote == '"' && text[position] == '\\' && position + 1 < text.Length)
            {
                position++;
                value.Append(text[position] switch { 'n' => '\n', 't' => '\t', '"' => '"', '\\' => '\\', char other => "\\" + other });
            }
            else
            {
                value.Append(text[position]);
            }
        }
        if (position++ >= text.Length)
        {
            throw new FormatException("quoted text is not closed");
        }
        return value.ToString();
    }
}
