using SloEngine.Alerting.Events;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Traces;
using SloEngine.Server.Slos;

namespace SloEngine.Server.Events;

/// <summary>All who listen to telemetry as it comes in: the ledger, and who looks for events. What they find is stored with the batch that it was in.</summary>
internal sealed class TapSet(LedgerTaps ledger, EventWatch events, EventTable table) : ITelemetryTaps
{
    public event Action? Changed
    {
        add => ledger.Changed += value;
        remove => ledger.Changed -= value;
    }

    public bool ListensToSpans => true;

    public bool ListensToLogs => true;

    public Lock.Scope BeginBatch() => ledger.BeginBatch();

    public ISeriesTap? TapFor(SeriesDescriptor series)
    {
        if (EventWatch.LooksAt(series))
        {
            using (ledger.BeginBatch())
            {
                events.Observe(series);
            }
        }
        return ledger.TapFor(series);
    }

    public void Forget(SeriesDescriptor series) => ledger.Forget(series);

    public void Observe(SpanBlock spans, IResourceLookup resources)
    {
        events.Observe(spans, resources);
        if (ledger.ListensToSpans)
        {
            ledger.Observe(spans, resources);
        }
    }

    public void Observe(LogBlock logs, IResourceLookup resources)
    {
        events.Observe(logs, resources);
        if (ledger.ListensToLogs)
        {
            ledger.Observe(logs, resources);
        }
    }

    public ITapCounts? TakeCounts()
    {
        ITapCounts? counts = ledger.TakeCounts();
        IReadOnlyList<ChangeEvent> found;
        using (ledger.BeginBatch())
        {
            found = events.Take();
        }
        return found.Count == 0 ? counts : new CountsAndEvents(counts, table, found);
    }

    private sealed class CountsAndEvents(ITapCounts? counts, EventTable table, IReadOnlyList<ChangeEvent> events) : ITapCounts
    {
        public async ValueTask SaveAsync(string token)
        {
            if (counts is not null)
            {
                await counts.SaveAsync(token);
            }
            await table.AddAsync(events, token, CancellationToken.None);
        }
    }
}
