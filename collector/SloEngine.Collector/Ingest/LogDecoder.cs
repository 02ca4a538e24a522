using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Otlp;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Decodes requests again that lie in the log: with the tenant, and at the time, that they came with, without what was rejected then. What was accepted is so again, whatever limits say now.
/// </summary>
internal sealed class LogDecoder(CollectorOptions options, SeriesIndex series, ResourceIndex resources, TenantKeys keys) : IDisposable
{
    private const int MaxTenants = 1000;

    private readonly ArrivalClock _clock = new();
    private readonly Dictionary<string, Decoders> _decoders = new(StringComparer.Ordinal);
    private readonly MetricBlock _metrics = new();
    private readonly SpanBlock _spans = new();
    private readonly LogBlock _logs = new();

    /// <summary>The signal whose records are not passed over; null for all.</summary>
    public Signal? Only { get; init; }

    /// <summary>Decodes a record and shows its columns before they are cleared.</summary>
    public void Decode(in LogRecord record, Action<IDisposable> take)
    {
        if (Only is { } only && only != SignalOf(record.Kind))
        {
            return;
        }
        if (record.Packing == RequestPacking.None)
        {
            Decode(record, record.Body.Span, take);
            return;
        }
        // It was as large when it was taken in.
        (byte[] rented, int length) = Unpacking.Unpack(record.Body, record.Packing, Array.MaxLength - 1)!.Value;
        try
        {
            Decode(record, rented.AsSpan(0, length), take);
        }
        finally
        {
            BodyPool.Bodies.Return(rented);
        }
    }

    private void Decode(in LogRecord record, ReadOnlySpan<byte> request, Action<IDisposable> take)
    {
        _clock.Now = DateTimeOffset.UnixEpoch.AddTicks(record.ArrivalNanos / 100);
        Decoders decoders = Of(record.Tenant);
        switch (record.Kind)
        {
            case RequestKind.Traces:
                decoders.Traces.Decode(request, _spans, record.RejectedItems);
                take(_spans);
                _spans.Clear();
                return;
            case RequestKind.Logs:
                decoders.Logs.Decode(request, _logs, record.RejectedItems);
                take(_logs);
                _logs.Clear();
                return;
            case RequestKind.RemoteWrite1:
                decoders.RemoteWrite.Decode(request, _metrics, record.RejectedItems);
                break;
            case RequestKind.RemoteWrite2:
                decoders.RemoteWrite.Decode2(request, _metrics, record.RejectedItems);
                break;
            default:
                decoders.Metrics.Decode(request, _metrics, record.RejectedItems);
                break;
        }
        take(_metrics);
        _metrics.Clear();
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _spans.Dispose();
        _logs.Dispose();
    }

    private static Signal SignalOf(RequestKind kind) => kind switch
    {
        RequestKind.Traces => Signal.Traces,
        RequestKind.Logs => Signal.Logs,
        _ => Signal.Metrics,
    };

    private Decoders Of(string tenant)
    {
        if (!_decoders.TryGetValue(tenant, out Decoders? decoders))
        {
            if (_decoders.Count >= MaxTenants)
            {
                _decoders.Clear();
            }
            UInt128 key = keys.Of(tenant);
            var seriesOfTenant = new TenantSeries(tenant, series) { IsAccepted = true };
            var resourcesOfTenant = new TenantResources(tenant, resources) { IsAccepted = true };
            decoders = new Decoders(
                new MetricsDecoder(seriesOfTenant, key), new RemoteWriteDecoder(seriesOfTenant, key), new TracesDecoder(resourcesOfTenant, key),
                new LogsDecoder(resourcesOfTenant, key, _clock, options.LimitsOf(tenant).MaxLogLineBytes));
            _decoders.Add(tenant, decoders);
        }
        return decoders;
    }

    private sealed record Decoders(MetricsDecoder Metrics, RemoteWriteDecoder RemoteWrite, TracesDecoder Traces, LogsDecoder Logs);

    private sealed class ArrivalClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
