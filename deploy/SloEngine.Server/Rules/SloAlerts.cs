using System.Globalization;
using SloEngine.Alerting.Alerts;
using SloEngine.Slo.Model;

namespace SloEngine.Server.Rules;

/// <summary>Alerts of SLOs, for the list in which they stand beside those of rules.</summary>
internal static class SloAlerts
{
    public static Func<HttpContext, IEnumerable<object>> In(IServiceProvider services)
    {
        AlertEvaluator evaluator = services.GetRequiredService<AlertEvaluator>();
        Func<HttpContext, TenantScope> scopes = services.GetRequiredService<Func<HttpContext, TenantScope>>();
        return http => evaluator.Current.Where(alert => scopes(http).Covers(alert.Tenant)).Select(static alert => new
        {
            labels = alert.Labels,
            annotations = alert.Annotations,
            state = alert.State == AlertState.Firing ? "firing" : "pending",
            activeAt = alert.ActiveSince,
            value = alert.Value.ToString("R", CultureInfo.InvariantCulture),
        });
    }
}
