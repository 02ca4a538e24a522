using System.Globalization;
using SloEngine.Alerting.Alerts;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Http;

/// <summary>SLOs as JSON objects.</summary>
internal static class SloJson
{
    /// <summary>An SLO with how its only objective stands, or the whole that several make up, or the first of them.</summary>
    public static Dictionary<string, object?> Of(ServiceLevelObjective slo, SloEvaluator evaluator, IReadOnlyList<Alert> alerts, Ledger ledger, DateTimeOffset now) =>
        Of(slo, evaluator.Evaluate(slo, now), alerts, ledger, now);

    private static Dictionary<string, object?> Of(ServiceLevelObjective slo, SloStatus status, IReadOnlyList<Alert> alerts, Ledger ledger, DateTimeOffset now)
    {
        Dictionary<string, object?> json = Of(status, alerts, ledger, now);
        json["id"] = slo.Id;
        json["displayName"] = slo.DisplayName;
        return json;
    }

    private static Dictionary<string, object?> Of(SloStatus status, IReadOnlyList<Alert> alerts, Ledger ledger, DateTimeOffset now)
    {
        ServiceLevelObjective slo = status.Slo;
        return new Dictionary<string, object?>
        {
            ["id"] = slo.Id,
            ["name"] = slo.Parent,
            ["displayName"] = slo.DisplayName,
            ["description"] = slo.Description,
            ["service"] = slo.Service,
            ["tenant"] = slo.Tenant,
            ["labels"] = slo.Labels,
            ["runbook"] = slo.Runbook,
            ["objective"] = slo.Objective,
            ["objectiveName"] = slo.Objectives[0].Name,
            ["group"] = slo.Group,
            ["method"] = slo.Method.ToString(),
            ["window"] = Duration(slo.Window),
            ["windowKind"] = slo.BudgetWindow is CalendarWindow ? "calendar" : "rolling",
            ["windowStart"] = status.Bounds.Start,
            ["windowEnd"] = status.Bounds.End,
            ["sliKind"] = slo.Indicator.Kind,
            ["good"] = (slo.Indicator.PartIsBad ? "all but " : "") + slo.Indicator.Part.Describe(),
            ["total"] = slo.Indicator.Total.Describe(),
            ["attained"] = status.Attained,
            ["goodEvents"] = status.Events.Good,
            ["totalEvents"] = status.Events.Total,
            ["impossible"] = status.IsImpossible,
            // Share of its past that has been read from the store; null once it has it.
            ["past"] = ledger.PastProgress(slo.Id),
            ["releasesPaused"] = status.ReleasesPaused,
            ["budget"] = new
            {
                allowed = status.AllowedBad,
                consumed = status.BudgetConsumed,
                remaining = status.BudgetRemaining,
                exhaustionSeconds = status.Exhaustion?.TotalSeconds,
                exhaustionEarliestSeconds = status.Forecast.Earliest?.TotalSeconds,
                exhaustionLatestSeconds = status.Forecast.Latest?.TotalSeconds,
                unit = slo.Method == BudgetingMethod.Occurrences ? "events" : "slices",
                exhaustedAt = status.Exhaustion is { TotalDays: < 3650 } left ? now + left : (DateTimeOffset?)null,
            },
            ["burnRates"] = status.Burns.Select(burn => new
            {
                window = Duration(burn.Window),
                burnRate = burn.Rate,
                good = burn.Sum.Good,
                total = burn.Sum.Total,
                coverage = burn.Coverage,
            }),
            ["coverage"] = ledger.Coverage(slo.Id, now, slo.Window),
            ["status"] = status.State switch
            {
                SloState.NoData => "no_data",
                SloState.Ok => "ok",
                SloState.Warning => "warning",
                SloState.Burning => "burning",
                _ => "exhausted",
            },
            ["alerts"] = slo.Policies.Select(policy => policy.Severity).Distinct().OrderDescending().Select(severity =>
            {
                string name = AlertText.Name(severity);
                Alert? alert = alerts.FirstOrDefault(candidate => candidate.Slo == slo.Id && candidate.Severity == name);
                return new
                {
                    policy = alert?.Policy,
                    severity = name,
                    state = alert?.State.ToString().ToLowerInvariant() ?? "inactive",
                    since = alert?.ActiveSince,
                };
            }),
        };
    }

    /// <summary>An SLO with its policies, and how each of its objectives and groups stands.</summary>
    public static Dictionary<string, object?> Detail(ServiceLevelObjective slo, SloEvaluator evaluator, IReadOnlyList<Alert> alerts, Ledger ledger, DateTimeOffset now)
    {
        SloStatus status = evaluator.Evaluate(slo, now);
        Dictionary<string, object?> json = Of(slo, status, alerts, ledger, now);
        json["policies"] = status.Policies.Select(policy => new
        {
            name = policy.Policy.Name,
            severity = AlertText.Name(policy.Policy.Severity),
            longWindow = Duration(policy.Policy.Long),
            shortWindow = Duration(policy.Policy.Short),
            factor = policy.Policy.Factor,
            pausesReleases = policy.Policy.PausesReleases,
            longBurn = policy.LongBurn,
            shortBurn = policy.ShortBurn,
            firing = policy.Holds == true,
        });
        json["source"] = slo.Source;
        json["groupBy"] = slo.GroupBy;
        json["composite"] = status.Slo.Composite?.Select(member => new { slo = member.Slo, weight = member.Weight });
        json["objectives"] = evaluator.Evaluated(slo).Select(each => Of(evaluator.Evaluate(each, now), alerts, ledger, now));
        return json;
    }

    /// <summary>A duration as Prometheus writes it: 5m, 6h, 30d.</summary>
    private static string Duration(TimeSpan span) => span switch
    {
        _ when span.Ticks % TimeSpan.TicksPerDay == 0 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalDays}d"),
        _ when span.Ticks % TimeSpan.TicksPerHour == 0 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours}h"),
        _ when span.Ticks % TimeSpan.TicksPerMinute == 0 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0}s"),
    };
}
