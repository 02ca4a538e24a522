using SloEngine.Slo.Ledger;
using SloEngine.Storage;

namespace SloEngine.Server.Slos;

/// <summary>Reads from a shared store what other nodes have counted: often of late, and now and then of a whole day, for what came late.</summary>
internal sealed partial class LedgerRefresh(Ledger ledger, TimeProvider time, ILogger<LedgerRefresh> logger) : BackgroundService
{
    private const int RoundsBetweenLong = 60;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Short = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Long = TimeSpan.FromDays(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        bool failed = false;
        for (int round = 1; await timer.WaitForNextTickAsync(stoppingToken); round++)
        {
            try
            {
                // After a failure the minutes that were missed may be many.
                await ledger.RefreshOthersAsync(failed || round % RoundsBetweenLong == 0 ? Long : Short, stoppingToken);
                failed = false;
            }
            catch (StoreException failure)
            {
                if (!failed)
                {
                    LogFailed(failure.Message);
                }
                failed = true;
            }
        }
    }

    [LoggerMessage(EventName = "slo.others.failed", Level = LogLevel.Warning, Message = "What other nodes counted could not be read, SLOs show this node's counts and what was read before: {Reason}")]
    private partial void LogFailed(string reason);
}
