using System.Text;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Functions that change or order series by their labels.</summary>
internal static class LabelFunctions
{
    public static StepVector Replace(StepVector vector, Call call, LabelAliases aliases)
    {
        string[] texts = Texts(call, 1);
        (string destination, string replacement, string source, string pattern) = (texts[0], texts[1], texts[2], texts[3]);
        Regex regex;
        try
        {
            regex = new Regex($"^(?s:{Re2.Translate(pattern)})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (ArgumentException)
        {
            throw Wrong($"invalid regular expression in label_replace(): {pattern}");
        }
        CheckName(destination, "destination", "label_replace");
        return Change(vector, destination, labels =>
        {
            Match match = regex.Match(aliases.Of(labels, source));
            return match.Success ? Expand(replacement, match) : null;
        });
    }

    public static StepVector Join(StepVector vector, Call call, LabelAliases aliases)
    {
        string[] texts = Texts(call, 1);
        (string destination, string separator, string[] sources) = (texts[0], texts[1], texts[2..]);
        foreach (string source in sources)
        {
            CheckName(source, "source", "label_join");
        }
        CheckName(destination, "destination", "label_join");
        return Change(vector, destination, labels => string.Join(separator, sources.Select(source => aliases.Of(labels, source))));
    }

    /// <summary>Orders by labels, numbers in them by value.</summary>
    public static StepVector Sort(StepVector vector, Call call, LabelAliases aliases, bool descending)
    {
        string[] names = Texts(call, 1);
        int Compare(StepSeries left, StepSeries right)
        {
            foreach (string name in names)
            {
                int order = NaturalOrder.Compare(aliases.Of(left.Labels, name), aliases.Of(right.Labels, name));
                if (order != 0)
                {
                    return order;
                }
            }
            return left.Labels.CompareTo(right.Labels);
        }
        List<StepSeries> sorted = [.. vector.Series];
        sorted.Sort((left, right) => descending ? Compare(right, left) : Compare(left, right));
        return new StepVector(sorted);
    }

    private static StepVector Change(StepVector vector, string destination, Func<Labels, string?> change)
    {
        var merger = new SeriesMerger();
        foreach (StepSeries series in vector.Series)
        {
            string? value = change(series.Labels);
            merger.Add(value is null ? series
                : series.With(series.Labels.With(destination, value), destination != Labels.MetricName && series.DropName));
        }
        return new StepVector(merger.Series);
    }

    private static string[] Texts(Call call, int first) => [.. call.Arguments.Skip(first).Select(argument => ((StringLiteral)argument).Value)];

    private static void CheckName(string name, string role, string function)
    {
        if (name.Length == 0)
        {
            throw Wrong($"invalid {role} label name in {function}(): {name}");
        }
    }

    private static PromQLEvaluationException Wrong(string message) => new(QueryFailure.Execution, message);

    /// <summary>A replacement with <c>$1</c>, <c>${name}</c> and <c>$$</c>; a name is the longest run of letters, digits and underscores.</summary>
    private static string Expand(string template, Match match)
    {
        var expanded = new StringBuilder();
        int position = 0;
        while (position < template.Length)
        {
            int dollar = template.IndexOf('$', position);
            if (dollar < 0)
            {
                expanded.Append(template, position, template.Length - position);
                break;
            }
            expanded.Append(template, position, dollar - position);
            position = dollar + 1;
            if (position < template.Length && template[position] == '$')
            {
                expanded.Append('$');
                position++;
                continue;
            }
            bool braced = position < template.Length && template[position] == '{';
            int start = braced ? position + 1 : position;
            int end = start;
            while (end < template.Length && (char.IsLetterOrDigit(template[end]) || template[end] == '_'))
            {
                end++;
            }
            bool valid = end > start && (!braced || (end < template.Length && template[end] == '}'));
            if (!valid)
            {
                expanded.Append('$');
                continue;
            }
            expanded.Append(match.Groups[template[start..end]].Value);
            position = braced ? end + 1 : end;
        }
        return expanded.ToString();
    }
}
