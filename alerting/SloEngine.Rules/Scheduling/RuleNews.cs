using System.Collections.Concurrent;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Scheduling;

/// <summary>News of alerts that are still to be told, in the order in which they came.</summary>
internal sealed class RuleNews
{
    private readonly ConcurrentQueue<RuleAlertNews> _news = new();

    /// <summary>Adds what an evaluation has changed: alerts that began to fire, or are over.</summary>
    public void Changed(string tenant, AlertingState rule, IReadOnlyCollection<RuleAlert> before)
    {
        HashSet<Labels> fired = [.. before.Where(static alert => alert.State == RuleAlertState.Firing).Select(static alert => alert.Labels)];
        foreach (RuleAlert alert in rule.Alerts)
        {
            bool isNew = alert.State switch
            {
                RuleAlertState.Firing => !fired.Contains(alert.Labels),
                RuleAlertState.Inactive => fired.Contains(alert.Labels),
                _ => false,
            };
            if (isNew)
            {
                _news.Enqueue(new RuleAlertNews(tenant, (AlertingRule)rule.Rule, alert));
            }
        }
    }

    /// <summary>The alerts of a rule that is no more are over.</summary>
    public void End(string tenant, AlertingState rule, long timeMs)
    {
        foreach (RuleAlert alert in rule.Alerts)
        {
            if (alert.State == RuleAlertState.Firing)
            {
                _news.Enqueue(new RuleAlertNews(tenant, (AlertingRule)rule.Rule, alert with { State = RuleAlertState.Inactive, ResolvedAtMs = timeMs }, IsRuleGone: true));
            }
        }
    }

    /// <summary>Tells all; what could not be told stays for the next time.</summary>
    public async Task TellAsync(IRuleNotifier notifier, CancellationToken cancellation)
    {
        while (_news.TryPeek(out RuleAlertNews? next))
        {
            await notifier.NotifyAsync(next, cancellation);
            _news.TryDequeue(out _);
        }
    }
}
