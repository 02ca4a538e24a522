using System.Collections;
using System.Globalization;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Text;

namespace SloEngine.Rules.Templates;

/// <summary>Text that is not to be escaped.</summary>
internal sealed record SafeHtml(string Text)
{
    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>A sample as templates see it.</summary>
internal sealed record TemplateSample(IReadOnlyDictionary<string, string> Labels, object Value);

/// <summary>What <c>query</c> gives.</summary>
internal sealed class QueryResult(IReadOnlyList<TemplateSample> samples)
{
    public IReadOnlyList<TemplateSample> Samples { get; } = samples;
}

/// <summary>What values of templates are to Go: its names of types, its truth, its way of printing.</summary>
internal static class TemplateValue
{
    public static string TypeName(object? value) => value switch
    {
        null => "<nil>",
        string => "string",
        bool => "bool",
        long => "int",
        double => "float64",
        SafeHtml => "template.HTML",
        TemplateSample => "*template.sample",
        QueryResult => "template.queryResult",
        TemplateTime => "*time.Time",
        TemplateDuration => "*time.Duration",
        FloatHistogram => "*histogram.FloatHistogram",
        IReadOnlyDictionary<string, string> => "map[string]string",
        IReadOnlyDictionary<string, object?> => "map[string]interface {}",
        AlertTemplateData => "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }",
        IList => "[]interface {}",
        _ => value.GetType().Name,
    };

    public static bool IsTrue(object? value) => value switch
    {
        null => false,
        bool truth => truth,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        SafeHtml html => html.Text.Length > 0,
        _ => Length(value) is not 0,
    };

    /// <summary>Number of elements; null for what has none.</summary>
    public static int? Length(object? value) => value switch
    {
        string text => System.Text.Encoding.UTF8.GetByteCount(text),
        QueryResult result => result.Samples.Count,
        IReadOnlyDictionary<string, string> map => map.Count,
        IReadOnlyDictionary<string, object?> map => map.Count,
        IList list => list.Count,
        _ => null,
    };

    /// <summary>A value as an action prints it.</summary>
    public static string Print(object? value) => value switch
    {
        null => "<no value>",
        string text => text,
        bool truth => truth ? "true" : "false",
        double number => NumberText.General(number),
        long number => number.ToString(CultureInfo.InvariantCulture),
        TemplateSample sample => $"&{{{Print(sample.Labels)} {Print(sample.Value)}}}",
        QueryResult result => $"[{string.Join(' ', result.Samples.Select(Print))}]",
        IReadOnlyDictionary<string, string> map => Map(map.Select(static pair => (pair.Key, (object?)pair.Value))),
        IReadOnlyDictionary<string, object?> map => Map(map.Select(static pair => (pair.Key, pair.Value))),
        AlertTemplateData data => $"{{{Print(data.Labels)} {Print(data.ExternalLabels)} {data.ExternalUrl} {Print(data.Value)}}}",
        IList list => $"[{string.Join(' ', list.Cast<object?>().Select(Print))}]",
        _ => value.ToString() ?? "",
    };

    private static string Map(IEnumerable<(string Key, object? Value)> entries) =>
        $"map[{string.Join(' ', entries.OrderBy(static entry => entry.Key, StringComparer.Ordinal).Select(static entry => $"{entry.Key}:{Print(entry.Value)}"))}]";
}

/// <summary>What the templates of an alert are expanded with.</summary>
/// <param name="Labels">Labels of the sample.</param>
/// <param name="ExternalLabels">Labels of the server.</param>
/// <param name="ExternalUrl">Address of the server.</param>
/// <param name="Value">Value of the sample: a float or a histogram.</param>
internal sealed record AlertTemplateData(
    IReadOnlyDictionary<string, string> Labels, IReadOnlyDictionary<string, string> ExternalLabels, string ExternalUrl, object Value);
