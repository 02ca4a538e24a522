using SloEngine.Collector.Ingest;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;

namespace SloEngine.Server.Slos;

/// <summary>Gives new SLOs their past: reads it from the store while telemetry goes on, and joins the two.</summary>
internal sealed partial class PastLoop(
    Ledger ledger, IColumnStore store, OtlpIngest ingest, LedgerTaps taps, TimeProvider time, ILogger<PastLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Where there is nothing to read, as at the very start, nobody waits for it.
        await ReadAsync(isWaiting: false, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await ReadAsync(isWaiting: true, stoppingToken);
            }
            catch (Exception failure) when (failure is StoreException or TimeoutException)
            {
                LogFailed(failure.Message);
            }
        }
    }

    private async Task ReadAsync(bool isWaiting, CancellationToken cancellation)
    {
        // Those that came together.
        PendingPast[] pasts = [.. ledger.Pending.Where(past => past.Slo.Indicator.Total is MetricMeasure).GroupBy(past => past.Until).FirstOrDefault() ?? Enumerable.Empty<PendingPast>()];
        if (pasts.Length == 0)
        {
            return;
        }
        var reader = new PastReader(store, time);
        bool isEmpty = !await reader.HasSeriesAsync(pasts, cancellation);
        if (!isEmpty && !isWaiting)
        {
            return;
        }
        long began = time.GetTimestamp();
        if (!isEmpty)
        {
            TimeSpan left = pasts[0].Until - time.GetUtcNow();
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellation);
            LogBegun(pasts.Length, pasts.Min(past => past.Since));
        }
        ledger.ReadPast(pasts);
        await ingest.StoredAsync(Patience, cancellation);
        using PastCounter counter = await reader.ReadAsync(pasts, cancellation);
        taps.Settle(counter);
        foreach (PendingPast past in pasts)
        {
            await ledger.AddPastAsync(past, counter.Increments(past), cancellation);
        }
        // Series that came meanwhile.
        taps.Settle(counter);
        if (!isEmpty)
        {
            LogDone(pasts.Length, reader.Points, time.GetElapsedTime(began).TotalSeconds);
        }
    }

    [LoggerMessage(EventName = "slo.past.begun", Level = LogLevel.Information, Message = "The past of {Count} new SLOs is read from the store, since {Since:O}")]
    private partial void LogBegun(int count, DateTimeOffset since);

    [LoggerMessage(EventName = "slo.past.done", Level = LogLevel.Information, Message = "{Count} new SLOs have their past: {Points} points in {Seconds:0.0} s")]
    private partial void LogDone(int count, long points, double seconds);

    [LoggerMessage(EventName = "slo.past.failed", Level = LogLevel.Warning, Message = "The past of new SLOs could not be read, and is tried again: {Reason}")]
    private partial void LogFailed(string reason);
}
