using System.Diagnostics.Metrics;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Series;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>What the collector tells of itself.</summary>
internal sealed class IngestMetrics : IDisposable
{
    private readonly TenantTags _tenantTags;
    private readonly Counter<long> _items;
    private readonly Counter<long> _exemplars;
    private readonly Counter<long> _droppedExemplars;
    private readonly Counter<long> _cut;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _bytes;

    public IngestMetrics(CollectorOptions options)
    {
        _tenantTags = new TenantTags(options);
        _items = Meter.CreateCounter<long>("sloengine.collector.items", "{item}", "Points, spans and log records acknowledged.");
        _exemplars = Meter.CreateCounter<long>("sloengine.collector.exemplars", "{exemplar}", "Exemplars acknowledged.");
        _droppedExemplars = Meter.CreateCounter<long>("sloengine.collector.dropped_exemplars", "{exemplar}", "Exemplars dropped, whose points are kept, by tenant.");
        _cut = Meter.CreateCounter<long>("sloengine.collector.cut_log_bodies", "{record}", "Log records whose body was too long and was cut, by tenant.");
        _rejected = Meter.CreateCounter<long>("sloengine.collector.rejected_items", "{item}", "Points, spans and log records rejected, by tenant and reason.");
        _refused = Meter.CreateCounter<long>("sloengine.collector.refused_requests", "{request}", "Requests of which nothing was kept, by tenant and reason: those that are too large, and those that senders are asked to send again.");
        _bytes = Meter.CreateCounter<long>("sloengine.collector.request_size", "By", "Decompressed bytes of requests.");
    }

    /// <summary>The collector's own metrics.</summary>
    public Meter Meter { get; } = new(OtlpIngest.MeterName);

    /// <summary>Shows how it stands with the parts.</summary>
    public void Observe(BatchInserter inserter, SampleInserter samples, SeriesIndex series, MemoryBudget budget, WriteAheadLog log, IngestCheckpoints checkpoints)
    {
        Meter.CreateObservableCounter("sloengine.collector.stored_rows", () => inserter.Stored, "{row}", "Rows that queries find: those that the store has taken, and samples that are gathered for it.");
        Meter.CreateObservableCounter("sloengine.collector.kept_apart_requests", () => inserter.RefusedRequests, "{request}", "Requests with rows that the store never takes, kept as files below the log.");
        Meter.CreateObservableGauge("sloengine.collector.active_series", () => series.Count, "{series}", "Series that have had points of late.");
        Meter.CreateObservableGauge("sloengine.collector.in_flight", () => budget.Used, "By", "Bytes of requests in flight.");
        Meter.CreateObservableGauge("sloengine.collector.log.size", () => log.Bytes, "By", "Bytes in the write-ahead log.");
        Meter.CreateObservableGauge(
            "sloengine.collector.log.lag", () => log.End - (samples.Gathers ? checkpoints.First : checkpoints.Samples).Stored, "By", "Bytes in the write-ahead log that cannot be read yet, as the store has not confirmed them.");
        Meter.CreateObservableGauge("sloengine.collector.gathered_samples", () => samples.Gathered, "{sample}", "Samples that are answered from memory, and go into the store together.");
    }

    /// <summary>Counts a request, or a part of one, that the log has.</summary>
    public void Count(RequestKind kind, string tenant, int bytes, Decoded decoded)
    {
        var signal = new KeyValuePair<string, object?>("signal", SignalOf(kind));
        _bytes.Add(bytes, signal);
        _items.Add(decoded.Result.Accepted, signal);
        if (decoded.Result.Exemplars > 0)
        {
            _exemplars.Add(decoded.Result.Exemplars);
        }
        if (decoded.Result.DroppedExemplars > 0)
        {
            _droppedExemplars.Add(decoded.Result.DroppedExemplars, _tenantTags.Of(tenant));
        }
        if (decoded.CutBodies > 0)
        {
            _cut.Add(decoded.CutBodies, _tenantTags.Of(tenant));
        }
        if (decoded.Result.Rejected > 0)
        {
            CountRejected(decoded, signal, tenant);
        }
    }

    /// <summary>Counts the parts of a request that the log has.</summary>
    public void Count(PreparedParts parts)
    {
        foreach ((RequestKind kind, string tenant, int bytes, Decoded decoded) in parts.Decoded)
        {
            Count(kind, tenant, bytes, decoded);
        }
    }

    /// <summary>Counts a slice that nothing is stored of.</summary>
    public void CountRejected(in ForwardFrame frame, string reason) =>
        _rejected.Add(1, new("signal", SignalOf(frame.Kind)), _tenantTags.Of(frame.Tenant), new("reason", reason));

    /// <summary>Counts a request, or a part of one, of which nothing was kept.</summary>
    public void CountRefused(string tenant, string reason) => _refused.Add(1, _tenantTags.Of(tenant), new KeyValuePair<string, object?>("reason", reason));

    public void Dispose() => Meter.Dispose();

    private static string SignalOf(RequestKind kind) => kind switch
    {
        RequestKind.Logs => "logs",
        RequestKind.Traces => "traces",
        _ => "metrics",
    };

    private void CountRejected(Decoded decoded, KeyValuePair<string, object?> signal, string tenant)
    {
        KeyValuePair<string, object?> owner = _tenantTags.Of(tenant);
        // A rejected series of remote write may bring several samples, which all count; those beyond one a series count as invalid.
        int invalid = decoded.Result.Rejected - decoded.OverSeriesLimit - decoded.OverLabelLimit - decoded.OverResourceLimit;
        Add(decoded.OverSeriesLimit, "series_limit");
        Add(decoded.OverLabelLimit, "label_limit");
        Add(decoded.OverResourceLimit, "resource_limit");
        Add(invalid, "invalid");

        void Add(int items, string reason)
        {
            if (items > 0)
            {
                _rejected.Add(items, signal, owner, new("reason", reason));
            }
        }
    }
}
