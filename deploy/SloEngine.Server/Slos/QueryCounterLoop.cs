using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;

namespace SloEngine.Server.Slos;

/// <summary>Evaluates the SLOs that are counted by queries, minute by minute.</summary>
internal sealed partial class QueryCounterLoop(
    SloCatalog catalog, QueryCounter counter, Func<TimeSpan, CancellationToken, Task> readable, TimeProvider time, ILogger<QueryCounterLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>SLOs whose failure is in the log already: one that fails does so every time.</summary>
    private readonly Dictionary<string, string> _failures = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            try
            {
                _failures.Keys.Except(catalog.Slos.Select(slo => slo.Id)).ToList().ForEach(gone => _failures.Remove(gone));
                // What was acknowledged and waits for the store belongs to the minutes that are asked for, too.
                await readable(Patience, stoppingToken);
                while (await counter.TickAsync(catalog.Slos, Failed, stoppingToken))
                {
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (TimeoutException)
            {
                LogBehind();
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private void Failed(ServiceLevelObjective slo, Exception failure)
    {
        if (_failures.GetValueOrDefault(slo.Id) != failure.Message)
        {
            _failures[slo.Id] = failure.Message;
            LogFailed(slo.Id, slo.Source, failure.Message);
        }
    }

    [LoggerMessage(EventName = "slo.query.behind", Level = LogLevel.Warning, Message = "The store is behind what was acknowledged: SLOs that queries count wait for it")]
    private partial void LogBehind();

    [LoggerMessage(EventName = "slo.query.failed", Level = LogLevel.Error, Message = "SLO {Slo} ({Source}) could not be evaluated, and is tried again: {Reason}")]
    private partial void LogFailed(string slo, string source, string reason);
}
