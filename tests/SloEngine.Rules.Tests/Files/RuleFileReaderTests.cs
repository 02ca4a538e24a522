using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Tests.Files;

public sealed class RuleFileReaderTests
{
    [Fact]
    public void A_group_is_read_with_all_its_settings()
    {
        RuleFile file = Read(
            """
            groups:
              - name: shop
                interval: 30s
                query_offset: 1m
                limit: 10
                labels: { team: checkout, tier: "1" }
                rules:
                  - record: job:requests:rate5m
                    expr: sum by (job) (rate(requests_total[5m]))
                    labels: { tier: "2" }
                  - alert: Slow
                    expr: latency > 1
                    for: 5m
                    keep_firing_for: 1h30m
                    annotations:
                      summary: "{{ $labels.job }} takes {{ $value | humanizeDuration }}"
            """);

        Assert.Empty(file.Errors);
        RuleGroup group = Assert.Single(file.Groups);
        Assert.Equal((TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1), 10), (group.Interval!.Value, group.QueryOffset!.Value, group.Limit));
        Assert.Equal([new("team", "checkout"), new("tier", "2")], group.Rules[0].Labels);
        AlertingRule alert = Assert.IsType<AlertingRule>(group.Rules[1]);
        Assert.Equal((TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(90)), (alert.For, alert.KeepFiringFor));
    }

    [Theory]
    [InlineData("  - name: a\n    intervall: 1m", "rules.yml:3:5: unknown key groups[0].intervall; did you mean groups[0].interval?")]
    [InlineData("  - name: a\n    interval: soon", "rules.yml:3:15: groups[0].interval is 'soon', expected a duration such as 30s, 5m or 1h30m")]
    [InlineData("  - name: a\n  - name: a", "rules.yml:3:11: group \"a\" is there twice, expected names that are unique within the file")]
    [InlineData("  - name: a\n    rules:\n      - expr: 1", "rules.yml:4:9: groups[0].rules[0] has neither record nor alert, expected one of them")]
    [InlineData("  - name: a\n    rules:\n      - record: b\n        expr: sum(", "rules.yml:5:15: groups[0].rules[0].expr is no PromQL: 1:5: parse error: unclosed left parenthesis")]
    [InlineData("  - name: a\n    rules:\n      - record: b{c=\"d\"}\n        expr: 1", "rules.yml:4:17: groups[0].rules[0].record is 'b{c=\"d\"}', expected the name of a metric: labels and braces belong into labels and expr")]
    public void What_is_wrong_is_told_with_its_place(string groups, string expected)
    {
        RuleFile file = Read("groups:\n" + groups);

        Assert.Equal([expected], file.Errors.Select(error => error.ToString()));
    }

    [Theory]
    [InlineData("{{ $label.job }}", "undefined variable \"$label\"")]
    [InlineData("{{ humanise $value }}", "function \"humanise\" not defined")]
    [InlineData("{{ if $value }}", "unexpected EOF")]
    public void A_template_that_is_none_is_refused(string template, string expected)
    {
        RuleFile file = Read($"groups:\n  - name: a\n    rules:\n      - alert: b\n        expr: 1\n        annotations:\n          text: '{template}'");

        Assert.Equal($"rules.yml:7:17: groups[0].rules[0].annotations.text is no template: template: __alert_b:1: {expected}", Assert.Single(file.Errors).ToString());
    }

    [Fact]
    public void All_errors_of_a_file_are_told_at_once()
    {
        RuleFile file = Read("groups:\n  - name: a\n    rules:\n      - record: b\n        expr: +\n        for: 1m\n      - alert: c\n        expr: 1\n        for: x");

        Assert.Equal([5, 6, 9], file.Errors.Select(error => (int)error.Line));
    }

    [Fact]
    public void Fields_are_merged_from_anchors_and_may_be_replaced()
    {
        RuleFile file = Read(
            """
            groups:
              - name: a
                rules:
                  - &down
                    alert: Down
                    expr: up == 0
                    for: 5m
                  - <<: *down
                    for: 10m
            """);

        Assert.Equal([5, 10], file.Groups[0].Rules.Cast<AlertingRule>().Select(rule => (int)rule.For.TotalMinutes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet")]
    [InlineData("groups:")]
    [InlineData("groups: []")]
    public void A_file_may_have_no_groups(string text) => Assert.Empty(Read(text).Errors);

    [Fact]
    public void A_manifest_holds_its_groups_below_spec()
    {
        RuleFile file = Read("kind: PrometheusRule\nspec:\n  groups:\n    - name: a\n      rules:\n        - record: b\n          expr: 1");

        Assert.Equal("b", Assert.Single(Assert.Single(file.Groups).Rules).Name);
    }

    [Fact]
    public void A_rule_that_is_there_twice_is_accepted_with_a_warning()
    {
        RuleFile file = Read("groups:\n  - name: a\n    rules:\n      - record: b\n        expr: 1\n      - record: b\n        expr: 2");

        Assert.Empty(file.Errors);
        Assert.Equal(6, Assert.Single(file.Warnings).Line);
    }

    private static RuleFile Read(string text) => RuleFileReader.Read("rules.yml", text, new ParserOptions());
}
