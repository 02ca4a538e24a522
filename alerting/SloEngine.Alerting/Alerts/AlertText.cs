using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Alerts;

/// <summary>What an alert tells the person who gets it: the SLO, the burn, the windows, the budget left and how long it lasts.</summary>
internal static partial class AlertText
{
    public static Dictionary<string, string> Labels(ServiceLevelObjective slo, Severity severity)
    {
        AlertTemplate template = slo.AlertOf(severity);
        var labels = new Dictionary<string, string>(slo.Labels, StringComparer.Ordinal)
        {
            ["severity"] = Name(severity),
        };
        foreach ((string key, string value) in template.Labels)
        {
            labels[key] = value;
        }
        labels["alertname"] = template.Name ?? "SLOErrorBudgetBurn";
        labels["slo"] = slo.Parent;
        labels["service"] = slo.Service;
        if (slo.Parent != slo.Id && slo.Objectives[0].Name.Length > 0)
        {
            labels["objective"] = slo.Objectives[0].Name;
        }
        return labels;
    }

    public static Dictionary<string, string> Annotations(SloStatus status, PolicyState policy, Uri ui, DateTimeOffset now)
    {
        ServiceLevelObjective slo = status.Slo;
        string burn = Number(policy.LongBurn ?? 0);
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["summary"] = $"{slo.DisplayName}: error budget burns {burn} times as fast as it may",
            ["description"] = string.Create(
                CultureInfo.InvariantCulture,
                $"SLO {slo.Id} ({slo.Objective * 100:0.###} % over {Words(slo.Window)}) burns {burn}x over {Words(policy.Policy.Long)} and {Number(policy.ShortBurn ?? 0)}x over {Words(policy.Policy.Short)}; {Name(policy.Policy.Severity)} from {policy.Policy.Factor:0.##}x. Budget left: {Budget(status)}. Attained: {(status.Attained ?? 1) * 100:0.###} % of {status.Sum.Total:0} {(slo.Method == BudgetingMethod.Occurrences ? "events" : "slices")}."),
            ["burn_rate"] = burn,
            ["budget_remaining"] = status.BudgetRemaining.ToString("0.####", CultureInfo.InvariantCulture),
            ["dashboard"] = new Uri(ui, string.Create(
                CultureInfo.InvariantCulture, $"/slos/{Uri.EscapeDataString(slo.Id)}?start={(now - TimeSpan.FromHours(1)).ToUnixTimeMilliseconds()}&end={now.ToUnixTimeMilliseconds()}")).ToString(),
        };
        if (status.Exhaustion is { } time)
        {
            annotations["exhaustion"] = (now + Min(time, TimeSpan.FromDays(3650))).ToString("O", CultureInfo.InvariantCulture);
        }
        if (status.ReleasesPaused)
        {
            annotations["releases"] = "paused";
        }
        if (slo.Runbook is not null)
        {
            annotations["runbook_url"] = slo.Runbook;
        }
        Dictionary<string, string> labels = Labels(slo, policy.Policy.Severity);
        foreach ((string key, string text) in slo.AlertOf(policy.Policy.Severity).Annotations)
        {
            annotations[key] = LabelName().Replace(text, name => labels.GetValueOrDefault(name.Groups[1].Value, ""));
        }
        return annotations;
    }

    public static string Name(Severity severity) => severity == Severity.Page ? "page" : "ticket";

    /// <summary>A duration in its largest fitting units: 90 s, 5 m, 6 h 30 m, 30 d.</summary>
    public static string Words(TimeSpan span) => span switch
    {
        { TotalDays: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalDays:0.#} d"),
        { TotalHours: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0.#} h"),
        { TotalMinutes: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0.#} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s"),
    };

    private static string Budget(SloStatus status) => status.BudgetRemaining switch
    {
        < -1 => string.Create(CultureInfo.InvariantCulture, $"none, it is spent {1 - status.BudgetRemaining:0} times over"),
        <= 0 => "none, it is spent",
        double left => string.Create(CultureInfo.InvariantCulture, $"{left * 100:0.#} %; ")
            + (status.Exhaustion is { } time ? $"at the burn of the last hour it is gone in {Words(time)}" : "it does not burn at present"),
    };

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    [GeneratedRegex(@"\{\{-?\s*\$labels\.(\w+)\s*-?\}\}")]
    private static partial Regex LabelName();

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
