using SloEngine.Alerting.Alerts;
using SloEngine.Alerting.Notifications;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Scheduling;

namespace SloEngine.Server.Rules;

/// <summary>
/// Hands alerts of rules to the notifier of SLO alerts: where that names an SLO, theirs is the alert's name with its labels, and the route is
/// that of the label <c>severity</c>.
/// </summary>
internal sealed class RuleNotifications(Notifier notifier) : IRuleNotifier
{
    public Task NotifyAsync(RuleAlert alert, CancellationToken cancellation) => notifier.EnqueueAsync(
        new Alert
        {
            Slo = alert.Labels.ToString(),
            Policy = alert.Labels["alertname"],
            Severity = alert.Labels["severity"],
            State = alert.State == RuleAlertState.Firing ? AlertState.Firing : AlertState.Resolved,
            Labels = alert.Labels.Pairs.ToArray().ToDictionary(),
            Annotations = alert.Annotations.ToDictionary(),
            ActiveSince = DateTimeOffset.FromUnixTimeMilliseconds(alert.ActiveSinceMs),
            FiredAt = Time(alert.FiredAtMs),
            ResolvedAt = Time(alert.ResolvedAtMs),
            Value = alert.Value,
        },
        cancellation);

    private static DateTimeOffset? Time(long? milliseconds) => milliseconds is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known) : null;
}
