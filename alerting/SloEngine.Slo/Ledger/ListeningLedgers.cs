using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>Ledgers by what they look at: the metrics of series, spans, log records. Guarded by the <see cref="Ledger"/>'s gate.</summary>
internal sealed class ListeningLedgers
{
    private readonly ILookup<string, SloLedger> _byMetric;
    private readonly RecordListener[] _spanListeners;
    private readonly RecordListener[] _logListeners;

    public ListeningLedgers(IReadOnlyCollection<SloLedger> ledgers)
    {
        _byMetric = ledgers
            .SelectMany(ledger => ledger.Slo.Indicator.Metrics().Select(metric => (metric, ledger)))
            .ToLookup(entry => entry.metric, entry => entry.ledger, StringComparer.Ordinal);
        _spanListeners = [.. ledgers.Where(ledger => ledger.Slo.Indicator.Total is SpanMeasure).Select(ledger => new RecordListener(ledger))];
        _logListeners = [.. ledgers.Where(ledger => ledger.Slo.Indicator.Total is LogMeasure).Select(ledger => new RecordListener(ledger))];
    }

    /// <summary>Whether an indicator looks at spans.</summary>
    public bool HasSpans => _spanListeners.Length > 0;

    /// <summary>Whether an indicator looks at log records.</summary>
    public bool HasLogs => _logListeners.Length > 0;

    /// <summary>The tap of a series: null when no indicator looks at it.</summary>
    public SeriesTap? Bind(Ledger taps, SeriesView series)
    {
        var listeners = new List<TapListener>();
        IEnumerable<SloLedger> candidates = _byMetric[series.Metric];
        foreach (SloLedger ledger in series.OtelName == series.Metric ? candidates : candidates.Concat(_byMetric[series.OtelName]).Distinct())
        {
            if (!ledger.Slo.IsOf(series.Tenant))
            {
                continue;
            }
            Indicator indicator = ledger.Slo.Indicator;
            EventSink SinkOf(string group) => ledger.Slo.GroupBy.Count == 0 ? ledger : ledger.ForGroup(group);
            TapListener.AddIfMatching(listeners, ledger.Slo, SinkOf, indicator.Part, series, isPart: true);
            TapListener.AddIfMatching(listeners, ledger.Slo, SinkOf, indicator.Total, series, isPart: false);
        }
        return listeners.Count == 0 ? null : new SeriesTap(taps, series, [.. listeners]);
    }

    /// <summary>Shows a span that ended at a time, within a batch.</summary>
    public void Observe(in SpanView span, long endNanos)
    {
        foreach (RecordListener listener in _spanListeners)
        {
            ServiceLevelObjective slo = listener.Slo;
            Indicator indicator = slo.Indicator;
            if (slo.IsOf(span.Tenant) && ((SpanMeasure)indicator.Total).Matches(span))
            {
                bool part = indicator.Part is SpanMeasure measure && measure.Matches(span);
                listener.CountsOf(span.Service, span.Attributes, span.Row).Add(endNanos, part ? 1 : 0, 1);
            }
        }
    }

    /// <summary>Shows a log record of a time, within a batch.</summary>
    public void Observe(in LogView log, long nanos)
    {
        foreach (RecordListener listener in _logListeners)
        {
            ServiceLevelObjective slo = listener.Slo;
            Indicator indicator = slo.Indicator;
            if (slo.IsOf(log.Tenant) && ((LogMeasure)indicator.Total).Matches(log))
            {
                bool part = indicator.Part is LogMeasure measure && measure.Matches(log);
                listener.CountsOf(log.Service, log.Attributes, log.Row).Add(nanos, part ? 1 : 0, 1);
            }
        }
    }
}
