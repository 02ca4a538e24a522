using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// Good and total events of every SLO, counted as telemetry passes. Counting happens between <see cref="BeginBatch"/> and its end: one lock
/// a batch, none a point. Reading takes the same lock for a moment.
/// </summary>
public sealed class Ledger(ILedgerStore store, TimeProvider time, DateTimeOffset? since = null)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Stream, string Metric), (long Start, long Time)> _streams = [];
    private Dictionary<string, SloLedger> _ledgers = new(StringComparer.Ordinal);
    private SloLedger[] _spanLedgers = [];

    /// <summary>Time since which counters that begin are counted from their start.</summary>
    internal DateTimeOffset Since { get; } = since ?? time.GetUtcNow();

    /// <summary>Whether an indicator looks at spans.</summary>
    public bool ListensToSpans => _spanLedgers.Length > 0;

    /// <summary>Replaces the SLOs: ledgers of unchanged indicators go on, new ones are read from the store.</summary>
    public async Task SetSlosAsync(IReadOnlyList<ServiceLevelObjective> slos, CancellationToken cancellation)
    {
        var ledgers = new Dictionary<string, SloLedger>(StringComparer.Ordinal);
        foreach (ServiceLevelObjective slo in slos)
        {
            SloLedger? known = _ledgers.Values.FirstOrDefault(ledger => ledger.Slo.LedgerKey == slo.LedgerKey && ledger.Slo.Window == slo.Window);
            if (known is null)
            {
                known = new SloLedger(slo, time);
                foreach (LedgerIncrement minute in await store.ReadAsync(slo.LedgerKey, time.GetUtcNow() - slo.Window, cancellation))
                {
                    known.Restore(minute.Minute, minute.Good, minute.Total);
                }
            }
            ledgers[slo.Id] = known;
        }
        lock (_gate)
        {
            foreach (ServiceLevelObjective slo in slos)
            {
                ledgers[slo.Id].Slo = slo;
            }
            _ledgers = ledgers;
            _spanLedgers = [.. ledgers.Values.Where(ledger => ledger.Slo.Indicator.Total is SpanMeasure)];
        }
    }

    /// <summary>Enters the stretch in which taps and <see cref="Observe"/> may be called; dispose the scope to leave it.</summary>
    public Lock.Scope BeginBatch() => _gate.EnterScope();

    /// <summary>The tap of a series: null when no indicator looks at it.</summary>
    public SeriesTap? Bind(SeriesView series)
    {
        var listeners = new List<TapListener>();
        foreach (SloLedger ledger in _ledgers.Values)
        {
            Indicator indicator = ledger.Slo.Indicator;
            TapListener.AddIfMatching(listeners, ledger, indicator.Part, series, isPart: true);
            TapListener.AddIfMatching(listeners, ledger, indicator.Total, series, isPart: false);
        }
        return listeners.Count == 0 ? null : new SeriesTap(this, series, [.. listeners]);
    }

    /// <summary>Shows a span that ended at a time, within a batch.</summary>
    public void Observe(in SpanView span, long endNanos)
    {
        foreach (SloLedger ledger in _spanLedgers)
        {
            Indicator indicator = ledger.Slo.Indicator;
            if (((SpanMeasure)indicator.Total).Matches(span))
            {
                bool part = indicator.Part is SpanMeasure measure && measure.Matches(span);
                ledger.Add(SeriesTap.Time(endNanos), part ? 1 : 0, 1);
            }
        }
    }

    /// <summary>Takes what has been counted since the last call: whoever takes it sees to it that the store gets it.</summary>
    public IReadOnlyList<LedgerIncrement> TakeUnsaved()
    {
        lock (_gate)
        {
            return [.. _ledgers.Values.Where(ledger => ledger.HasUnsaved).SelectMany(ledger => ledger.TakeUnsaved())];
        }
    }

    /// <summary>Takes in what has just been stored by others than <see cref="TakeUnsaved"/>: what queries counted.</summary>
    public void Include(IReadOnlyList<LedgerIncrement> stored)
    {
        lock (_gate)
        {
            foreach (LedgerIncrement increment in stored)
            {
                foreach (SloLedger ledger in _ledgers.Values.Where(ledger => ledger.Slo.LedgerKey == increment.Key).Distinct())
                {
                    ledger.Restore(increment.Minute, increment.Good, increment.Total);
                }
            }
        }
    }

    /// <summary>Events of an SLO in (now - window, now].</summary>
    public WindowSum Sum(string id, DateTimeOffset now, TimeSpan window)
    {
        lock (_gate)
        {
            return _ledgers.TryGetValue(id, out SloLedger? ledger) ? ledger.Sum(now, window) : default;
        }
    }

    /// <summary>Events of an SLO in (end - window, end], by whole minutes.</summary>
    public WindowSum MinuteSum(string id, DateTimeOffset end, TimeSpan window)
    {
        lock (_gate)
        {
            return _ledgers.TryGetValue(id, out SloLedger? ledger) ? ledger.MinuteSum(end, window) : default;
        }
    }

    /// <summary>
    /// End of the newest window that telemetry of an SLO fills, with or without events; null when telemetry is silent, or does not reach
    /// back over the whole window yet.
    /// </summary>
    public DateTimeOffset? FilledUntil(string id, DateTimeOffset now, TimeSpan window)
    {
        lock (_gate)
        {
            return _ledgers.TryGetValue(id, out SloLedger? ledger) ? ledger.FilledUntil(now, window) : null;
        }
    }

    /// <summary>Share of the minutes of a window, of those since the SLO's first data, that have data.</summary>
    public double Coverage(string id, DateTimeOffset now, TimeSpan window)
    {
        lock (_gate)
        {
            return _ledgers.TryGetValue(id, out SloLedger? ledger) ? ledger.Coverage(now, window) : 0;
        }
    }

    /// <summary>
    /// Whether the first point of a series that began at a time is all new: it began after this ledger did, or other series of its
    /// metric and process were seen before with the same start (a new label set, such as the first error).
    /// </summary>
    internal bool CountsFromStart(SeriesView series, long startNanos, long timeNanos)
    {
        if (startNanos == 0)
        {
            return false;
        }
        bool known = _streams.TryGetValue((series.Stream, series.Metric), out (long Start, long Time) seen)
            && seen.Start == startNanos && seen.Time < timeNanos;
        return known || SeriesTap.Time(startNanos) >= Since;
    }

    /// <summary>Remembers that an export of a metric of a process has been seen.</summary>
    internal void Seen(SeriesView series, long startNanos, long timeNanos)
    {
        if (!_streams.TryGetValue((series.Stream, series.Metric), out (long Start, long Time) seen) || seen.Start != startNanos)
        {
            _streams[(series.Stream, series.Metric)] = (startNanos, timeNanos);
        }
    }
}
