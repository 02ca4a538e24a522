using System.Text.Json;
using SloEngine.Alerting.Alerts;

namespace SloEngine.Alerting.Notifications;

/// <summary>The body of a notification: Alertmanager's webhook format, version 4, with one alert.</summary>
internal static class WebhookPayload
{
    public static string Of(Alert alert, string receiver, Uri ui)
    {
        string status = alert.State == AlertState.Resolved ? "resolved" : "firing";
        return JsonSerializer.Serialize(new
        {
            version = "4",
            groupKey = $"{{}}:{{slo=\"{alert.Slo}\", severity=\"{alert.Severity}\"}}",
            truncatedAlerts = 0,
            status,
            receiver,
            groupLabels = new Dictionary<string, string> { ["slo"] = alert.Slo, ["severity"] = alert.Severity },
            commonLabels = alert.Labels,
            commonAnnotations = alert.Annotations,
            externalURL = ui.ToString(),
            alerts = new[]
            {
                new
                {
                    status,
                    labels = alert.Labels,
                    annotations = alert.Annotations,
                    startsAt = alert.FiredAt ?? alert.ActiveSince,
                    endsAt = alert.ResolvedAt ?? DateTimeOffset.MinValue,
                    generatorURL = alert.Annotations.GetValueOrDefault("dashboard", ""),
                    fingerprint = alert.Fingerprint,
                },
            },
        });
    }
}
