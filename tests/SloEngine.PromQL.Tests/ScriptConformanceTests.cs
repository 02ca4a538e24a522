using System.Text.Json;
using SloEngine.PromQL.Testing;

namespace SloEngine.PromQL.Tests;

/// <summary>Runs the test scripts of Prometheus, and cases that check a runner of them.</summary>
public sealed class ScriptConformanceTests
{
    /// <summary>Evaluations a file passes; only ever to be raised.</summary>
    public static readonly TheoryData<string, int> Files = new()
    {
        { "aggregators.test", 81 },
        { "at_modifier.test", 40 },
        { "collision.test", 1 },
        { "duration_expression.test", 29 },
        { "extended_vectors.test", 83 },
        { "fill-modifier.test", 24 },
        { "functions.test", 219 },
        { "histograms.test", 91 },
        { "info.test", 26 },
        { "limit.test", 19 },
        { "literals.test", 12 },
        { "name_label_dropping.test", 15 },
        { "native_histograms.test", 257 },
        { "operators.test", 108 },
        { "range_queries.test", 9 },
        { "selectors.test", 15 },
        { "staleness.test", 8 },
        { "start_timestamps.test", 13 },
        { "subquery.test", 16 },
        { "trig_functions.test", 9 },
        { "type_and_unit.test", 29 },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Scripts_of_Prometheus_pass(string file, int least)
    {
        if (Conformance.Find("promql/promqltest/" + file) is not { } path)
        {
            return;
        }
        IReadOnlyList<ScriptCase> cases = await ScriptRunner.RunAsync(await File.ReadAllTextAsync(path), default);

        string[] failed = [.. cases.Where(one => one.Problem is not null).Select(one => $"{file}:{one.Line} {one.Query}\n    {one.Problem}")];
        int passed = cases.Count - failed.Length;
        if (Conformance.Report(file + ".txt") is { } report)
        {
            await File.WriteAllTextAsync(report, $"{passed} of {cases.Count}\n{string.Join('\n', failed)}\n");
        }
        Assert.True(passed >= least, $"{passed} of {cases.Count} pass, {least} did\n{string.Join('\n', failed.Take(20))}");
    }

    [Fact]
    public async Task The_runner_reports_what_a_runner_must_report()
    {
        const int Least = 98;
        if (Conformance.Find("promql/promqltest-selftest/run_cases.json") is not { } path)
        {
            return;
        }
        using JsonDocument cases = JsonDocument.Parse(await File.ReadAllTextAsync(path));
        var failed = new List<string>();
        foreach (JsonElement one in cases.RootElement.EnumerateArray())
        {
            string? expected = one.TryGetProperty("expectedError", out JsonElement error) ? error.GetString() : null;
            string? actual = await FirstProblemAsync(one.GetProperty("input").GetString()!);
            if (expected != actual)
            {
                failed.Add($"{one.GetProperty("name").GetString()}\n    expected {expected}\n    got      {actual}");
            }
        }
        int passed = cases.RootElement.GetArrayLength() - failed.Count;
        if (Conformance.Report("selftest.txt") is { } report)
        {
            await File.WriteAllTextAsync(report, $"{passed} of {cases.RootElement.GetArrayLength()}\n{string.Join('\n', failed)}\n");
        }
        Assert.True(passed >= Least, string.Join('\n', failed));
    }

    [Fact]
    public void Start_times_that_do_not_fit_their_samples_are_refused()
    {
        if (Conformance.Find("promql/promqltest-selftest/st_line_mismatch_cases.json") is not { } path)
        {
            return;
        }
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllText(path));
        foreach (JsonElement one in cases.RootElement.EnumerateArray())
        {
            string script = string.Join('\n', one.GetProperty("lines").EnumerateArray().Select(line => line.GetString()));
            Assert.Throws<ScriptException>(() => ScriptParser.Parse(script));
        }
    }

    private static async Task<string?> FirstProblemAsync(string script)
    {
        try
        {
            return (await ScriptRunner.RunAsync(script, default)).FirstOrDefault(one => one.Problem is not null)?.Problem;
        }
        catch (ScriptException wrong)
        {
            return wrong.Message;
        }
    }
}
