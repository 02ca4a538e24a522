using SloEngine.Storage;
using SloEngine.Storage.RollUps;

namespace SloEngine.Server.Store;

/// <summary>Rolls up days that are over: at the start, and then every hour, since late samples make a day be read again.</summary>
internal sealed partial class RollUpLoop(StoreRollUps rollUps, TimeProvider time, ILogger<RollUpLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                await PassAsync(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: a day that was begun is rolled up again.
        }
    }

    private async Task PassAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (RolledUpDay day in rollUps.ApplyAsync(stopping))
            {
                LogRolledUp(day.Day, day.Samples);
            }
        }
        catch (StoreException failure)
        {
            LogFailed(failure.Message);
        }
    }

    [LoggerMessage(EventName = "store.rollups.day", Level = LogLevel.Information, Message = "Rolled up {Samples} samples of {Day:yyyy-MM-dd}")]
    private partial void LogRolledUp(DateOnly day, long samples);

    [LoggerMessage(EventName = "store.rollups.failed", Level = LogLevel.Error, Message = "Rolling up failed and is tried again in an hour: {Reason}")]
    private partial void LogFailed(string reason);
}
