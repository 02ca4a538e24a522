using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Expressions;

/// <summary>Writes measures as PromQL, with the window open.</summary>
internal static class MeasureQuery
{
    /// <summary>Events of a measure, as a rate; null for what PromQL does not tell.</summary>
    public static string? Of(Measure measure) => measure switch
    {
        MetricMeasure { Part: MetricPart.Increase } metric => $"sum(rate({Selector(metric.Metric, metric.Matchers)}[{{{{.window}}}}]))",
        MetricMeasure { Part: MetricPart.Count } metric => $"sum(rate({Selector(metric.Metric + "_count", metric.Matchers)}[{{{{.window}}}}]))",
        MetricMeasure { Part: MetricPart.AtOrBelow } metric =>
            $"sum(rate({Selector(metric.Metric + "_bucket", [.. metric.Matchers, new Matcher("le", "=", metric.Threshold.ToString("R", CultureInfo.InvariantCulture))])}[{{{{.window}}}}]))",
        MetricMeasure { Part: MetricPart.Samples } metric => $"sum(count_over_time({Selector(metric.Metric, metric.Matchers)}[{{{{.window}}}}]))",
        QueryMeasure query => query.Query.Text,
        _ => null,
    };

    /// <summary>A selector; names with letters of their own, as of OpenTelemetry, stand in quotes and in the braces.</summary>
    public static string Selector(string metric, IReadOnlyCollection<Matcher> matchers)
    {
        bool isPlain = LabelName.IsPlain(metric.Replace(':', '_'));
        string[] within = [.. isPlain ? (string[])[] : [QuotedText.Quote(metric)], .. matchers.Select(static matcher => LabelName.Print(matcher.Label) + matcher.Comparison + QuotedText.Quote(matcher.Value))];
        return (isPlain ? metric : "") + (within.Length == 0 ? "" : $"{{{string.Join(",", within)}}}");
    }
}
