using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Slicing;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// Takes requests in for other nodes: sliced by resource, or by series for remote write; appended to the write-ahead log, which is the queue of all
/// nodes; acknowledged once that is on the disk; then forwarded to the nodes that own the slices. Safe for concurrent use.
/// </summary>
public sealed class TelemetryGateway : ITelemetryIntake, IAsyncDisposable
{
    /// <summary>Name of the meter with the gateway's own metrics.</summary>
    public const string MeterName = "SloEngine.Gateway";

    private readonly Meter _meter = new(MeterName);
    private int _disposed;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _refused;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly WriteAheadLog _log;
    private readonly MemoryBudget _budget;
    private readonly TenantRates _rates;
    private readonly TenantTags _tenantTags;
    private readonly Rendezvous _owners;
    private readonly ulong[] _keys;
    private readonly LogWriter<SlicedRequest> _writer;
    private readonly HttpClient _http;
    private readonly NodeForwarder[] _forwarders;
    private readonly ConcurrentBag<RequestParts> _parts = [];
    private readonly Lock _trimming = new();

    /// <summary>Starts forwarding what the log holds.</summary>
    /// <exception cref="InvalidDataException">The log has slices of a node that is not among the nodes any more.</exception>
    /// <exception cref="IOException">The log's directory cannot be used.</exception>
    public TelemetryGateway(WriteAheadLog log, GatewayOptions gateway, CollectorOptions options, TimeProvider time, ILogger<TelemetryGateway> logger)
    {
        (_log, _options, _time) = (log, options, time);
        var queues = new NodeQueues(log);
        queues.RequireDelivered(gateway.Nodes);
        _budget = new MemoryBudget(options, time);
        (_rates, _tenantTags) = (new TenantRates(options, time), new TenantTags(options));
        _owners = new Rendezvous(gateway.Nodes.Select(node => node.Name));
        _keys = [.. gateway.Nodes.Select(node => Rendezvous.Key(node.Name))];
        _http = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5), PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _bytes = _meter.CreateCounter<long>("sloengine.gateway.request_size", "By", "Decompressed bytes of requests acknowledged.");
        _refused = _meter.CreateCounter<long>("sloengine.gateway.refused_requests", "{request}", "Requests of which nothing was kept, by tenant and reason: those that are too large, and those that senders are asked to send again.");
        _forwarders = [.. gateway.Nodes.Select(node => new NodeForwarder(node, log, queues.Checkpoint(node), _http, gateway, _meter, Trim, time, logger))];
        _writer = new LogWriter<SlicedRequest>(log, WakeAll, options, time, logger);
        _meter.CreateObservableGauge("sloengine.gateway.log.size", () => log.Bytes, "By", "Bytes in the write-ahead log.");
        _meter.CreateObservableGauge("sloengine.gateway.queue.size", () => Measure(status => status.QueuedBytes), "By", "Bytes of the log that a node is behind.");
        _meter.CreateObservableGauge("sloengine.gateway.queue.age", () => Measure(status => status.AgeSeconds), "s", "Since when the oldest slice waits that a node has not taken.");
    }

    /// <summary>Opens the log of a gateway. What a node has taken is never given out as a position again, whatever damage there is before it: the node would take what comes next for a repeat.</summary>
    /// <exception cref="InvalidDataException">The files are no log, or segments are missing.</exception>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    public static WriteAheadLog OpenLog(WalOptions options, TimeProvider time) => WriteAheadLog.Open(options with { BypassesCache = false }, time, NodeQueues.Reached(options.Directory));

    /// <summary>How it stands with each node, in the order in which they were given.</summary>
    public IReadOnlyList<NodeStatus> Nodes => [.. _forwarders.Select(forwarder => forwarder.Status)];

    /// <summary>Bytes that the log holds on the disk.</summary>
    public long LogBytes => _log.Bytes;

    /// <inheritdoc/>
    public ValueTask<DecodeResult> IngestAsync(Signal signal, string tenant, RequestBytes request, Func<string, bool>? isAllowed, CancellationToken cancellation) => TakeAsync(
        signal switch { Signal.Metrics => RequestKind.Metrics, Signal.Traces => RequestKind.Traces, _ => RequestKind.Logs }, isAllowed is not null, tenant, request.Plain, cancellation);

    /// <inheritdoc/>
    public ValueTask<DecodeResult> IngestRemoteWriteAsync(bool isVersion2, string tenant, RequestBytes request, CancellationToken cancellation) =>
        TakeAsync(isVersion2 ? RequestKind.RemoteWrite2 : RequestKind.RemoteWrite1, isBound: false, tenant, request.Plain, cancellation);

    /// <inheritdoc/>
    public void CountRefused(string tenant, string reason) => _refused.Add(1, _tenantTags.Of(tenant), new KeyValuePair<string, object?>("reason", reason));

    /// <summary>Logs what is in flight and stops; what was not forwarded is in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        // The container ends under each name what it gives out under two.
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }
        await _writer.DisposeAsync();
        foreach (NodeForwarder forwarder in _forwarders)
        {
            await forwarder.DisposeAsync();
        }
        _http.Dispose();
        _meter.Dispose();
    }

    private async ValueTask<DecodeResult> TakeAsync(RequestKind kind, bool isBound, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        if (!_rates.TryTake(tenant, request.Length, out TimeSpan retryAfter))
        {
            IngestUnavailableException overRate = _rates.OverRate(tenant, retryAfter);
            CountRefused(tenant, overRate.Reason);
            throw overRate;
        }
        try
        {
            return await ForwardAsync(kind, isBound, tenant, request, cancellation);
        }
        catch (IngestUnavailableException unavailable)
        {
            _rates.GiveBack(tenant, request.Length);
            CountRefused(tenant, unavailable.Reason);
            throw;
        }
    }

    private async ValueTask<DecodeResult> ForwardAsync(RequestKind kind, bool isBound, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        if (request.Length > _options.MaxBodyBytes)
        {
            // What came as Loki's push or as JSON may be larger than that was; no node would take it.
            throw new OtlpFormatException(string.Create(
                CultureInfo.InvariantCulture, $"the request has {request.Length} bytes as OTLP in protobuf; the limit is {_options.MaxBodyBytes} (limits.max_body_bytes): send smaller requests"));
        }
        if (Array.Find(_forwarders, static forwarder => forwarder.PutBack is not null) is { PutBack: { } why })
        {
            throw new IngestUnavailableException(why, _options.RetryAfter, "log");
        }
        await _budget.AcquireAsync(request.Length, cancellation);
        try
        {
            (SlicedRequest? sliced, DecodeResult result) = Slice(kind, isBound, tenant, request);
            if (sliced is not null)
            {
                try
                {
                    await _writer.AppendAsync(sliced);
                }
                finally
                {
                    sliced.Release();
                }
            }
            _bytes.Add(request.Length);
            return result;
        }
        finally
        {
            _budget.Release(request.Length);
        }
    }

    private (SlicedRequest? Sliced, DecodeResult Result) Slice(RequestKind kind, bool isBound, string tenant, ReadOnlyMemory<byte> request)
    {
        RequestParts parts = _parts.TryTake(out RequestParts? pooled) ? pooled : new RequestParts();
        switch (kind)
        {
            case RequestKind.RemoteWrite1:
                parts.ReadRemoteWrite1(request.Span);
                break;
            case RequestKind.RemoteWrite2:
                parts.ReadRemoteWrite2(request.Span);
                break;
            default:
                parts.ReadOtlp(request.Span);
                break;
        }
        long arrival = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        var sliced = SlicedRequest.Of(kind, isBound, tenant, arrival, request, parts, _owners, _keys);
        var result = new DecodeResult(parts.Samples + parts.Histograms, 0, null) { Histograms = parts.Histograms, Exemplars = parts.Exemplars };
        _parts.Add(parts);
        return (sliced, result);
    }

    private void WakeAll(ReadOnlySpan<SlicedRequest> logged)
    {
        foreach (NodeForwarder forwarder in _forwarders)
        {
            forwarder.Wake();
        }
    }

    /// <summary>Deletes what every node has taken.</summary>
    private void Trim()
    {
        lock (_trimming)
        {
            _log.TrimBefore(_forwarders.Min(forwarder => forwarder.Trimmable));
        }
    }

    private IEnumerable<Measurement<T>> Measure<T>(Func<NodeStatus, T> value)
        where T : struct => Nodes.Select(status => new Measurement<T>(value(status), new KeyValuePair<string, object?>("node", status.Node)));
}
