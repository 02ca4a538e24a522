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
    private readonly AlertStates _states;
    private readonly AlertTable _table;
    private readonly Notifier _notifier;
    private readonly AlertingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Meter _meter = new("SloEngine.Alerting");
    private readonly Counter<long> _evaluations;

    /// <summary>Creates the evaluator; it starts with the host.</summary>
    public AlertEvaluator(
        SloCatalog catalog, SloEvaluator evaluator, IColumnStore store, Notifier notifier, AlertingOptions options, TimeProvider time, ILogger<AlertEvaluator> logger)
    {
        (_catalog, _notifier, _options, _time, _logger) = (catalog, notifier, options, time, logger);
        _states = new AlertStates(evaluator, options);
        _table = new AlertTable(store, time);
        _evaluations = _meter.CreateCounter<long>("sloengine.alerting.evaluations", "{evaluation}", "Evaluations of all SLOs.");
        _meter.CreateObservableGauge(
            "sloengine.alerting.firing", () => Current.Count(alert => alert.State == AlertState.Firing), "{alert}", "Alerts that fire.");
    }

    /// <summary>Alerts that are pending or firing.</summary>
    public IReadOnlyList<Alert> Current => _states.Active;

    /// <summary>Episodes, newest first, those that are over included.</summary>
    public Task<IReadOnlyList<Alert>> HistoryAsync(TenantScope scope, string slo, int limit, CancellationToken cancellation) => _table.ReadAsync(scope, slo, limit, cancellation);

    /// <summary>Takes up the alerts that were active when the process ended.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        _states.Restore(await _table.ReadAsync(TenantScope.All, "", 10_000, cancellationToken));
        await base.StartAsync(cancellationToken);
    }

    /// <summary>Evaluates all SLOs once.</summary>
    public async Task EvaluateAsync(CancellationToken cancellation)
    {
        AlertRound round = _states.Evaluate(_catalog.Slos, _time.GetUtcNow());
        _evaluations.Add(1);
        foreach (Alert alert in round.Changed.Where(alert => alert.FiredAt is not null))
        {
            // Owed before the state is saved: after a crash between the two somebody is told twice, not never.
            await _notifier.EnqueueAsync(alert, cancellation);
        }
        if (round.Changed.Count > 0)
        {
            await _table.SaveAsync(round.Changed, cancellation);
        }
        _states.Accept(round);
        foreach (Alert alert in round.Changed)
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
                LogFailed(_logger, failure.Message);
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    [LoggerMessage(EventName = "alert.transition", Level = LogLevel.Information, Message = "Alert of {Slo} ({Severity}) is {State}: {Summary}")]
    private static partial void LogTransition(ILogger logger, string slo, string severity, AlertState state, string summary);

    [LoggerMessage(EventName = "alert.evaluation.failed", Level = LogLevel.Error, Message = "Alert states could not be saved; the next evaluation tries again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
