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

    /// <summary>SLOs whose minutes go into the store with one insert.</summary>
    private const int SlosAtOnce = 20;

    /// <summary>Minutes that are read at once, over all SLOs and their groups: 16 bytes each, for each reader.</summary>
    private const double MinutesAtOnce = 16_000_000;

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

    /// <summary>Those that came together, as many as fit into memory.</summary>
    private PendingPast[] Next()
    {
        IEnumerable<PendingPast> together = ledger.Pending.Where(past => past.Slo.Indicator.Total is MetricMeasure).GroupBy(past => past.Until).FirstOrDefault() ?? Enumerable.Empty<PendingPast>();
        double minutes = 0;
        return [.. together.TakeWhile((past, index) => (minutes += past.MostMinutes) <= MinutesAtOnce || index == 0)];
    }

    private async Task ReadAsync(bool isWaiting, CancellationToken cancellation)
    {
        PendingPast[] pasts = Next();
        if (pasts.Length == 0)
        {
            return;
        }
        var reader = new PastReader(store, ledger.Since, time);
        bool isEmpty = !await reader.HasSeriesAsync(pasts, cancellation);
        if (!isEmpty && !isWaiting)
        {
            return;
        }
        long began = time.GetTimestamp();
        if (!isEmpty)
        {
            LogBegun(pasts.Length, pasts.Min(past => past.Since));
        }
        using PastCounter counter = await reader.ReadAsync(pasts, CompleteAsync, cancellation);
        taps.Settle(counter);
        foreach (PendingPast[] some in pasts.Chunk(SlosAtOnce))
        {
            await ledger.AddPastAsync([.. some.Select(past => (past, counter.Increments(past)))], cancellation);
        }
        // Series that came meanwhile.
        taps.Settle(counter);
        if (!isEmpty)
        {
            LogDone(pasts.Length, reader.Points, time.GetElapsedTime(began).TotalSeconds);
        }

        async Task CompleteAsync()
        {
            if (!isEmpty && pasts[0].Until - time.GetUtcNow() is { Ticks: > 0 } left)
            {
                await Task.Delay(left, time, cancellation);
            }
            ledger.ReadPast(pasts);
            await ingest.StoredAsync(Patience, cancellation);
        }
    }

    [LoggerMessage(EventName = "slo.past.begun", Level = LogLevel.Information, Message = "The past of {Count} new SLOs is read from the store, since {Since:O}")]
    private partial void LogBegun(int count, DateTimeOffset since);

    [LoggerMessage(EventName = "slo.past.done", Level = LogLevel.Information, Message = "{Count} new SLOs have their past: {Points} points in {Seconds:0.0} s")]
    private partial void LogDone(int count, long points, double seconds);

    [LoggerMessage(EventName = "slo.past.failed", Level = LogLevel.Warning, Message = "The past of new SLOs could not be read, and is tried again: {Reason}")]
    private partial void LogFailed(string reason);
}
