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

    public static TheoryData<string, string> SlothPairs()
    {
        var pairs = new TheoryData<string, string>();
        foreach (string name in (string[])["getting-started", "k8s-getting-started", "multifile", "no-alerts", "openslo-getting-started", "raw-home-wifi", "slo-plugin-getting-started"])
        {
            pairs.Add($"sloth/examples/{name}.yml", $"sloth/examples/_gen/{name}.yml");
        }
        pairs.Add("sloth/integration/testdata/in-base.yaml", "sloth/integration/testdata/out-base.yaml.tpl");
        pairs.Add("sloth/integration/testdata/in-base.yaml", "sloth/integration/testdata/out-base-extra-labels.yaml.tpl");
        pairs.Add("sloth/integration/testdata/in-openslo.yaml", "sloth/integration/testdata/out-openslo.yaml.tpl");
        return pairs;
    }

    public static TheoryData<string> PyrraPairs() => [.. Conformance.Files("pyrra/pairs", "spec.yaml").Select(file => Path.GetDirectoryName(file)!).DefaultIfEmpty("")];

    [Theory]
    [MemberData(nameof(SlothPairs))]
    public void Sloth_generates_the_same_rules(string input, string output)
    {
        if (Conformance.Find(output) is not { } expectedFile)
        {
            return;
        }
        List<Rule> expected = Rules(File.ReadAllText(expectedFile).Replace("{{ .version }}", "v", StringComparison.Ordinal));
        List<Rule> actual = [.. Read(input).SelectMany(SlothRules.Of).SelectMany(group => group.Rules).Select(Of)];

        Assert.NotEmpty(expected);
        Assert.Equal(expected.Where(rule => !rule.IsAlert).Select(Identity).Order(), actual.Where(rule => !rule.IsAlert).Select(Identity).Order());
        // Names and texts of alerts are the user's; what they compare is not. Sloth makes none for OpenSLO documents, where we have defaults.
        if (input.Contains("openslo", StringComparison.Ordinal))
        {
            return;
        }
        Assert.Equal(expected.Where(rule => rule.IsAlert).Select(rule => rule.Expression).Order(), actual.Where(rule => rule.IsAlert).Select(rule => rule.Expression).Order());

        static string Identity(Rule rule) =>
            $"{rule.Name} {string.Join(",", rule.Labels.Where(label => !Foreign.Contains(label.Key)).OrderBy(label => label.Key, StringComparer.Ordinal))} = {rule.Expression}";
    }

    [Theory]
    [MemberData(nameof(PyrraPairs))]
    public void Pyrra_generates_the_same_burn_rates_and_alerts(string pair)
    {
        if (pair.Length == 0)
        {
            return;
        }
        List<Rule> actual = [.. Read(Path.Combine(pair, "spec.yaml")).SelectMany(PyrraRules.Of).SelectMany(group => group.Rules).Select(Of)];
        string[] expectations = [.. Conformance.Files(pair, "expected-burnrates.*").Where(file => !file.Contains("prom3-migration", StringComparison.Ordinal))];
        foreach (string file in expectations)
        {
            List<Rule> expected = Rules(File.ReadAllText(Conformance.Find(file)!));
            Assert.Equal(expected.Select(Identity).Order(), actual.Where(rule => !rule.Name.StartsWith("pyrra_", StringComparison.Ordinal)).Select(Identity).Order());
        }
        foreach (string file in Conformance.Files(pair, "expected-generic.*"))
        {
            List<Rule> expected = Rules(File.ReadAllText(Conformance.Find(file)!));
            Assert.All(expected.Where(rule => rule.Name is "pyrra_objective" or "pyrra_window"), rule => Assert.Contains(actual, other => other.Name == rule.Name && other.Expression == rule.Expression));
        }

        static string Identity(Rule rule) =>
            $"{(rule.IsAlert ? "alert" : rule.Name)} {string.Join(",", rule.Labels.OrderBy(label => label.Key, StringComparer.Ordinal))} for {rule.For} = {rule.Expression}";
    }

    private static IReadOnlyList<ServiceLevelObjective> Read(string file)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([(file, File.ReadAllText(Conformance.Find(file)!))]);
        Assert.Empty(errors);
        Assert.NotEmpty(slos);
        return slos;
    }

    private static Rule Of(PrometheusRule rule) => new(rule.Name, rule.IsAlert, Normal(rule.Expression), new(rule.Labels), (long)rule.For.TotalSeconds);

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
                Dictionary<string, string> labels = ((YamlMappingNode)rule["labels"]).ToDictionary(label => label.Key.ToString(), label => label.Value.ToString());
                long hold = rule.Children.ContainsKey("for") && PromQLParser.TryParseDuration(rule["for"].ToString(), out long ms) ? ms / 1000 : 0;
                rules.Add(new Rule(rule[isAlert ? "alert" : "record"].ToString(), isAlert, Normal(rule["expr"].ToString()), labels, hold));
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

    private sealed record Rule(string Name, bool IsAlert, string Expression, Dictionary<string, string> Labels, long For);
}
