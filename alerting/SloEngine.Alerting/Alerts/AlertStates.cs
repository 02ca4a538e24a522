using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Alerts;

/// <summary>What an evaluation of all SLOs came to.</summary>
/// <param name="Changed">Alerts that began to pend, fire, or ended.</param>
internal sealed record AlertRound(IReadOnlyList<Alert> Changed)
{
    /// <summary>All alerts afterwards.</summary>
    public required Dictionary<(string Slo, Severity Severity), Alert> Next { get; init; }
}

/// <summary>
/// The alerts of all SLOs: how the SLOs stand goes in, changes come out. It knows neither store nor clock, so that history is replayed through
/// the same rules that alert today. A round counts once it is accepted: one whose changes could not be saved is evaluated anew.
/// </summary>
internal sealed class AlertStates(SloEvaluator evaluator, AlertingOptions options)
{
    private readonly Dictionary<(string Slo, Severity Severity), DateTimeOffset> _overSince = [];
    private volatile Dictionary<(string Slo, Severity Severity), Alert> _alerts = [];

    /// <summary>Alerts that are pending or firing.</summary>
    public IReadOnlyList<Alert> Active => [.. _alerts.Values.Where(IsActive)];

    /// <summary>Takes up alerts, the newest first, as they were when a process ended.</summary>
    public void Restore(IEnumerable<Alert> alerts)
    {
        var restored = new Dictionary<(string, Severity), Alert>();
        foreach (Alert alert in alerts.Where(IsActive))
        {
            restored.TryAdd((alert.Slo, alert.Severity == "page" ? Severity.Page : Severity.Ticket), alert);
        }
        _alerts = restored;
    }

    /// <summary>Makes what a round came to the state that the next one begins with.</summary>
    public void Accept(AlertRound round) => _alerts = round.Next;

    /// <summary>Evaluates SLOs, each of their objectives and groups, at a moment.</summary>
    public AlertRound Evaluate(IReadOnlyList<ServiceLevelObjective> slos, DateTimeOffset now)
    {
        var next = new Dictionary<(string, Severity), Alert>(_alerts);
        var changed = new List<Alert>();
        var alive = new HashSet<(string, Severity)>();
        foreach (ServiceLevelObjective slo in slos.SelectMany(evaluator.Evaluated))
        {
            if (!HasActive(slo.Id) && evaluator.IsQuiet(slo, now))
            {
                continue;
            }
            SloStatus status = evaluator.Evaluate(slo, now);
            foreach (IGrouping<Severity, PolicyState> policies in status.Policies.GroupBy(policy => policy.Policy.Severity))
            {
                (string, Severity) key = (slo.Id, policies.Key);
                alive.Add(key);
                Step(status, policies, key, next, changed, now);
            }
        }
        foreach (((string slo, Severity severity), Alert alert) in _alerts)
        {
            // The alert of an SLO, an objective or a group that is no more is over.
            if (IsActive(alert) && !alive.Contains((slo, severity)))
            {
                Alert resolved = alert with { State = AlertState.Resolved, ResolvedAt = now };
                next[(slo, severity)] = resolved;
                changed.Add(resolved);
            }
        }
        return new AlertRound(changed) { Next = next };
    }

    private static bool IsActive(Alert alert) => alert.State != AlertState.Resolved;

    private bool HasActive(string slo) =>
        (_alerts.TryGetValue((slo, Severity.Page), out Alert? page) && IsActive(page)) || (_alerts.TryGetValue((slo, Severity.Ticket), out Alert? ticket) && IsActive(ticket));

    private void Step(
        SloStatus status, IEnumerable<PolicyState> policies, (string, Severity) key, Dictionary<(string, Severity), Alert> next, List<Alert> changed, DateTimeOffset now)
    {
        Alert? before = next.GetValueOrDefault(key);
        if (before is { State: AlertState.Pending } && before.ActiveSince > now)
        {
            // The clock was set back: its time to pend begins anew, or it would last until the clock is there again.
            changed.Add(before with { State = AlertState.Resolved, ResolvedAt = now });
            before = null;
        }
        Alert? after = Next(status, policies, before, key, now);
        if (after is null)
        {
            next.Remove(key);
        }
        else
        {
            next[key] = after;
        }
        if (after?.State != before?.State || (after is null) != (before is null))
        {
            changed.Add(after ?? before! with { State = AlertState.Resolved, ResolvedAt = now });
        }
    }

    private Alert? Next(SloStatus status, IEnumerable<PolicyState> policies, Alert? current, (string, Severity Severity) key, DateTimeOffset now)
    {
        (PolicyState? holding, bool over) = AlertTransitions.Read(policies);
        DateTimeOffset? overSince = null;
        if (over)
        {
            _overSince.TryAdd(key, now);
            overSince = _overSince[key] = _overSince[key] < now ? _overSince[key] : now;
        }
        else
        {
            _overSince.Remove(key);
        }
        Alert? next = AlertTransitions.Next(current, policy => Begin(status, policy, now), holding, over, overSince, options.ResolveAfter, now);
        return next is not null && holding is { } policy && next.State != AlertState.Resolved
            ? next with { Annotations = AlertText.Annotations(status, policy, options.ExternalUrl(), now), Value = policy.LongBurn ?? 0 }
            : next;
    }

    private Alert Begin(SloStatus status, PolicyState policy, DateTimeOffset now) => new()
    {
        Slo = status.Slo.Id,
        Tenant = status.Slo.Owner,
        Policy = policy.Policy.Name,
        Severity = AlertText.Name(policy.Policy.Severity),
        State = AlertState.Pending,
        Labels = AlertText.Labels(status.Slo, policy.Policy.Severity),
        Annotations = AlertText.Annotations(status, policy, options.ExternalUrl(), now),
        ActiveSince = now,
        Value = policy.LongBurn ?? 0,
    };
}
