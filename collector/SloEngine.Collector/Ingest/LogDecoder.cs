using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Ingest;

/// <summary>Decodes requests again that lie in the log: with the tenant, and at the time, that they came with.</summary>
internal sealed class LogDecoder(SeriesIndex series, ResourceIndex resources, TenantKeys keys) : IDisposable
{
    private readonly ArrivalClock _clock = new();
    private readonly Dictionary<string, (MetricsDecoder Metrics, TracesDecoder Traces, LogsDecoder Logs)> _decoders = new(StringComparer.Ordinal);
    private readonly MetricBlock _metrics = new();
    private readonly SpanBlock _spans = new();
    private readonly LogBlock _logs = new();

    /// <summary>Decodes a record and shows its columns before they are cleared.</summary>
    public void Decode(in LogRecord record, Action<IDisposable> take)
    {
        _clock.Now = DateTimeOffset.UnixEpoch.AddTicks(record.ArrivalNanos / 100);
        (MetricsDecoder metrics, TracesDecoder traces, LogsDecoder logs) = Of(record.Tenant);
        switch (record.Signal)
        {
            case Signal.Metrics:
                metrics.Decode(record.Body.Span, _metrics);
                take(_metrics);
                _metrics.Clear();
                break;
            case Signal.Traces:
                traces.Decode(record.Body.Span, _spans);
                take(_spans);
                _spans.Clear();
                break;
            default:
                logs.Decode(record.Body.Span, _logs);
                take(_logs);
                _logs.Clear();
                break;
        }
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _spans.Dispose();
        _logs.Dispose();
    }

    private (MetricsDecoder Metrics, TracesDecoder Traces, LogsDecoder Logs) Of(string tenant)
    {
        if (!_decoders.TryGetValue(tenant, out (MetricsDecoder Metrics, TracesDecoder Traces, LogsDecoder Logs) decoders))
        {
            UInt128 key = keys.Of(tenant);
            var resourcesOfTenant = new TenantResources(tenant, resources);
            decoders = (new MetricsDecoder(new TenantSeries(tenant, series), key), new TracesDecoder(resourcesOfTenant, key), new LogsDecoder(resourcesOfTenant, key, _clock));
            _decoders.Add(tenant, decoders);
        }
        return decoders;
    }

    private sealed class ArrivalClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
