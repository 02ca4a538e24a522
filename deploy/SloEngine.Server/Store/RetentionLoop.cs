using SloEngine.Storage;
using SloEngine.Storage.Retention;

namespace SloEngine.Server.Store;

/// <summary>Applies retention at the start and every minute: a disk fills within minutes, not within a day.</summary>
internal sealed partial class RetentionLoop(StoreRetention retention, TimeProvider time, ILogger<RetentionLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Doubt = TimeSpan.FromHours(1);

    private bool _doubts;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                foreach (DroppedPartition dropped in await retention.ApplyAsync(stoppingToken))
                {
                    Log(dropped);
                }
                if (retention.RollUpFailure is { } failure)
                {
                    LogRollUp(failure.Message);
                }
                if (retention.DeletionFailure is { } refused)
                {
                    LogFailed(refused.Message);
                }
                bool doubts = retention.BehindClock > Doubt;
                if (doubts && !_doubts)
                {
                    LogClock(retention.BehindClock.TotalHours);
                }
                _doubts = doubts;
            }
            catch (StoreException failed)
            {
                LogFailed(failed.Message);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
        while (await NextAsync(timer, stoppingToken));
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Log(DroppedPartition dropped)
    {
        switch (dropped.Reason)
        {
            case DropReason.Age:
                LogAged(dropped.Table, dropped.Partition, dropped.Rows, dropped.Bytes);
                break;
            case DropReason.Size:
                LogForRoom(dropped.Table, dropped.Partition, dropped.Rows, dropped.Bytes);
                break;
            case DropReason.Unused:
                LogUnused(dropped.Rows);
                break;
            case DropReason.AgeOfRows:
                LogAgedRows(dropped.Table, dropped.Rows);
                break;
            default:
                LogOfTenants(dropped.Table, dropped.Partition, dropped.Rows);
                break;
        }
    }

    [LoggerMessage(EventName = "store.retention.aged", Level = LogLevel.Information,
        Message = "Dropped {Partition} of {Table}, {Rows} rows and {Bytes} bytes: older than its retention")]
    private partial void LogAged(string table, string partition, long rows, long bytes);

    [LoggerMessage(EventName = "store.retention.rows", Level = LogLevel.Information, Message = "Deleted {Rows} rows of {Table}: older than its retention")]
    private partial void LogAgedRows(string table, long rows);

    [LoggerMessage(EventName = "store.retention.tenant", Level = LogLevel.Information,
        Message = "Deleted {Rows} rows in {Partition} of {Table}: older than the retention of their tenants")]
    private partial void LogOfTenants(string table, string partition, long rows);

    [LoggerMessage(EventName = "store.retention.unused", Level = LogLevel.Information, Message = "Deleted {Rows} descriptions of series that have no rows any more")]
    private partial void LogUnused(long rows);

    [LoggerMessage(EventName = "store.retention.full", Level = LogLevel.Warning,
        Message = "Dropped {Partition} of {Table}, {Rows} rows and {Bytes} bytes, before its time: retention.max_bytes or retention.min_free_bytes is reached. Give the disk room, or keep less")]
    private partial void LogForRoom(string table, string partition, long rows, long bytes);

    [LoggerMessage(EventName = "store.retention.clock", Level = LogLevel.Warning,
        Message = "The clock is {Hours:0} hours ahead of what has passed, or of the newest telemetry: retention follows it by a day an hour. Set it right if it is wrong")]
    private partial void LogClock(double hours);

    [LoggerMessage(EventName = "store.retention.rollup", Level = LogLevel.Error,
        Message = "A day of samples that is to go could not be rolled up: it is kept until that succeeds, unless the disk needs room: {Reason}")]
    private partial void LogRollUp(string reason);

    [LoggerMessage(EventName = "store.retention.failed", Level = LogLevel.Error, Message = "Retention failed and is tried again in a minute: {Reason}")]
    private partial void LogFailed(string reason);
}
