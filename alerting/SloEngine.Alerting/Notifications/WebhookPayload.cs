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
            groupKey = $"{{}}:{{{string.Join(", ", alert.GroupLabels.Select(static label => $"{label.Key}=\"{label.Value}\""))}}}",
            truncatedAlerts = 0,
            status,
            receiver,
            groupLabels = alert.GroupLabels,
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
                    startsAt = (alert.FiredAt ?? alert.ActiveSince).UtcDateTime,
                    endsAt = (alert.ResolvedAt ?? DateTimeOffset.MinValue).UtcDateTime,
                    generatorURL = alert.GeneratorUrl,
                    fingerprint = alert.Fingerprint,
                },
            },
        });
    }
}
