using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SloEngine.Alerting.Notifications;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Storage;

namespace SloEngine.Alerting.Alerts;

/// <summary>Evaluates every SLO on a schedule, keeps the state of its alerts over restarts, and hands transitions to the notifier.</summary>
public sealed partial class AlertEvaluator : BackgroundService
{
    private readonly SloCatalog _catalog;
    private readonly SloEvaluator _evaluator;
    private readonly AlertTable _table;
    private readonly Notifier _notifier;
    private readonly AlertingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Meter _meter = new("SloEngine.Alerting");
    private readonly Counter<long> _evaluations;
    private readonly Dictionary<(string Slo, Severity Severity), DateTimeOffset> _overSince = [];
    private volatile Dictionary<(string Slo, Severity Severity), Alert> _alerts = [];

    /// <summary>Creates the evaluator; it starts with the host.</summary>
    public AlertEvaluator(
        SloCatalog catalog, SloEvaluator evaluator, IColumnStore store, Notifier notifier, AlertingOptions options, TimeProvider time, ILogger<AlertEvaluator> logger)
    {
        (_catalog, _evaluator, _notifier, _options, _time, _logger) = (catalog, evaluator, notifier, options, time, logger);
        _table = new AlertTable(store, time);
        _evaluations = _meter.CreateCounter<long>("sloengine.alerting.evaluations", "{evaluation}", "Evaluations of all SLOs.");
        _meter.CreateObservableGauge(
            "sloengine.alerting.firing", () => Current.Count(alert => alert.State == AlertState.Firing), "{alert}", "Alerts that fire.");
    }

    /// <summary>Alerts that are pending or firing.</summary>
    public IReadOnlyList<Alert> Current => [.. _alerts.Values.Where(alert => alert.State != AlertState.Resolved)];

    /// <summary>Episodes, newest first, those that are over included.</summary>
    public Task<IReadOnlyList<Alert>> HistoryAsync(string slo, int limit, CancellationToken cancellation) => _table.ReadAsync(slo, limit, cancellation);

    /// <summary>Takes up the alerts that were active when the process ended.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        var alerts = new Dictionary<(string, Severity), Alert>();
        foreach (Alert alert in await _table.ReadAsync("", 10_000, cancellationToken))
        {
            if (alert.State != AlertState.Resolved)
            {
                alerts.TryAdd((alert.Slo, alert.Severity == "page" ? Severity.Page : Severity.Ticket), alert);
            }
        }
        _alerts = alerts;
        await base.StartAsync(cancellationToken);
    }

    /// <summary>Evaluates all SLOs once.</summary>
    public async Task EvaluateAsync(CancellationToken cancellation)
    {
        DateTimeOffset now = _time.GetUtcNow();
        var next = new Dictionary<(string, Severity), Alert>(_alerts);
        var changed = new List<Alert>();
        var alive = new HashSet<(string, Severity)>();
        foreach (ServiceLevelObjective slo in _catalog.Slos.SelectMany(_evaluator.Evaluated))
        {
            if (!next.ContainsKey((slo.Id, Severity.Page)) && !next.ContainsKey((slo.Id, Severity.Ticket)) && _evaluator.IsQuiet(slo, now))
            {
                continue;
            }
            SloStatus status = _evaluator.Evaluate(slo, now);
            foreach (IGrouping<Severity, PolicyState> policies in status.Policies.GroupBy(policy => policy.Policy.Severity))
            {
                (string, Severity) key = (slo.Id, policies.Key);
                alive.Add(key);
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
        }
        foreach (((string slo, Severity severity), Alert alert) in _alerts)
        {
            // The alert of an SLO, an objective or a group that is no more is over.
            if (alert.State != AlertState.Resolved && !alive.Contains((slo, severity)))
            {
                Alert resolved = alert with { State = AlertState.Resolved, ResolvedAt = now };
                next[(slo, severity)] = resolved;
                changed.Add(resolved);
            }
        }
        _evaluations.Add(1);
        foreach (Alert alert in changed.Where(alert => alert.FiredAt is not null))
        {
            // Owed before the state is saved: after a crash between the two somebody is told twice, not never.
            await _notifier.EnqueueAsync(alert, cancellation);
        }
        if (changed.Count > 0)
        {
            await _table.SaveAsync(changed, cancellation);
        }
        _alerts = next;
        foreach (Alert alert in changed)
        {
            LogTransition(_logger, alert.Slo, alert.Severity, alert.State, alert.Annotations.GetValueOrDefault("summary", ""));
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_options.Interval, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await EvaluateAsync(stoppingToken);
            }
            catch (StoreException failure)
            {
                LogFailed(_logger, failure);
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
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
        Alert? next = AlertTransitions.Next(current, policy => Begin(status, policy, now), holding, over, overSince, _options.ResolveAfter, now);
        return next is not null && holding is { } policy && next.State != AlertState.Resolved
            ? next with { Annotations = AlertText.Annotations(status, policy, _options.ExternalUrl(), now), Value = policy.LongBurn ?? 0 }
            : next;
    }

    private Alert Begin(SloStatus status, PolicyState policy, DateTimeOffset now) => new()
    {
        Slo = status.Slo.Id,
        Policy = policy.Policy.Name,
        Severity = AlertText.Name(policy.Policy.Severity),
        State = AlertState.Pending,
        Labels = AlertText.Labels(status.Slo, policy.Policy.Severity),
        Annotations = AlertText.Annotations(status, policy, _options.ExternalUrl(), now),
        ActiveSince = now,
        Value = policy.LongBurn ?? 0,
    };

    [LoggerMessage(EventName = "alert.transition", Level = LogLevel.Information, Message = "Alert of {Slo} ({Severity}) is {State}: {Summary}")]
    private static partial void LogTransition(ILogger logger, string slo, string severity, AlertState state, string summary);

    [LoggerMessage(EventName = "alert.evaluation.failed", Level = LogLevel.Error, Message = "Alert states could not be saved; the next evaluation tries again")]
    private static partial void LogFailed(ILogger logger, Exception failure);
}
