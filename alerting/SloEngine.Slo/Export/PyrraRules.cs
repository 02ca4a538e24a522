using System.Globalization;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Export;

/// <summary>The burn-rate rules and the generic ones that Pyrra generates for an SLO (pyrra-dev/pyrra, slo/rules.go).</summary>
public static class PyrraRules
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>Rules of an SLO, for each of its objectives.</summary>
    /// <exception cref="SloExportException">What is measured is not a metric's, or not PromQL.</exception>
    public static IEnumerable<PrometheusRuleGroup> Of(ServiceLevelObjective slo) => slo.Each().SelectMany(Groups);

    private static IEnumerable<PrometheusRuleGroup> Groups(ServiceLevelObjective slo)
    {
        if (slo.Indicator is not { ErrorRatio: { } ratio, Total: MetricMeasure total })
        {
            throw new SloExportException($"{slo.Id} is not measured by a metric's events");
        }
        string name = slo.DisplayName;
        // Only conditions of equality have one value that a rule may be labelled with; grouping keeps the labels of the events.
        Matcher[] equal = [.. total.Matchers.Where(matcher => matcher.Comparison == "=")];
        Dictionary<string, string> labels = new() { ["slo"] = name };
        foreach (Matcher matcher in equal.Where(matcher => !slo.GroupBy.Contains(matcher.Label)))
        {
            labels[matcher.Label] = matcher.Value;
        }
        foreach ((string key, string value) in slo.Labels.Where(label => label.Key != "namespace"))
        {
            labels[key] = value;
        }
        string metric = total.Metric.EndsWith("_total", StringComparison.Ordinal) ? total.Metric[..^"_total".Length] : total.Metric;
        string Series(TimeSpan window) => $"{metric}:burnrate{WindowedQuery.DurationText(window)}";
        string selector = MeasureQuery.Selector("", [.. equal.Append(new Matcher("slo", "=", name)).OrderBy(matcher => matcher.Label, StringComparer.Ordinal)]);
        string objective = slo.Objective.ToString("R", CultureInfo.InvariantCulture);
        IReadOnlyList<BurnPolicy> windows = slo.Policies.Count > 0 ? slo.Policies : BurnPresets.Of(BurnPreset.Pyrra, slo.Objective, slo.Window);
        yield return new PrometheusRuleGroup(
            name,
            [
                .. windows.SelectMany(policy => (TimeSpan[])[policy.Short, policy.Long]).Distinct().Order()
                    .Select(window => new PrometheusRule(Series(window), IsAlert: false, ratio.At(window), labels)),
                .. slo.Policies.Select(policy => new PrometheusRule(
                    "ErrorBudgetBurn", IsAlert: true, Condition(policy), new Dictionary<string, string>(labels)
                    {
                        ["severity"] = policy.Severity == Severity.Page ? "critical" : "warning",
                        ["short"] = WindowedQuery.DurationText(policy.Short),
                        ["long"] = WindowedQuery.DurationText(policy.Long),
                        ["exhaustion"] = WindowedQuery.DurationText(slo.Window / policy.Factor),
                    })
                {
                    For = policy.For,
                }),
            ])
        {
            Interval = Interval,
        };
        yield return new PrometheusRuleGroup(
            $"{name}-generic",
            [
                new PrometheusRule("pyrra_objective", IsAlert: false, objective, new Dictionary<string, string> { ["slo"] = name }),
                new PrometheusRule(
                    "pyrra_window", IsAlert: false, slo.Window.TotalSeconds.ToString(CultureInfo.InvariantCulture), new Dictionary<string, string> { ["slo"] = name }),
            ])
        {
            Interval = Interval,
        };

        string Condition(BurnPolicy policy)
        {
            string bound = string.Create(CultureInfo.InvariantCulture, $"({policy.Factor:R} * (1-{objective}))");
            return $"{Series(policy.Short)}{selector} > {bound} and {Series(policy.Long)}{selector} > {bound}";
        }
    }
}
