using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Alertmanagers;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;
using SloEngine.Rules.Scheduling;
using SloEngine.Rules.Templates;

namespace SloEngine.Rules.Http;

/// <summary>Rules and alerts over HTTP (prometheus.io/docs/prometheus/latest/querying/api, "Rules" and "Alerts").</summary>
public static class RulesApi
{
    /// <summary>Maps <c>/api/v1/rules</c>, <c>/api/v1/alerts</c> and <c>/api/v1/alertmanagers</c>.</summary>
    /// <param name="endpoints">Where to map.</param>
    /// <param name="otherAlerts">Alerts that come from elsewhere, in the shape of the answer.</param>
    public static void MapRulesApi(this IEndpointRouteBuilder endpoints, Func<HttpContext, IEnumerable<object>> otherAlerts)
    {
        RuleScheduler scheduler = endpoints.ServiceProvider.GetRequiredService<RuleScheduler>();
        AlertmanagerPush alertmanagers = endpoints.ServiceProvider.GetRequiredService<AlertmanagerPush>();
        endpoints.MapGet("/api/v1/rules", (HttpRequest request) => Answer(request, scheduler));
        endpoints.MapGet("/api/v1/alerts", (HttpRequest request) => Success(new
        {
            alerts = otherAlerts(request.HttpContext).Concat(Groups(request, scheduler).SelectMany(static group => group.State.Rules).OfType<AlertingState>().SelectMany(Alerts)),
        }));
        endpoints.MapGet("/api/v1/alertmanagers", () => Success(new
        {
            activeAlertmanagers = alertmanagers.Urls.Select(static url => new { url }),
            droppedAlertmanagers = Array.Empty<object>(),
        }));
    }

    private static IEnumerable<ScheduledGroup> Groups(HttpRequest request, RuleScheduler scheduler)
    {
        string tenant = request.Headers["X-Scope-OrgID"].ToString() is { Length: > 0 } given ? given : "default";
        return scheduler.Groups.Where(group => group.State.Group.Tenant == tenant);
    }

    private static IResult Success(object data) => Results.Json(new { status = "success", data });

    private static IResult Answer(HttpRequest request, RuleScheduler scheduler)
    {
        string? type = request.Query["type"];
        if (type is not (null or "" or "alert" or "record"))
        {
            string error = $"invalid parameter \"type\": not supported value \"{type}\"";
            return Results.Json(new { status = "error", errorType = "bad_data", error }, statusCode: StatusCodes.Status400BadRequest);
        }
        bool withAlerts = request.Query["exclude_alerts"] != "true";
        bool Wanted(string parameter, string value) => request.Query[parameter].Count == 0 || request.Query[parameter].Contains(value);
        var groups = new List<object>();
        foreach (ScheduledGroup group in Groups(request, scheduler))
        {
            RuleGroup definition = group.State.Group;
            object[] rules =
            [
                .. group.State.Rules
                    .Where(rule => (type is null or "" || (type == "alert") == rule is AlertingState) && Wanted("rule_name[]", rule.Rule.Name))
                    .Select(rule => Of(rule, withAlerts)),
            ];
            if (rules.Length > 0 && Wanted("rule_group[]", definition.Name) && Wanted("file[]", definition.File))
            {
                groups.Add(new
                {
                    name = definition.Name,
                    file = definition.File,
                    rules,
                    interval = group.IntervalMs / 1000.0,
                    limit = definition.Limit,
                    evaluationTime = group.LastDuration.TotalSeconds,
                    lastEvaluation = Time(group.LastMs),
                });
            }
        }
        return Success(new { groups });
    }

    private static Dictionary<string, object?> Of(RuleState state, bool withAlerts)
    {
        var json = new Dictionary<string, object?>();
        if (state is AlertingState alerting)
        {
            var rule = (AlertingRule)state.Rule;
            json["state"] = alerting.Alerts.Select(static alert => alert.State).ToArray() is var states && states.Contains(RuleAlertState.Firing) ? "firing"
                : states.Contains(RuleAlertState.Pending) ? "pending" : "inactive";
            json["duration"] = rule.For.TotalSeconds;
            json["keepFiringFor"] = rule.KeepFiringFor.TotalSeconds;
            json["annotations"] = rule.Annotations.ToDictionary();
            json["alerts"] = withAlerts ? Alerts(alerting).ToArray() : [];
        }
        json["name"] = state.Rule.Name;
        json["query"] = state.Rule.Expression.ToString();
        json["labels"] = state.Rule.Labels.ToDictionary();
        json["health"] = state.LastTimeMs is null ? "unknown" : state.LastError is null ? "ok" : "err";
        if (state.LastError is { } error)
        {
            json["lastError"] = error;
        }
        json["evaluationTime"] = state.LastDuration.TotalSeconds;
        json["lastEvaluation"] = Time(state.LastTimeMs);
        json["type"] = state is AlertingState ? "alerting" : "recording";
        return json;
    }

    private static IEnumerable<object> Alerts(AlertingState rule) => rule.Alerts.Where(static alert => alert.State != RuleAlertState.Inactive).Select(static alert =>
    {
        var json = new Dictionary<string, object?>
        {
            ["labels"] = Map(alert.Labels),
            ["annotations"] = alert.Annotations.ToDictionary(),
            ["state"] = alert.State == RuleAlertState.Firing ? "firing" : "pending",
            ["activeAt"] = Time(alert.ActiveSinceMs),
            ["value"] = Value(alert.Value),
        };
        if (alert.KeptSinceMs is { } kept)
        {
            json["keepFiringSince"] = Time(kept);
        }
        return (object)json;
    });

    private static Dictionary<string, string> Map(Labels labels) => TemplateEnvironment.Map(labels);

    /// <summary>Always with an exponent, and the fewest digits that read back as the same value.</summary>
    private static string Value(double value)
    {
        for (int decimals = 0; decimals < 16; decimals++)
        {
            string text = GoNumber.Scientific(value, decimals);
            if (!double.IsFinite(value) || double.Parse(text, CultureInfo.InvariantCulture) == value)
            {
                return text;
            }
        }
        return GoNumber.Scientific(value, 16);
    }

    /// <summary>Never is the year 1.</summary>
    private static DateTimeOffset Time(long? milliseconds) => milliseconds is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known) : DateTimeOffset.MinValue;
}
