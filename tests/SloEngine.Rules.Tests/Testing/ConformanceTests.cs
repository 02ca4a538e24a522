using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Testing;

namespace SloEngine.Rules.Tests.Testing;

/// <summary>Rule tests of real teams, and those of promtool.</summary>
public sealed class ConformanceTests
{
    [Fact]
    public async Task Rule_tests_of_real_teams_pass()
    {
        string[] files = [.. Conformance.Yaml("unit-tests").Where(static file => File.ReadLines(file).Any(static line => line.StartsWith("tests:", StringComparison.Ordinal)))];
        var problems = new List<string>();
        int tests = 0;
        foreach (string file in files)
        {
            RuleTestReport report = await new RuleTestRunner(new ParserOptions(), null).RunAsync(file, CancellationToken.None);
            tests += report.Tests.Count;
            problems.AddRange([.. report.Tests.SelectMany(test => test.Problems), .. report.Error is { } error ? [error] : Array.Empty<string>()]);
        }
        Assert.True(problems.Count == 0, string.Join('\n', problems));
        Assert.True(files.Length == 0 || files.Length >= 128, $"only {files.Length} files");
    }

    [Theory]
    [InlineData("unittest.yml", true)]
    [InlineData("at-modifier-test.yml", true)]
    [InlineData("negative-offset-test.yml", true)]
    [InlineData("failing.yml", false)]
    [InlineData("bad-input-series.yml", false)]
    [InlineData("bad-promql.yml", false)]
    [InlineData("bad-rules-error-test.yml", false)]
    [InlineData("bad-rules-syntax-test.yml", false)]
    public async Task Verdicts_are_those_of_promtool(string name, bool passes)
    {
        if (Conformance.Find("promtool/" + name) is { } file)
        {
            RuleTestReport report = await new RuleTestRunner(new ParserOptions(), null).RunAsync(file, CancellationToken.None);

            Assert.True(report.HasPassed == passes, string.Join('\n', report.Tests.SelectMany(test => test.Problems)) + report.Error);
        }
    }
}
