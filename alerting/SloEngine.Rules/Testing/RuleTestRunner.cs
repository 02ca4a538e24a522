using System.Text.RegularExpressions;
using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Files;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Rules.Testing;

/// <summary>A test and what came of it.</summary>
/// <param name="Name">Name of the test.</param>
/// <param name="Line">Line in its file.</param>
/// <param name="Problems">What differs from what is expected.</param>
public sealed record RuleTestResult(string Name, long Line, IReadOnlyList<string> Problems);

/// <summary>A file of tests and what came of them.</summary>
/// <param name="File">The file.</param>
/// <param name="Error">Why the file cannot be used, or null.</param>
/// <param name="Tests">Its tests.</param>
/// <param name="Warnings">What is suspicious.</param>
public sealed record RuleTestReport(string File, string? Error, IReadOnlyList<RuleTestResult> Tests, IReadOnlyList<string> Warnings)
{
    /// <summary>Whether nothing failed.</summary>
    public bool HasPassed => Error is null && Tests.All(static test => test.Problems.Count == 0);
}

/// <summary>Runs files of rule tests.</summary>
/// <param name="options">What expressions may use.</param>
/// <param name="only">Runs tests only whose names match; null for all.</param>
public sealed class RuleTestRunner(ParserOptions options, Regex? only)
{
    /// <summary>Runs a file.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public async Task<RuleTestReport> RunAsync(string path, CancellationToken cancellation)
    {
        RuleTestFile file;
        try
        {
            file = RuleTestReader.Read(path, await File.ReadAllTextAsync(path, cancellation));
        }
        catch (SloFileException wrong)
        {
            return new RuleTestReport(path, wrong.Message, [], []);
        }
        var warnings = new List<string>();
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var ruleFiles = new List<RuleFile>();
        foreach (string pattern in file.RuleFiles)
        {
            IReadOnlyList<string> found = RuleFileGlob.Find(Path.Combine(folder, pattern));
            if (found.Count == 0)
            {
                warnings.Add($"{path}: no rule file is at {pattern}");
            }
            ruleFiles.AddRange(found.Where(rules => !ruleFiles.Exists(read => read.File == rules)).Select(rules => RuleFileReader.ReadFile(rules, options)));
        }
        string[] refused = [.. ruleFiles.SelectMany(static rules => rules.Errors).Select(static error => error.ToString())];
        RuleGroup[] groups =
        [
            .. ruleFiles.SelectMany(static rules => rules.Groups)
                .Select(group => (group, Order: file.GroupOrder.ToList().IndexOf(group.Name)))
                .OrderBy(static pair => Math.Max(0, pair.Order)).Select(static pair => pair.group),
        ];
        var results = new List<RuleTestResult>();
        foreach (RuleTest test in file.Tests.Where(test => only is null || only.IsMatch(test.Name)))
        {
            IReadOnlyList<string> problems = refused.Length > 0
                ? refused
                : await new RuleTestRun(file, test, options).RunAsync(groups, cancellation);
            results.Add(new RuleTestResult(test.Name, test.Line, problems));
        }
        return new RuleTestReport(path, null, results, warnings);
    }
}
