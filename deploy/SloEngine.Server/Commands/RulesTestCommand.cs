using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Testing;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine rules test</c>: runs unit tests of rules.</summary>
internal static class RulesTestCommand
{
    public static Command Create()
    {
        var files = new Argument<FileInfo[]>("files") { Description = "Files in the unit test format of promtool", Arity = ArgumentArity.OneOrMore };
        var json = new Option<bool>("--json") { Description = "Print what came of each test as JSON" };
        var run = new Option<string?>("--run") { Description = "Run only tests whose name matches", HelpName = "PATTERN" };
        var experimental = new Option<bool>("--experimental") { Description = "Allow what Prometheus calls experimental in expressions" };
        var test = new Command("test", "Run unit tests of rules: a line for each thing that differs; exit code 1 when any does") { files, json, run, experimental };
        test.SetAction(async (parsed, cancellation) =>
        {
            FileInfo[] given = parsed.GetValue(files)!;
            FileInfo? missing = Array.Find(given, file => !file.Exists);
            if (missing is not null)
            {
                await Console.Error.WriteLineAsync($"sloengine: {missing.Name}: there is no such file");
                return ExitCodes.Usage;
            }
            if (!TryPattern(parsed.GetValue(run), out Regex? only))
            {
                await Console.Error.WriteLineAsync($"sloengine: --run is '{parsed.GetValue(run)}', expected a regular expression");
                return ExitCodes.Usage;
            }
            var runner = new RuleTestRunner(parsed.GetValue(experimental) ? ParserOptions.All : new ParserOptions(), only);
            var reports = new List<RuleTestReport>();
            foreach (FileInfo file in given)
            {
                RuleTestReport report = await runner.RunAsync(file.ToString(), cancellation);
                reports.Add(report);
                if (!parsed.GetValue(json))
                {
                    Print(report);
                }
            }
            Console.WriteLine(parsed.GetValue(json) ? Json(reports) : $"{reports.Sum(Passed)} passed, {reports.Sum(Failed)} failed");
            return reports.TrueForAll(static report => report.HasPassed) ? ExitCodes.Done : ExitCodes.Failed;
        });
        return test;
    }

    private static bool TryPattern(string? text, out Regex? pattern)
    {
        pattern = null;
        try
        {
            pattern = text is null ? null : new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return true;
        }
        catch (Exception wrong) when (wrong is ArgumentException or NotSupportedException)
        {
            return false;
        }
    }

    private static int Passed(RuleTestReport report) => report.Tests.Count(static test => test.Problems.Count == 0);

    /// <summary>A file that cannot be used counts as one test.</summary>
    private static int Failed(RuleTestReport report) => report.Error is null ? report.Tests.Count - Passed(report) : 1;

    private static void Print(RuleTestReport report)
    {
        foreach (string warning in report.Warnings)
        {
            Console.Error.WriteLine($"{warning} (warning)");
        }
        if (report.Error is { } error)
        {
            Console.WriteLine(error);
        }
        foreach (RuleTestResult test in report.Tests)
        {
            foreach (string problem in test.Problems)
            {
                Console.WriteLine($"{problem.ReplaceLineEndings(" ")} (test {test.Name})");
            }
        }
    }

    private static string Json(List<RuleTestReport> reports)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("passed", reports.Sum(Passed));
            json.WriteNumber("failed", reports.Sum(Failed));
            json.WriteStartArray("files");
            foreach (RuleTestReport report in reports)
            {
                json.WriteStartObject();
                json.WriteString("file", report.File);
                json.WriteNumber("passed", Passed(report));
                json.WriteNumber("failed", Failed(report));
                json.WriteString("error", report.Error);
                json.WriteStartArray("problems");
                foreach (string problem in report.Tests.SelectMany(static test => test.Problems))
                {
                    json.WriteStringValue(problem);
                }
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
