using System.Text.RegularExpressions;
using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Testing;

namespace SloEngine.Rules.Tests.Testing;

public sealed class RuleTestRunnerTests : IDisposable
{
    private const string Rules =
        """
        groups:
          - name: second
            rules:
              - record: total
                expr: sum(part)
          - name: first
            rules:
              - record: part
                expr: requests * 2
              - alert: Busy
                expr: part > 4
                for: 2m
                keep_firing_for: 2m
                labels: { severity: page }
                annotations:
                  summary: "{{ $labels.job }} at {{ $externalLabels.site }} has {{ $value }}, {{ query \"max(part)\" | first | value }} at most"
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("sloengine-rules-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Recorded_series_and_alerts_are_as_expected()
    {
        RuleTestReport report = await RunAsync(
            """
            rule_files: ["rul*.yml"]
            group_eval_order: [first, second]
            tests:
              - name: busy
                external_labels: { site: north }
                input_series:
                  - series: 'requests{job="shop"}'
                    values: 1 3x3 1x10
                alert_rule_test:
                  - { eval_time: 2m, alertname: Busy }
                  - eval_time: 3m30s
                    alertname: Busy
                    exp_alerts:
                      - exp_labels: { job: shop, severity: page }
                        exp_annotations: { summary: "shop at north has 6, 6 at most" }
                  - eval_time: 6m
                    alertname: Busy
                    exp_alerts:
                      - exp_labels: { job: shop, severity: page }
                        exp_annotations: { summary: "shop at north has 6, 6 at most" }
                  - { eval_time: 7m, alertname: Busy, exp_alerts: [] }
                promql_expr_test:
                  - expr: total
                    eval_time: 1m
                    exp_samples: [{ labels: total, value: 6 }]
                  - expr: ALERTS{alertstate="pending"}
                    eval_time: 2m
                    exp_samples: [{ labels: 'ALERTS{alertname="Busy", alertstate="pending", job="shop", severity="page"}', value: 1 }]
                  - expr: ALERTS{alertstate="pending"}
                    eval_time: 3m
                  - expr: ALERTS_FOR_STATE
                    eval_time: 3m
                    exp_samples: [{ labels: 'ALERTS_FOR_STATE{alertname="Busy", job="shop", severity="page"}', value: 60 }]
            """);

        Assert.True(report.HasPassed, Problems(report));
    }

    [Fact]
    public async Task What_differs_is_told_with_its_line()
    {
        RuleTestReport report = await RunAsync(
            """
            rule_files: [rules.yml]
            tests:
              - input_series: [{ series: 'requests{job="shop"}', values: "1" }]
                promql_expr_test:
                  - expr: part
                    exp_samples: [{ labels: 'part{job="shop"}', value: 3 }]
                alert_rule_test:
                  - { eval_time: 0, alertname: Busy, exp_alerts: [{ exp_labels: { job: shop } }] }
            """);

        Assert.False(report.HasPassed);
        Assert.Equal(
            [
                $"{report.File}:8: alert Busy at 0s: expected [{{alertname=\"Busy\", job=\"shop\"}} with {{}}], got nothing",
                $"{report.File}:5: part at 0s: expected [{{__name__=\"part\", job=\"shop\"}} 3], got [{{__name__=\"part\", job=\"shop\"}} 2]",
            ],
            report.Tests[0].Problems);
    }

    [Theory]
    [InlineData("tests: [{ inputs: [] }]", "unknown key tests[0].inputs; did you mean tests[0].")]
    [InlineData("tests: [{ alert_rule_test: [{ eval_time: 1m }] }]", "tests[0].alert_rule_test[0].alertname is missing, expected the name of an alert")]
    [InlineData("tests: [{ input_series: [{ series: 'x{', values: 1 }] }]", "tests[0].input_series[0] is no series")]
    [InlineData("group_eval_order: [a, a]", "group_eval_order names a group twice, expected each once")]
    public async Task A_file_that_is_no_test_is_refused(string text, string expected) =>
        Assert.Contains(expected, (await RunAsync(text)).Error, StringComparison.Ordinal);

    [Fact]
    public async Task A_rule_file_that_is_missing_is_a_warning()
    {
        RuleTestReport report = await RunAsync("rule_files: [none.yml]\ntests: [{}]");

        Assert.True(report.HasPassed);
        Assert.Single(report.Warnings);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public async Task Floats_differ_in_their_last_bit_only_where_that_is_allowed(bool isFuzzy, bool passes)
    {
        RuleTestReport report = await RunAsync(
            $$"""
            fuzzy_compare: {{(isFuzzy ? "true" : "false")}}
            tests:
              - promql_expr_test:
                  - { expr: vector(0.1 + 0.2), exp_samples: [{ labels: "{}", value: 0.3 }] }
            """);

        Assert.Equal(passes, report.HasPassed);
    }

    [Fact]
    public async Task A_test_may_start_at_another_time_than_1970()
    {
        RuleTestReport report = await RunAsync(
            """
            tests:
              - start_timestamp: 2026-01-01T00:00:00Z
                interval: 1m
                input_series: [{ series: x, values: 1 2 }]
                promql_expr_test:
                  - { expr: timestamp(x), eval_time: 1m, exp_samples: [{ value: 1767225660 }] }
                  - { expr: year(), exp_samples: [{ value: 2026 }] }
            """);

        Assert.True(report.HasPassed, Problems(report));
    }

    [Fact]
    public async Task Only_tests_of_a_name_are_run_if_asked_for()
    {
        RuleTestReport report = await RunAsync("tests: [{ name: one }, { name: two }]", new Regex("tw"));

        Assert.Equal("two", Assert.Single(report.Tests).Name);
    }

    [Fact]
    public async Task A_rule_that_fails_ends_its_test()
    {
        RuleTestReport report = await RunAsync(
            """
            rule_files: [rules.yml]
            tests:
              - input_series:
                  - { series: 'requests{job="a"}', values: 1 }
                  - { series: 'part{job="a"}', values: 1 }
            """);

        Assert.Contains("rule part at 0s: duplicate sample for timestamp", Assert.Single(report.Tests[0].Problems), StringComparison.Ordinal);
    }

    private static string Problems(RuleTestReport report) => string.Join('\n', report.Tests.SelectMany(test => test.Problems)) + report.Error;

    private async Task<RuleTestReport> RunAsync(string text, Regex? only = null)
    {
        string file = Path.Combine(_folder.FullName, "test.yml");
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "rules.yml"), Rules);
        await File.WriteAllTextAsync(file, text);
        return await new RuleTestRunner(new ParserOptions(), only).RunAsync(file, CancellationToken.None);
    }
}
