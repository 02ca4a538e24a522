using System.Globalization;
using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using YamlDotNet.RepresentationModel;

namespace SloEngine.Slo.Tests;

/// <summary>
/// Files of Sloth and Pyrra are understood as their own tools understand them: the rules that we would write for them measure the same
/// expressions over the same windows and alert at the same burn rates.
/// </summary>
public sealed class RuleConformanceTests
{
    /// <summary>Labels that Sloth was told on its command line, and those that name its version.</summary>
    private static readonly HashSet<string> Foreign = ["cmd", "exk1", "exk2", "sloth_version", "sloth_mode", "sloth_spec"];

    /// <summary>The plugins that Sloth's examples and integration tests bring as Go programs, as documents.</summary>
    private const string Plugins = """
        apiVersion: sloengine/v1
        kind: SliPlugin
        metadata: {name: getting_started_availability}
        spec:
          options: {job: , filter: ""}
          errorRatioQuery: |
            sum(rate(http_request_duration_seconds_count{ {{.filter}},job="{{.job}}",code=~"(5..|429)" }[{{.window}}]))
            /
            sum(rate(http_request_duration_seconds_count{ {{.filter}},job="{{.job}}" }[{{.window}}]))
        ---
        apiVersion: sloengine/v1
        kind: SliPlugin
        metadata: {name: integration_test}
        spec:
          options: {job: , filter: ""}
          errorRatioQuery: |
            sum(rate(integration_test{ {{.filter}},job="{{.job}}",code=~"(5..|429)" }[{{.window}}]))
            /
            sum(rate(integration_test{ {{.filter}},job="{{.job}}" }[{{.window}}]))
        """;

    public static TheoryData<string, string> SlothPairs()
    {
        var pairs = new TheoryData<string, string>();
        foreach (string output in Conformance.Files("sloth/examples/_gen", "*.yml"))
        {
            pairs.Add($"sloth/examples/{Path.GetFileName(output)}", output);
        }
        pairs.Add("sloth/integration/testdata/in-base.yaml", "sloth/integration/testdata/out-base.yaml.tpl");
        pairs.Add("sloth/integration/testdata/in-base.yaml", "sloth/integration/testdata/out-base-extra-labels.yaml.tpl");
        pairs.Add("sloth/integration/testdata/in-base.yaml", "sloth/integration/testdata/out-base-no-alerts.yaml.tpl");
        pairs.Add("sloth/integration/testdata/in-openslo.yaml", "sloth/integration/testdata/out-openslo.yaml.tpl");
        pairs.Add("sloth/integration/testdata/in-sli-plugin.yaml", "sloth/integration/testdata/out-sli-plugin.yaml.tpl");
        pairs.Add("sloth/integration/testdata/in-slo-plugin.yaml", "sloth/integration/testdata/out-slo-plugin.yaml.tpl");
        return pairs;
    }

    public static TheoryData<string> PyrraPairs() => [.. Conformance.Files("pyrra/pairs", "expected-*.yaml").DefaultIfEmpty("")];

    [Theory]
    [MemberData(nameof(SlothPairs))]
    public void Sloth_generates_the_same_rules(string input, string output)
    {
        if (Conformance.Find(output) is not { } expectedFile)
        {
            return;
        }
        List<Rule> expected = Rules(File.ReadAllText(expectedFile)
            .Replace("{{ .version }}", "v", StringComparison.Ordinal).Replace("{{\"{{", "{{", StringComparison.Ordinal).Replace("}}\"}}", "}}", StringComparison.Ordinal));
        List<Rule> actual = [.. Read(input).SelectMany(SlothRules.Of).SelectMany(group => group.Rules).Select(Of)];
        // Sloth was told so on its command line; and it makes no alerts for OpenSLO documents, where we have defaults.
        if (output.Contains("no-alerts", StringComparison.Ordinal) || input.Contains("openslo", StringComparison.Ordinal))
        {
            actual.RemoveAll(rule => rule.IsAlert);
        }

        Assert.NotEmpty(expected);
        Assert.Equal(expected.Select(Identity).Order(StringComparer.Ordinal), actual.Select(Identity).Order(StringComparer.Ordinal));

        // SLO plugins are programs, and what the one of Sloth's tests does is to add labels to some rules.
        string Identity(Rule rule) => output.Contains("out-slo-plugin", StringComparison.Ordinal) ? (rule with { Labels = [] }).Identity
            : (rule with { Labels = rule.Labels.Where(label => !Foreign.Contains(label.Key)).ToDictionary() }).Identity;
    }

    [Theory]
    [MemberData(nameof(PyrraPairs))]
    public void Pyrra_generates_the_same_rules(string file)
    {
        if (file.Length == 0)
        {
            return;
        }
        string text = File.ReadAllText(Conformance.Find(file)!);
        var options = new PyrraRuleOptions
        {
            ExternalUrl = text.Contains("ExternalURL: ", StringComparison.Ordinal) ? new Uri(text[(text.IndexOf("ExternalURL: ", StringComparison.Ordinal) + "ExternalURL: ".Length)..].Trim()) : null,
            BothBounds = text.Contains("EnablePrometheus3Migration: true", StringComparison.Ordinal),
        };
        PrometheusRuleGroup[] groups = [.. Read(Path.Combine(Path.GetDirectoryName(file)!, "spec.yaml")).SelectMany(slo => PyrraRules.Of(slo, options))];
        string kind = Path.GetFileName(file)["expected-".Length..].Split('.')[0];
        PrometheusRuleGroup? group = groups.SingleOrDefault(group => kind == "burnrates" ? !group.Name.EndsWith("-increase", StringComparison.Ordinal) && !group.Name.EndsWith("-generic", StringComparison.Ordinal)
            : group.Name.EndsWith("-" + kind, StringComparison.Ordinal));

        if (text.Contains("ErrGroupingUnsupported", StringComparison.Ordinal))
        {
            Assert.Null(group);
            return;
        }
        Assert.Equal(Rules(text).Select(rule => rule.Identity).Order(StringComparer.Ordinal), group!.Rules.Select(rule => Of(rule).Identity).Order(StringComparer.Ordinal));
        Assert.Contains($"interval: {WindowedQuery.DurationText(group.Interval!.Value)}\n", text, StringComparison.Ordinal);
    }

    private static IReadOnlyList<ServiceLevelObjective> Read(string file)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("plugins.yaml", Plugins), (file, File.ReadAllText(Conformance.Find(file)!))]);
        Assert.Empty(errors);
        Assert.NotEmpty(slos);
        return slos;
    }

    private static Rule Of(PrometheusRule rule) => new(rule.Name, rule.IsAlert, Normal(rule.Expression), new(rule.Labels), new(rule.Annotations), (long)rule.For.TotalSeconds);

    /// <summary>Rules of rule files, also inside Kubernetes resources.</summary>
    private static List<Rule> Rules(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        var rules = new List<Rule>();
        foreach (YamlMappingNode root in stream.Documents.Select(document => document.RootNode).OfType<YamlMappingNode>())
        {
            YamlMappingNode spec = root.Children.ContainsKey("spec") ? (YamlMappingNode)root["spec"] : root;
            if (!spec.Children.ContainsKey("groups"))
            {
                continue;
            }
            foreach (YamlMappingNode rule in ((YamlSequenceNode)spec["groups"]).SelectMany(group => (YamlSequenceNode)group["rules"]).Cast<YamlMappingNode>())
            {
                bool isAlert = rule.Children.ContainsKey("alert");
                Dictionary<string, string> Texts(string key) => !rule.Children.ContainsKey(key) ? []
                    : ((YamlMappingNode)rule[key]).ToDictionary(label => label.Key.ToString(), label => label.Value.ToString());
                long hold = rule.Children.ContainsKey("for") && PromQLParser.TryParseDuration(rule["for"].ToString(), out long ms) ? ms / 1000 : 0;
                rules.Add(new Rule(rule[isAlert ? "alert" : "record"].ToString(), isAlert, Normal(rule["expr"].ToString()), Texts("labels"), Texts("annotations"), hold));
            }
        }
        return rules;
    }

    /// <summary>An expression without the parentheses that do not matter, and with numbers of twelve digits.</summary>
    private static string Normal(string expression) => Normal(PromQLParser.Parse(expression));

    private static string Normal(Expr expression) => expression switch
    {
        Parentheses parentheses => Normal(parentheses.Inner),
        NumberLiteral number => Math.Round(number.Value, 12).ToString("R", CultureInfo.InvariantCulture),
        Binary binary => $"({Normal(binary.Left)} {Printer.Print(binary with { Left = new NumberLiteral(0), Right = new NumberLiteral(0) })} {Normal(binary.Right)})",
        Aggregation aggregation => $"{aggregation.Operator} {aggregation.Without} ({string.Join(",", aggregation.Grouping)}) ({Normal(aggregation.Inner)})",
        Call call => $"{call.Function}({string.Join(",", call.Arguments.Select(Normal))})",
        _ => Printer.Print(expression),
    };

    private sealed record Rule(string Name, bool IsAlert, string Expression, Dictionary<string, string> Labels, Dictionary<string, string> Annotations, long For)
    {
        public string Identity => $"{(IsAlert ? "alert " : "")}{Name} {Text(Labels)} for {For} {Text(Annotations)} = {Expression}";

        private static string Text(Dictionary<string, string> texts) => $"{{{string.Join(",", texts.OrderBy(text => text.Key, StringComparer.Ordinal))}}}";
    }
}
