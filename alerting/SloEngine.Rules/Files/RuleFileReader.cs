using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;
using SloEngine.Rules.Templates;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Rules.Files;

/// <summary>
/// Reads rule files of Prometheus (prometheus.io/docs/prometheus/latest/configuration/recording_rules), and the manifests of kind
/// PrometheusRule in which Kubernetes holds them. A file is refused as a whole, with all its errors.
/// </summary>
public sealed class RuleFileReader
{
    private readonly List<SloFileError> _errors = [];
    private readonly List<SloFileError> _warnings = [];
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly string _file;
    private readonly ParserOptions _options;
    private bool _isManifest;

    private RuleFileReader(string file, ParserOptions options) => (_file, _options) = (file, options);

    /// <summary>Reads a file from disk.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RuleFile ReadFile(string path, ParserOptions options) => Read(path, File.ReadAllText(path), options);

    /// <summary>Reads a text.</summary>
    /// <param name="file">Name of its file, for messages.</param>
    /// <param name="text">The text.</param>
    /// <param name="options">What expressions may use.</param>
    public static RuleFile Read(string file, string text, ParserOptions options)
    {
        var reader = new RuleFileReader(file, options);
        var groups = new List<RuleGroup>();
        reader.Try(() =>
        {
            // As in Prometheus, rules are in the first document of a file.
            IReadOnlyList<YamlPlace> documents = YamlPlace.Documents(file, text);
            if (documents.Count > 0)
            {
                reader.Document(documents[0], groups);
            }
            if (documents.Count > 1)
            {
                reader._warnings.Add(documents[1].Fail("a file has one document; this one is ignored").Error);
            }
        });
        return new RuleFile(file, reader._errors.Count > 0 ? [] : groups, reader._errors, reader._warnings);
    }

    private void Document(YamlPlace document, List<RuleGroup> groups)
    {
        if (document is { IsScalar: true, Text: "" })
        {
            return;
        }
        if (!document.IsScalar && !document.IsList && document.Optional("kind") is { IsScalar: true, Text: "PrometheusRule" })
        {
            _isManifest = true;
            document = document.Optional("spec") ?? throw document.Fail("spec is missing, expected the groups of the PrometheusRule");
        }
        RejectUnknown(document, "groups");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (YamlPlace place in document.Optional("groups")?.Items ?? [])
        {
            Try(() => groups.Add(Group(place, names)));
        }
    }

    private RuleGroup Group(YamlPlace place, HashSet<string> names)
    {
        // Manifests serve Thanos, too.
        RejectUnknown(place, ["name", "interval", "query_offset", "limit", "labels", "rules", .. _isManifest ? ["partial_response_strategy"] : Array.Empty<string>()]);
        string name = place.Optional("name")?.Text ?? throw place.Fail($"{place.Path}.name is missing, expected the group's name");
        if (!names.Add(name))
        {
            throw place.Optional("name")!.Fail($"group {QuotedText.Quote(name)} is there twice, expected names that are unique within the file");
        }
        TimeSpan? interval = null;
        TimeSpan? offset = null;
        int limit = 0;
        List<KeyValuePair<string, string>> labels = [];
        Try(() => interval = Duration(place, "interval"));
        Try(() => offset = Duration(place, "query_offset"));
        Try(() => limit = Limit(place));
        Try(() => labels = Names(place, "labels", isLabel: true));
        var rules = new List<Rule>();
        foreach (YamlPlace rule in place.Optional("rules")?.Items ?? [])
        {
            Try(() =>
            {
                if (ReadRule(rule, labels) is { } read)
                {
                    rules.Add(read);
                    WarnOfDuplicate(rule, read);
                }
            });
        }
        return new RuleGroup(_file, name, rules) { Interval = interval, QueryOffset = offset, Limit = limit };
    }

    private Rule? ReadRule(YamlPlace place, List<KeyValuePair<string, string>> groupLabels)
    {
        int errors = _errors.Count;
        RejectUnknown(place, "record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations");
        YamlPlace? record = place.Optional("record");
        YamlPlace? alert = place.Optional("alert");
        if (record is null == alert is null)
        {
            throw place.Fail(record is null
                ? $"{place.Path} has neither record nor alert, expected one of them"
                : $"{place.Path} has both record and alert, expected only one of them");
        }
        string name = (record ?? alert)!.Text;
        Expr? expression = null;
        TimeSpan? duration = null;
        TimeSpan? keep = null;
        List<KeyValuePair<string, string>> labels = [];
        List<KeyValuePair<string, string>> annotations = [];
        Try(() => expression = Expression(place));
        Try(() => duration = Duration(place, "for"));
        Try(() => keep = Duration(place, "keep_firing_for"));
        Try(() => labels = Names(place, "labels", isLabel: true));
        Try(() => annotations = Names(place, "annotations", isLabel: false));
        if (record is not null)
        {
            Try(() => CheckRecord(place, record, duration, keep, annotations.Count));
        }
        else
        {
            CheckTemplates(place, name, "labels");
            CheckTemplates(place, name, "annotations");
        }
        if (_errors.Count > errors || expression is null)
        {
            return null;
        }
        // The rule's own labels win over those of its group.
        List<KeyValuePair<string, string>> all = [.. groupLabels.Where(label => !labels.Exists(own => own.Key == label.Key)), .. labels];
        all.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        annotations.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return record is not null
            ? new RecordingRule(name, expression, all, place.Line)
            : new AlertingRule(name, expression, all, place.Line) { For = duration ?? default, KeepFiringFor = keep ?? default, Annotations = annotations };
    }

    private Expr Expression(YamlPlace rule)
    {
        YamlPlace place = rule.Optional("expr") ?? throw rule.Fail($"{rule.Path}.expr is missing, expected a PromQL expression");
        try
        {
            return PromQLParser.Parse(place.Text, _options);
        }
        catch (PromQLParseException wrong)
        {
            throw place.Fail($"{place.Path} is no PromQL: {wrong.Message}");
        }
    }

    private static void CheckRecord(YamlPlace rule, YamlPlace record, TimeSpan? duration, TimeSpan? keep, int annotations)
    {
        string? field = annotations > 0 ? "annotations"
            : duration > TimeSpan.Zero ? "for"
            : keep > TimeSpan.Zero ? "keep_firing_for"
            : null;
        if (field is not null)
        {
            throw rule.Optional(field)!.Fail($"{rule.Path}.{field} is for alerting rules, expected none in a recording rule");
        }
        if (record.Text.AsSpan().ContainsAny('{', '}'))
        {
            throw record.Fail($"{record.Path} is '{record.Text}', expected the name of a metric: labels and braces belong into labels and expr");
        }
    }

    private void CheckTemplates(YamlPlace rule, string alert, string field)
    {
        foreach ((string key, YamlPlace value) in Mapping(rule, field))
        {
            Try(() =>
            {
                try
                {
                    Template.Parse(AlertTemplate.NameOf(alert), AlertTemplate.Definitions + value.Text);
                }
                catch (TemplateException wrong)
                {
                    throw value.Fail($"{value.Path} is no template: {wrong.Message}");
                }
            });
        }
    }

    private static IEnumerable<(string Key, YamlPlace Value)> Mapping(YamlPlace parent, string field) =>
        parent.Optional(field) is { IsScalar: false, IsList: false } place ? place.Fields.Where(static entry => entry.Value.IsScalar) : [];

    private List<KeyValuePair<string, string>> Names(YamlPlace parent, string field, bool isLabel)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach ((string key, YamlPlace value) in parent.Optional(field)?.Fields ?? [])
        {
            Try(() =>
            {
                if (key.Length == 0 || (isLabel && key == Labels.MetricName))
                {
                    throw value.Fail($"{value.Path} is no name for {(isLabel ? "a label" : "an annotation")}, expected one {(isLabel ? $"other than {Labels.MetricName}" : "that is not empty")}");
                }
                pairs.Add(new KeyValuePair<string, string>(key, value.Text is "~" or "null" && value.IsPlain ? "" : value.Text));
            });
        }
        return pairs;
    }

    private static int Limit(YamlPlace group)
    {
        if (group.Optional("limit") is not { } place)
        {
            return 0;
        }
        return int.TryParse(place.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int limit)
            ? limit : throw place.Fail($"{place.Path} is '{place.Text}', expected a whole number");
    }

    private static TimeSpan? Duration(YamlPlace parent, string field)
    {
        if (parent.Optional(field) is not { } place)
        {
            return null;
        }
        return PromQL.Syntax.Duration.TryParse(place.Text, out long milliseconds, out _)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw place.Fail($"{place.Path} is '{place.Text}', expected a duration such as 30s, 5m or 1h30m");
    }

    private static void RejectUnknown(YamlPlace place, params string[] known) =>
        place.RejectUnknownKeys([.. known.Select(key => place.Path.Length == 0 ? key : $"{place.Path}.{key}")]);

    private void WarnOfDuplicate(YamlPlace place, Rule rule)
    {
        string labels = string.Join(',', rule.Labels.Select(static label => $"{label.Key}={label.Value}"));
        if (!_seen.Add($"{(rule is RecordingRule ? "record" : "alert")} {rule.Name} {labels} {(rule is RecordingRule ? "" : rule.Expression)}"))
        {
            _warnings.Add(place.Fail($"{place.Path} has the name and labels of a rule before it: {rule.Name}").Error);
        }
    }

    /// <summary>Notes an error and goes on, so that a file's errors are told at once.</summary>
    private void Try(Action read)
    {
        try
        {
            read();
        }
        catch (SloFileException wrong)
        {
            _errors.Add(wrong.Error);
        }
    }
}
