using SloEngine.Collector.Taps;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Naming;
using SloEngine.Otlp.Traces;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Server.Slos;

/// <summary>Lets the ledger listen to what the collector stores: the two libraries do not know each other.</summary>
internal sealed class LedgerTaps(Ledger ledger, SeriesBaselines baselines) : ITelemetryTaps
{
    private readonly Dictionary<UInt128, SeriesTap> _live = [];

    public event Action? Changed;

    public bool ListensToSpans => ledger.ListensToSpans;

    public bool ListensToLogs => ledger.ListensToLogs;

    /// <summary>Tells the collector that the SLOs are others now.</summary>
    public void RaiseChanged()
    {
        Changed?.Invoke();
        ledger.Retapped();
    }

    public Lock.Scope BeginBatch() => ledger.BeginBatch();

    public ISeriesTap? TapFor(SeriesDescriptor series)
    {
        if (series.Kind == MetricKind.FloatHistogram)
        {
            // No indicator is of fractional counts, and it is no gauge of one number.
            return null;
        }
        SeriesKind kind = series.Kind switch
        {
            MetricKind.Counter => SeriesKind.Counter,
            MetricKind.Histogram => SeriesKind.Histogram,
            MetricKind.ExponentialHistogram => SeriesKind.ExponentialHistogram,
            _ => SeriesKind.Gauge,
        };
        var view = new SeriesView(
            series.Metric, series.OtelName, kind, series.Temporality == Temporality.Delta,
            series.Labels.ToDictionary(label => label.Key, label => label.Value), series.Bounds, series.ResourceIdentity.ToString())
        {
            Tenant = series.Tenant,
            OtherLabel = PrometheusName.Translated,
        };
        using Lock.Scope batch = ledger.BeginBatch();
        SeriesTap? tap = ledger.Bind(view);
        _live.Remove(series.Id, out SeriesTap? earlier);
        if (tap is not null)
        {
            if (earlier?.Baseline is { } last)
            {
                tap.ContinueFrom(last);
            }
            else
            {
                baselines.Apply(series.Id, view, tap);
            }
            _live.Add(series.Id, tap);
        }
        earlier?.Release();
        return tap is null ? null : new SeriesTapAdapter(tap);
    }

    public void Forget(SeriesDescriptor series)
    {
        using Lock.Scope batch = ledger.BeginBatch();
        if (_live.Remove(series.Id, out SeriesTap? tap))
        {
            if (tap.Baseline is { } last)
            {
                baselines.Keep(series.Id, last);
            }
            tap.Release();
        }
    }

    /// <summary>Joins what series have added since an SLO is new to what the store has of them from before.</summary>
    public void Settle(PastCounter past)
    {
        using Lock.Scope batch = ledger.BeginBatch();
        foreach ((UInt128 id, SeriesTap tap) in _live)
        {
            tap.Settle(past, id);
        }
    }

    public void Observe(SpanBlock spans, IResourceLookup resources)
    {
        var attributes = new RecordAttributes(spans.Attributes, spans.Resources, resources);
        for (int row = 0; row < spans.Count; row++)
        {
            ResourceDescriptor resource = resources[spans.Resources[row]];
            var view = new SpanView
            {
                Tenant = resource.Tenant,
                Service = resource.Service,
                Name = spans.Names[row],
                Kind = spans.Kinds[row],
                StatusCode = spans.StatusCodes[row],
                DurationNanos = spans.DurationNanos[row],
                Attributes = attributes,
                Row = row,
            };
            ledger.Observe(view, spans.StartNanos[row] + spans.DurationNanos[row]);
        }
    }

    public void Observe(LogBlock logs, IResourceLookup resources)
    {
        var attributes = new RecordAttributes(logs.Attributes, logs.Resources, resources);
        for (int row = 0; row < logs.Count; row++)
        {
            ResourceDescriptor resource = resources[logs.Resources[row]];
            var view = new LogView
            {
                Tenant = resource.Tenant,
                Service = resource.Service,
                Severity = logs.Severities[row],
                Body = logs.Bodies[row],
                EventName = logs.EventName(row),
                Attributes = attributes,
                Row = row,
            };
            ledger.Observe(view, logs.TimeNanos[row]);
        }
    }

    public ITapCounts? TakeCounts() => ledger.TakeUnsaved() is { Count: > 0 } increments ? new Counts(ledger, increments) : null;

    private sealed class Counts(Ledger ledger, IReadOnlyList<LedgerIncrement> increments) : ITapCounts
    {
        public async ValueTask SaveAsync(string token) => await ledger.SaveAsync(increments, token, CancellationToken.None);
    }

    private sealed class SeriesTapAdapter(SeriesTap tap) : ISeriesTap
    {
        public void Number(long startNanos, long timeNanos, double value) => tap.Number(startNanos, timeNanos, value);

        public void Histogram(long startNanos, long timeNanos, ulong count, ReadOnlySpan<ulong> buckets) =>
            tap.Histogram(startNanos, timeNanos, count, buckets);

        public void ExponentialHistogram(ExponentialHistogramPoints points, int row) => tap.ExponentialHistogram(
            points.StartNanos[row], points.TimeNanos[row], points.Counts[row], points.Scales[row], points.ZeroThresholds[row], points.ZeroCounts[row],
            points.PositiveOffsets[row], Slice(points.PositiveBuckets, points.PositiveEnds, row), Slice(points.NegativeBuckets, points.NegativeEnds, row));

        private static ReadOnlySpan<ulong> Slice(ColumnBuffer<ulong> values, ColumnBuffer<int> ends, int row) =>
            values.Values[(row == 0 ? 0 : ends[row - 1])..ends[row]];
    }

    private sealed class RecordAttributes(AttributesColumn own, ColumnBuffer<int> resources, IResourceLookup lookup) : IRecordAttributes
    {
        public bool TryGetOwn(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value) => own.TryGet(row, key, out value);

        public bool TryGetOfResource(int row, string key, out string value) => lookup[resources[row]].Attributes.TryGetValue(key, out value!);
    }
}
