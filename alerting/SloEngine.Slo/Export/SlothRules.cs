using System.Globalization;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;
using SloEngine.Slo.Sloth;

namespace SloEngine.Slo.Export;

/// <summary>The rules that Sloth generates for an SLO (slok/sloth, internal/plugin/slo/core): for those who leave Prometheus by degrees.</summary>
public static class SlothRules
{
    private const string Window = "sloth_window";

    /// <summary>What Sloth's texts begin with, by default.</summary>
    private const string Subject = "{{$labels.sloth_service}} {{$labels.sloth_slo}}";

    /// <summary>Recording and alerting rules of an SLO, for each of its objectives.</summary>
    /// <exception cref="SloExportException">What is measured is not PromQL.</exception>
    public static IEnumerable<PrometheusRuleGroup> Of(ServiceLevelObjective slo) =>
        slo.Each().SelectMany((objective, index) => Groups(objective, Name(slo, index)));

    /// <summary>Sloth's ids are service and name; it numbers the objectives of OpenSLO documents.</summary>
    private static string Name(ServiceLevelObjective slo, int index) =>
        slo.Id == $"{slo.Service}-{slo.DisplayName}" ? slo.DisplayName : string.Create(CultureInfo.InvariantCulture, $"{slo.Id}-{index}");

    private static IEnumerable<PrometheusRuleGroup> Groups(ServiceLevelObjective slo, string name)
    {
        WindowedQuery ratio = slo.Indicator.ErrorRatio ?? throw new SloExportException($"{slo.Id} is not measured by PromQL");
        string id = $"{slo.Service}-{name}";
        Dictionary<string, string> labels = new(slo.Labels) { ["sloth_id"] = id, ["sloth_service"] = slo.Service, ["sloth_slo"] = name };
        string selector = $"{{sloth_id=\"{id}\", sloth_service=\"{slo.Service}\", sloth_slo=\"{name}\"}}";
        TimeSpan[] windows = [.. Windows(slo)];
        string period = WindowedQuery.DurationText(slo.Window);
        string shortest = Series(windows[0]) + selector;
        yield return new PrometheusRuleGroup(
            $"sloth-slo-sli-recordings-{id}",
            [
                .. windows.Select(window => Record(Series(window), ratio.At(window), With(labels, Window, WindowedQuery.DurationText(window)))),
                Record(
                    Series(slo.Window), $"sum_over_time({shortest}[{period}])\n/ ignoring ({Window})\ncount_over_time({shortest}[{period}])", With(labels, Window, period)),
            ]);
        yield return new PrometheusRuleGroup($"sloth-slo-meta-recordings-{id}", [.. Meta(slo, labels, selector, windows[0])]);
        PrometheusRule[] alerts = [.. new[] { Severity.Page, Severity.Ticket }.Select(severity => Alert(slo, severity, selector)).OfType<PrometheusRule>()];
        if (alerts.Length > 0)
        {
            yield return new PrometheusRuleGroup($"sloth-slo-alerts-{id}", alerts);
        }
    }

    /// <summary>Windows that are recorded, shortest first: of alerts, also where they are switched off.</summary>
    private static IEnumerable<TimeSpan> Windows(ServiceLevelObjective slo)
    {
        bool isWhole = slo.Policies.Select(policy => policy.Severity).Distinct().Count() == 2;
        return slo.Policies.Concat(isWhole ? [] : AlertWindows.Default(slo.Window)).SelectMany(policy => (TimeSpan[])[policy.Short, policy.Long]).Distinct().Order();
    }

    private static IEnumerable<PrometheusRule> Meta(ServiceLevelObjective slo, Dictionary<string, string> labels, string selector, TimeSpan shortest)
    {
        string objective = Number(slo.Objective);
        const string Join = "/ on(sloth_id, sloth_slo, sloth_service) group_left";
        yield return Record("slo:objective:ratio", $"vector({objective})", labels);
        yield return Record("slo:error_budget:ratio", $"vector(1-{objective})", labels);
        yield return Record("slo:time_period:days", $"vector({Number(slo.Window.TotalDays)})", labels);
        yield return Record("slo:current_burn_rate:ratio", $"{Series(shortest)}{selector}\n{Join}\nslo:error_budget:ratio{selector}", labels);
        yield return Record("slo:period_burn_rate:ratio", $"{Series(slo.Window)}{selector}\n{Join}\nslo:error_budget:ratio{selector}", labels);
        yield return Record("slo:period_error_budget_remaining:ratio", $"1 - slo:period_burn_rate:ratio{selector}", labels);
        yield return Record("sloth_slo_info", "vector(1)", With(labels, "sloth_objective", Number(Percent(slo))));
    }

    private static PrometheusRule? Alert(ServiceLevelObjective slo, Severity severity, string selector)
    {
        // As Sloth computes it, so that the numbers are the same to the last digit.
        string budget = Number((100 - Percent(slo)) / 100);
        string[] conditions =
        [
            .. slo.Policies.Where(policy => policy.Severity == severity).OrderBy(policy => policy.Long).Select(policy =>
            {
                string burn = $"> ({Number(Math.Round(policy.Factor, 12))} * {budget})) without ({Window})";
                return $"(\n    max({Series(policy.Short)}{selector} {burn}\n    and\n    max({Series(policy.Long)}{selector} {burn}\n)";
            }),
        ];
        if (conditions.Length == 0)
        {
            return null;
        }
        AlertTemplate template = slo.AlertOf(severity);
        string name = severity == Severity.Page ? "page" : "ticket";
        // The recorded series give the alert the SLO's labels, and those of its id.
        Dictionary<string, string> labels = With(
            template.Labels.Where(label => !label.Key.StartsWith("sloth_", StringComparison.Ordinal)).ToDictionary(), "sloth_severity", name);
        Dictionary<string, string> annotations = new()
        {
            ["title"] = $"({name}) {Subject} SLO error budget burn rate is too fast.",
            ["summary"] = $"{Subject} SLO error budget burn rate is over expected.",
        };
        foreach ((string key, string value) in template.Annotations)
        {
            annotations[key] = value;
        }
        return new PrometheusRule(template.Name ?? "SloErrorBudgetBurn", IsAlert: true, string.Join("\nor\n", conditions), labels) { Annotations = annotations };
    }

    private static PrometheusRule Record(string name, string expression, Dictionary<string, string> labels) => new(name, IsAlert: false, expression, labels);

    private static string Series(TimeSpan window) => $"slo:sli_error:ratio_rate{WindowedQuery.DurationText(window)}";

    private static double Percent(ServiceLevelObjective slo) => Math.Round(slo.Objective * 100, 10);

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static Dictionary<string, string> With(IReadOnlyDictionary<string, string> labels, string name, string value) => new(labels) { [name] = value };
}
