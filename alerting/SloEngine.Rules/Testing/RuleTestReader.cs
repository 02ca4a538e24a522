using System.Globalization;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Testing;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Rules.Testing;

/// <summary>Reads files of rule tests; what is wrong is told with its place.</summary>
internal static class RuleTestReader
{
    private const long DefaultIntervalMs = 60_000;

    /// <exception cref="SloFileException">The text is no file of rule tests.</exception>
    public static RuleTestFile Read(string path, string text)
    {
        YamlPlace? document = YamlPlace.Documents(path, text) is [YamlPlace first, ..] ? first : null;
        if (document is null or { IsScalar: true, Text: "" })
        {
            return new RuleTestFile(path, []) { EvaluationIntervalMs = DefaultIntervalMs };
        }
        RejectUnknown(document, "rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare");
        long interval = Duration(document, "evaluation_interval") is { } given and > 0 ? given : DefaultIntervalMs;
        YamlPlace? order = document.Optional("group_eval_order");
        string[] groups = [.. order?.Items.Select(static item => item.Text) ?? []];
        if (groups.Distinct().Count() != groups.Length)
        {
            throw order!.Fail("group_eval_order names a group twice, expected each once");
        }
        return new RuleTestFile(path, [.. document.Optional("tests")?.Items.Select((test, index) => Test(test, index, interval)) ?? []])
        {
            RuleFiles = [.. document.Optional("rule_files")?.Items.Select(static item => item.Text) ?? []],
            EvaluationIntervalMs = interval,
            GroupOrder = groups,
            IsFuzzy = document.Optional("fuzzy_compare")?.Boolean ?? false,
        };
    }

    private static RuleTest Test(YamlPlace place, int index, long evaluationIntervalMs)
    {
        RejectUnknown(
            place, "interval", "input_series", "alert_rule_test", "promql_expr_test", "external_labels", "external_url", "name", "start_timestamp");
        long interval = Duration(place, "interval") is { } given and > 0 ? given : evaluationIntervalMs;
        string name = place.Optional("name")?.Text ?? string.Create(CultureInfo.InvariantCulture, $"unnamed#{index}");
        var series = new Dictionary<Labels, IReadOnlyList<SequenceValue>>();
        foreach ((Labels labels, IReadOnlyList<SequenceValue> values) in place.Optional("input_series")?.Items.Select(Series) ?? [])
        {
            // A series that is there twice has the values of its last mention.
            series[labels] = values;
        }
        return new RuleTest(name, place.Line)
        {
            IntervalMs = interval,
            StartMs = place.Optional("start_timestamp") is { } start ? Start(start) : 0,
            ExternalLabels = Pairs(place, "external_labels").ToDictionary(StringComparer.Ordinal),
            ExternalUrl = place.Optional("external_url")?.Text ?? "",
            Series = [.. series.Select(static pair => (pair.Key, pair.Value))],
            Alerts = [.. place.Optional("alert_rule_test")?.Items.Select(Alert) ?? []],
            Queries = [.. place.Optional("promql_expr_test")?.Items.Select(Query) ?? []],
        };
    }

    private static (Labels Labels, IReadOnlyList<SequenceValue> Values) Series(YamlPlace place)
    {
        RejectUnknown(place, "series", "values");
        string series = place.Optional("series")?.Text ?? "";
        string values = place.Optional("values")?.Text ?? "";
        try
        {
            return SeriesNotation.Read($"{series} {values.ReplaceLineEndings(" ")}");
        }
        catch (PromQLParseException wrong)
        {
            throw place.Fail($"{place.Path} is no series: {wrong.Message}");
        }
    }

    private static AlertExpectation Alert(YamlPlace place)
    {
        RejectUnknown(place, "eval_time", "alertname", "exp_alerts");
        string name = place.Optional("alertname")?.Text ?? throw place.Fail($"{place.Path}.alertname is missing, expected the name of an alert");
        return new AlertExpectation(Duration(place, "eval_time") ?? 0, name, place.Line, [.. place.Optional("exp_alerts")?.Items.Select(alert => Texts(alert, name)) ?? []]);
    }

    private static AlertTexts Texts(YamlPlace place, string alertName)
    {
        if (place is { IsScalar: true, Text: "" or "null" or "~" })
        {
            return new AlertTexts([new("alertname", alertName)], []);
        }
        RejectUnknown(place, "exp_labels", "exp_annotations");
        IEnumerable<KeyValuePair<string, string>> labels = Pairs(place, "exp_labels").Where(static pair => pair.Key != "alertname");
        return new AlertTexts(Sorted(labels.Append(new("alertname", alertName))), Sorted(Pairs(place, "exp_annotations")));
    }

    private static KeyValuePair<string, string>[] Sorted(IEnumerable<KeyValuePair<string, string>> pairs) =>
        [.. pairs.OrderBy(static pair => pair.Key, StringComparer.Ordinal)];

    private static QueryExpectation Query(YamlPlace place)
    {
        RejectUnknown(place, "expr", "eval_time", "exp_samples");
        return new QueryExpectation(
            place.Optional("expr")?.Text ?? "", Duration(place, "eval_time") ?? 0, place.Line, [.. place.Optional("exp_samples")?.Items.Select(Sample) ?? []]);
    }

    private static ExpectedSample Sample(YamlPlace place)
    {
        RejectUnknown(place, "labels", "value", "histogram");
        string text = place.Optional("labels")?.Text ?? "";
        Labels labels;
        FloatHistogram? histogram = null;
        try
        {
            labels = text.Trim() is "" or "{}" ? Labels.Empty : PromQLParser.ParseMetric(text);
            if (place.Optional("histogram") is { } notation)
            {
                IReadOnlyList<SequenceValue> values = SeriesNotation.ReadValues(notation.Text);
                histogram = values is [{ Histogram: { } one }] ? one : throw notation.Fail($"{notation.Path} is '{notation.Text}', expected one histogram");
            }
        }
        catch (PromQLParseException wrong)
        {
            throw place.Fail($"{place.Path} is no sample: {wrong.Message}");
        }
        return new ExpectedSample(labels, place.Optional("value") is { } value ? Number(value) : 0, histogram);
    }

    private static double Number(YamlPlace place) => place.Text switch
    {
        ".inf" or ".Inf" or ".INF" or "+.inf" or "+.Inf" or "+.INF" => double.PositiveInfinity,
        "-.inf" or "-.Inf" or "-.INF" => double.NegativeInfinity,
        ".nan" or ".NaN" or ".NAN" => double.NaN,
        _ when Templates.TemplateNumber.TryParse(place.Text, out object number) => number is long whole ? whole : (double)number,
        _ => throw place.Fail($"{place.Path} is '{place.Text}', expected a number"),
    };

    private static long Start(YamlPlace place)
    {
        string text = place.Text;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && double.IsFinite(seconds))
        {
            return (long)Math.Round(seconds * 1000);
        }
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUnixTimeMilliseconds()
            : throw place.Fail($"{place.Path} is '{text}', expected a time such as 2026-01-31T12:00:00Z, or seconds since 1970");
    }

    private static IEnumerable<KeyValuePair<string, string>> Pairs(YamlPlace parent, string field) =>
        parent.Optional(field)?.Fields.Select(static entry =>
            KeyValuePair.Create(entry.Key, entry.Value.Text is "~" or "null" && entry.Value.IsPlain ? "" : entry.Value.Text)) ?? [];

    private static long? Duration(YamlPlace parent, string field)
    {
        if (parent.Optional(field) is not { } place)
        {
            return null;
        }
        return PromQL.Syntax.Duration.TryParse(place.Text, out long milliseconds, out _)
            ? milliseconds : throw place.Fail($"{place.Path} is '{place.Text}', expected a duration such as 30s, 5m or 1h30m");
    }

    private static void RejectUnknown(YamlPlace place, params string[] known) =>
        place.RejectUnknownKeys([.. known.Select(key => place.Path.Length == 0 ? key : $"{place.Path}.{key}")]);
}
