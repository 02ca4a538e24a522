using System.Globalization;
using System.Text;
using SloEngine.Alerting.Alerts;
using SloEngine.Alerting.Notifications;
using SloEngine.Collector.Receivers;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Alertmanagers;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;
using SloEngine.Rules.Scheduling;

namespace SloEngine.Server.Rules;

/// <summary>
/// Hands alerts of rules to Alertmanagers, and to the notifier of SLO alerts, whose webhooks get them in Alertmanager's shape: grouped by
/// <c>alertname</c>, routed by the label <c>severity</c>.
/// </summary>
internal sealed class RuleNotifications(Notifier notifier, AlertmanagerPush alertmanagers, RuleSchedulerOptions options) : IRuleNotifier
{
    private const ulong FnvOffset = 14695981039346656037;
    private const ulong FnvPrime = 1099511628211;
    private const byte Separator = 0xFF;

    public Task NotifyAsync(RuleAlertNews news, CancellationToken cancellation)
    {
        RuleAlert alert = news.Alert;
        if (news.IsRuleGone)
        {
            alertmanagers.Ended(news.Tenant, alert, GeneratorUrl(news.Rule), options.ExternalLabels);
        }
        Labels labels = Labels.Of(options.ExternalLabels.Where(label => alert.Labels[label.Key].Length == 0).Concat(alert.Labels.Pairs.ToArray()));
        return notifier.EnqueueAsync(
            new Alert
            {
                Slo = labels.ToString(),
                Tenant = news.Tenant,
                Policy = labels["alertname"],
                Severity = labels["severity"],
                State = alert.State == RuleAlertState.Firing ? AlertState.Firing : AlertState.Resolved,
                Labels = labels.Pairs.ToArray().ToDictionary(),
                Annotations = alert.Annotations.ToDictionary(),
                ActiveSince = DateTimeOffset.FromUnixTimeMilliseconds(alert.ActiveSinceMs),
                FiredAt = Time(alert.FiredAtMs),
                ResolvedAt = Time(alert.ResolvedAtMs),
                Value = alert.Value,
                Fingerprint = Fingerprint(news.Tenant, labels),
                GroupLabels = new Dictionary<string, string> { ["alertname"] = labels["alertname"] },
                GeneratorUrl = GeneratorUrl(news.Rule),
            },
            cancellation);
    }

    public void Evaluated(RuleGroup group, AlertingState rule, long timeMs, TimeSpan interval) =>
        alertmanagers.Evaluated(group.Tenant, rule, timeMs, interval, GeneratorUrl(rule.Rule), options.ExternalLabels);

    /// <summary>Where Prometheus has its table of an expression's values.</summary>
    private string GeneratorUrl(Rule rule) =>
        $"{options.ExternalUrl().ToString().TrimEnd('/')}/graph?g0.expr={Uri.EscapeDataString(rule.Expression.ToString()!)}&g0.tab=1";

    /// <summary>
    /// Alertmanager's fingerprint of labels: FNV-1a of names and values, sorted by name (prometheus/common, model/signature.go). Of any but the default tenant that comes
    /// in front, under a name that no label has: alerts of two tenants are two, also with the same labels.
    /// </summary>
    internal static string Fingerprint(string tenant, Labels labels)
    {
        ulong hash = FnvOffset;
        if (tenant != Tenants.Default)
        {
            Add("", tenant);
        }
        foreach ((string name, string value) in labels.Pairs)
        {
            Add(name, value);
        }
        return hash.ToString("x16", CultureInfo.InvariantCulture);

        void Add(string name, string value)
        {
            foreach (byte next in (byte[])[.. Encoding.UTF8.GetBytes(name), Separator, .. Encoding.UTF8.GetBytes(value), Separator])
            {
                hash = (hash ^ next) * FnvPrime;
            }
        }
    }

    private static DateTimeOffset? Time(long? milliseconds) => milliseconds is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known) : null;
}
