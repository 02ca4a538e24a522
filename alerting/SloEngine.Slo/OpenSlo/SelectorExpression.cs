using System.Text;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>
/// Reads the PromQL shapes that compile to taps: a selector, alone or inside <c>sum</c> and <c>rate</c>, <c>increase</c> or <c>irate</c>.
/// A metric that ends in <c>_bucket</c> with an <c>le</c> matcher, or in <c>_count</c>, may be a part of a histogram.
/// </summary>
internal static class SelectorExpression
{
    private const string Shapes =
        "supported are a selector such as http_requests_total{code!~\"5..\"}, alone or inside sum(...), rate(...[5m]) or increase(...[5m])";

    /// <exception cref="FormatException">The expression has another shape; the message says where and what is supported.</exception>
    public static MetricMeasure Parse(string expression)
    {
        string text = expression.Trim();
        while (TryUnwrap(ref text, "sum") || TryUnwrap(ref text, "rate") || TryUnwrap(ref text, "increase") || TryUnwrap(ref text, "irate"))
        {
        }
        int position = 0;
        string metric = Name(text, ref position, allowColon: true);
        var matchers = new List<Matcher>();
        if (position < text.Length && text[position] == '{')
        {
            position++;
            ReadMatchers(text, ref position, matchers);
        }
        if (position < text.Length)
        {
            throw new FormatException($"'{text[position..]}' is not understood; {Shapes}");
        }
        Matcher? named = matchers.Find(matcher => matcher is { Label: "__name__", Comparison: "=" });
        if (metric.Length == 0 && named is not null)
        {
            metric = named.Value;
            matchers.Remove(named);
        }
        if (metric.Length == 0)
        {
            throw new FormatException($"the expression has no metric name; {Shapes}");
        }
        return Measure(metric, matchers);
    }

    private static MetricMeasure Measure(string metric, List<Matcher> matchers)
    {
        if (metric.EndsWith("_bucket", StringComparison.Ordinal))
        {
            Matcher? bound = matchers.Find(matcher => matcher is { Label: "le", Comparison: "=" });
            string name = metric[..^"_bucket".Length];
            if (bound is null)
            {
                throw new FormatException($"{metric} needs a matcher le=\"<bound>\"");
            }
            matchers.Remove(bound);
            if (bound.Value is "+Inf" or "Inf")
            {
                return new MetricMeasure(name, matchers, MetricPart.Count);
            }
            return double.TryParse(bound.Value, System.Globalization.CultureInfo.InvariantCulture, out double threshold)
                ? new MetricMeasure(name, matchers, MetricPart.AtOrBelow, threshold)
                : throw new FormatException($"le=\"{bound.Value}\" is no number");
        }
        return metric.EndsWith("_count", StringComparison.Ordinal)
            ? new MetricMeasure(metric[..^"_count".Length], matchers, MetricPart.Count)
            : new MetricMeasure(metric, matchers, MetricPart.Increase);
    }

    private static bool TryUnwrap(ref string text, string function)
    {
        if (!text.StartsWith(function, StringComparison.Ordinal) || text[^1] != ')' || !text[function.Length..].TrimStart().StartsWith('('))
        {
            return false;
        }
        string inner = text[(text.IndexOf('(', StringComparison.Ordinal) + 1)..^1].Trim();
        if (function != "sum")
        {
            int range = inner.LastIndexOf('[');
            if (range < 0 || inner[^1] != ']')
            {
                throw new FormatException($"{function}() needs a range such as [5m]; {Shapes}");
            }
            inner = inner[..range].Trim();
        }
        text = inner;
        return true;
    }

    private static string Name(string text, ref int position, bool allowColon)
    {
        int start = position;
        while (position < text.Length && (char.IsAsciiLetterOrDigit(text[position]) || text[position] == '_' || (allowColon && text[position] == ':')))
        {
            position++;
        }
        return text[start..position];
    }

    private static void ReadMatchers(string text, ref int position, List<Matcher> matchers)
    {
        while (true)
        {
            SkipSpace(text, ref position);
            if (position < text.Length && text[position] == '}')
            {
                position++;
                SkipSpace(text, ref position);
                return;
            }
            string label = Name(text, ref position, allowColon: false);
            SkipSpace(text, ref position);
            string rest = text[position..];
            string? comparison = ((string[])["=~", "!~", "!=", "="]).FirstOrDefault(sign => rest.StartsWith(sign, StringComparison.Ordinal));
            if (label.Length == 0 || comparison is null)
            {
                throw new FormatException($"'{rest}' is no matcher; expected label=\"value\" (or !=, =~, !~) or '}}'");
            }
            position += comparison.Length;
            SkipSpace(text, ref position);
            matchers.Add(Matcher(label, comparison, Quoted(text, ref position)));
            SkipSpace(text, ref position);
            if (position < text.Length && text[position] == ',')
            {
                position++;
            }
        }
    }

    private static Matcher Matcher(string label, string comparison, string value)
    {
        try
        {
            return new Matcher(label, comparison, value);
        }
        catch (ArgumentException bad)
        {
            throw new FormatException($"the pattern \"{value}\" of label {label} is not valid: {bad.Message}");
        }
    }

    private static string Quoted(string text, ref int position)
    {
        if (position >= text.Length || text[position] is not ('"' or '\''))
        {
            throw new FormatException("a label value is to stand in quotes");
        }
        char quote = text[position++];
        var value = new StringBuilder();
        while (position < text.Length && text[position] != quote)
        {
            if (text[position] == '\\' && position + 1 < text.Length)
            {
                position++;
                value.Append(text[position] switch { 'n' => '\n', 't' => '\t', char other => other });
            }
            else
            {
                value.Append(text[position]);
            }
            position++;
        }
        if (position >= text.Length)
        {
            throw new FormatException("a label value is not closed");
        }
        position++;
        return value.ToString();
    }

    private static void SkipSpace(string text, ref int position)
    {
        while (position < text.Length && char.IsWhiteSpace(text[position]))
        {
            position++;
        }
    }
}
