using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Tests.Files;

/// <summary>Rule files of real projects, and those that Prometheus refuses.</summary>
public sealed class ConformanceTests
{
    private static readonly string[] RealProjects = ["awesome-prometheus-alerts", "mixins", "kube-prometheus", "unit-tests"];

    [Fact]
    public void Rule_files_of_real_projects_are_accepted()
    {
        string[] files = [.. RealProjects.SelectMany(Conformance.Yaml).Where(IsRuleFile)];
        string[] refused = [.. files.Select(file => RuleFileReader.ReadFile(file, new ParserOptions())).SelectMany(file => file.Errors).Select(error => error.ToString())];

        Assert.True(refused.Length == 0, string.Join('\n', refused));
        Assert.True(files.Length == 0 || files.Length >= 237, $"only {files.Length} files");
    }

    [Theory]
    [InlineData("rulefmt/test.yaml")]
    [InlineData("rulefmt/legacy_validation_annotation.good.yaml")]
    [InlineData("config/first.rules")]
    [InlineData("promtool/rules.yml")]
    [InlineData("promtool/rules_duplicates.yml")]
    [InlineData("promtool/at-modifier.yml")]
    [InlineData("promtool/negative-offset.yml")]
    [InlineData("promtool/bad-rules-error.yml")]
    [InlineData("rules_testdata/fixtures/rules1.yaml")]
    [InlineData("rules_testdata/fixtures/rules2.yaml")]
    [InlineData("rules_testdata/fixtures/rules_chain.yaml")]
    [InlineData("rules_testdata/fixtures/rules_dependencies.yaml")]
    [InlineData("rules_testdata/fixtures/rules_indeterminates.yaml")]
    [InlineData("rules_testdata/fixtures/rules_multiple_independent.yaml")]
    [InlineData("rules_testdata/fixtures/alert_rule.yaml")]
    public void Good_files_of_Prometheus_are_accepted(string path)
    {
        if (Conformance.Find(path) is { } file)
        {
            Assert.Empty(RuleFileReader.ReadFile(file, new ParserOptions()).Errors);
        }
    }

    [Theory]
    [InlineData("rulefmt/bad_expr.bad.yaml", 5, 15)]
    [InlineData("rulefmt/bad_field.bad.yaml", 8, 9)]
    [InlineData("rulefmt/duplicate_grp.bad.yaml", 3, 11)]
    [InlineData("rulefmt/invalid_label_name.bad.yaml", 7, 21)]
    [InlineData("rulefmt/record_and_for.bad.yaml", 6, 14)]
    [InlineData("rulefmt/record_and_keep_firing_for.bad.yaml", 6, 26)]
    [InlineData("promtool/rules-bad.yml", 12, 20)]
    [InlineData("promtool/bad-rules-syntax.yml", 7, 15)]
    [InlineData("rules_testdata/fixtures/invalid_rules.yaml", 6, 9)]
    public void Bad_files_of_Prometheus_are_refused_with_their_place(string path, int line, int column)
    {
        if (Conformance.Find(path) is not { } file)
        {
            return;
        }
        RuleFile read = RuleFileReader.ReadFile(file, new ParserOptions());

        Assert.Equal([(line, column)], read.Errors.Select(error => ((int)error.Line, (int)error.Column)));
        Assert.Empty(read.Groups);
    }

    [Fact]
    public void Experimental_expressions_are_accepted_only_if_asked_for()
    {
        if (Conformance.Find("promtool/features.yml") is { } file)
        {
            Assert.Equal(4, RuleFileReader.ReadFile(file, new ParserOptions()).Errors.Count);
            Assert.Empty(RuleFileReader.ReadFile(file, ParserOptions.All).Errors);
        }
    }

    /// <summary>Some folders hold tests of rules and dashboards' settings, too.</summary>
    private static bool IsRuleFile(string file) => File.ReadLines(file).Any(static line => line.TrimStart().StartsWith("groups:", StringComparison.Ordinal));
}
