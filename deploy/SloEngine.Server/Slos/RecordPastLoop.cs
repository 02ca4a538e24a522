using SloEngine.Collector;
using SloEngine.Collector.Ingest;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;

namespace SloEngine.Server.Slos;

/// <summary>
/// Gives new SLOs on spans and log records their past. What was shown to the taps before a moment is read from the store, what comes after it counts as it
/// passes: while the last day is read, the store is kept from what comes after. Of what is sampled the store does not have all: it tells no past.
/// </summary>
internal sealed partial class RecordPastLoop(
    Ledger ledger, LedgerOptions options, IColumnStore store, OtlpIngest ingest, CollectorOptions collector, TimeProvider time, ILogger<RecordPastLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly RecordPast _records = new(store);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            try
            {
                while (ledger.Pending.FirstOrDefault(past => past.Slo.Indicator.Total is SpanMeasure or LogMeasure) is { } next)
                {
                    await ReadAsync(next, stoppingToken);
                }
            }
            catch (Exception failure) when (failure is StoreException or TimeoutException)
            {
                LogFailed(failure.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task ReadAsync(PendingPast past, CancellationToken cancellation)
    {
        long began = time.GetTimestamp();
        bool isWhole = past.Slo.Indicator.Total is SpanMeasure
            ? collector.Pipelines is { SampleTraces: null, TailTraces: null } : collector.Pipelines.SampleLogs is null;
        // What is later than this does not count when it comes: it may be read at leisure.
        DateTimeOffset settled = past.Until - options.Lateness < past.Since ? past.Since : past.Until - options.Lateness;
        IReadOnlyList<LedgerIncrement> early = isWhole ? await _records.CountAsync(past.Slo, past.Since, settled, cancellation) : [];
        past.Progress = 0.5;
        using StoreHold hold = await ingest.HoldStoreAsync(() => ledger.ReadPast([past]), Patience, cancellation);
        IReadOnlyList<LedgerIncrement> late = isWhole ? await _records.CountAsync(past.Slo, settled, past.Until, cancellation) : [];
        // A minute may lie on both sides.
        LedgerIncrement[] all = [.. early.Concat(late).GroupBy(increment => (increment.Group, increment.Minute))
            .Select(same => same.First() with { Good = same.Sum(increment => increment.Good), Total = same.Sum(increment => increment.Total) })];
        await ledger.AddPastAsync([(past, all)], cancellation);
        LogDone(past.Slo.Id, all.Sum(increment => increment.Total), time.GetElapsedTime(began).TotalSeconds);
    }

    [LoggerMessage(EventName = "slo.past.records", Level = LogLevel.Information, Message = "SLO {Slo} has its past: {Events} spans or log records in {Seconds:0.0} s")]
    private partial void LogDone(string slo, double events, double seconds);

    [LoggerMessage(EventName = "slo.past.failed", Level = LogLevel.Warning, Message = "The past of new SLOs could not be read, and is tried again: {Reason}")]
    private partial void LogFailed(string reason);
}
