using SloEngine.Slo.Queries;
using SloEngine.Storage;

namespace SloEngine.Server.Slos;

/// <summary>Notes that telemetry is taken in, minute by minute, for the heartbeats that are missing from it.</summary>
internal sealed partial class ReceivingLoop(ReceivingMinutes receiving, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<ReceivingLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource();
        using CancellationTokenRegistration listening = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Period, time);
        bool failed = false;
        do
        {
            try
            {
                await receiving.TickAsync(stoppingToken);
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
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(EventName = "slo.receiving.failed", Level = LogLevel.Warning, Message = "That telemetry is taken in could not be stored, and is tried again; heartbeats are judged later: {Reason}")]
    private partial void LogFailed(string reason);
}
