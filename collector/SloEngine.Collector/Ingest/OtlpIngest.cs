using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Traces;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>The three OTLP signals.</summary>
public enum Signal
{
    /// <summary>Metrics.</summary>
    Metrics,
    /// <summary>Logs.</summary>
    Logs,
    /// <summary>Traces.</summary>
    Traces,
}

/// <summary>
/// The way of a request: decode inline, append to the write-ahead log, answer once that is on the disk; then the taps, a batch, and the
/// store. Safe for concurrent use.
/// </summary>
public sealed class OtlpIngest : IAsyncDisposable
{
    /// <summary>Name of the meter with the collector's own metrics.</summary>
    public const string MeterName = "SloEngine.Collector";

    /// <summary>Longest name of a tenant, in bytes of UTF-8.</summary>
    public const int MaxTenantBytes = 256;


    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _items;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _bytes;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly MemoryBudget _budget;
    private readonly SeriesIndex _series;
    private readonly ResourceIndex _resources;
    private readonly ReferenceLeases _leases = new();
    private readonly TenantKeys _keys = new();
    private readonly BatchQueue _batches;
    private readonly LogDecoder _fromLog;
    private readonly BatchInserter _inserter;
    private readonly LogWriter _log;
    private readonly Lane<MetricBlock> _metrics;
    private readonly Lane<MetricBlock> _remoteWrite1;
    private readonly Lane<MetricBlock> _remoteWrite2;
    private readonly Lane<SpanBlock> _spans;
    private readonly Lane<LogBlock> _logs;
    private readonly CancellationTokenSource _giveUp = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _inserting;
    private readonly Task _expiring;

    /// <summary>Starts the writers of a log whose every record is in the store (<see cref="LogReplay"/>).</summary>
    public OtlpIngest(
        IColumnStore store, WriteAheadLog log, WalCheckpoint checkpoint, ITelemetryTaps taps, CollectorOptions options, TimeProvider time, ILogger<OtlpIngest> logger)
    {
        (_options, _time) = (options, time);
        _budget = new MemoryBudget(options, time);
        _series = new SeriesIndex(options, taps, time);
        _resources = new ResourceIndex(time);
        _batches = new BatchQueue(options, _series, _resources, taps, _leases, time);
        _fromLog = new LogDecoder(_series, _resources, _keys);
        _inserter = new BatchInserter(store, log, checkpoint, _series, _resources, _fromLog, _leases, time, logger);
        _log = new LogWriter(log, _batches, options, time, logger);
        _metrics = new(tenant => new MetricsDecoder(new TenantSeries(tenant, _series), _keys.Of(tenant)).Decode, static block => block.Clear());
        _remoteWrite1 = new(tenant => new RemoteWriteDecoder(new TenantSeries(tenant, _series), _keys.Of(tenant)).Decode, static block => block.Clear());
        _remoteWrite2 = new(tenant => new RemoteWriteDecoder(new TenantSeries(tenant, _series), _keys.Of(tenant)).Decode2, static block => block.Clear());
        _spans = new(tenant => new TracesDecoder(new TenantResources(tenant, _resources), _keys.Of(tenant)).Decode, static block => block.Clear());
        _logs = new(tenant => new LogsDecoder(new TenantResources(tenant, _resources), _keys.Of(tenant), _time).Decode, static block => block.Clear());
        _inserting = Task.Run(InsertAsync);
        _expiring = new IdleExpiry(options, _series, _resources, _batches, _leases, time).RunAsync(_stopping.Token);
        _items = _meter.CreateCounter<long>("sloengine.collector.items", "{item}", "Points, spans and log records acknowledged.");
        _rejected = _meter.CreateCounter<long>("sloengine.collector.rejected_items", "{item}", "Points, spans and log records rejected.");
        _bytes = _meter.CreateCounter<long>("sloengine.collector.request_size", "By", "Decompressed bytes of requests.");
        _meter.CreateObservableCounter("sloengine.collector.stored_rows", () => _inserter.Stored, "{row}", "Rows that the store has taken.");
        _meter.CreateObservableGauge("sloengine.collector.active_series", () => _series.Count, "{series}", "Series that have had points of late.");
        _meter.CreateObservableGauge("sloengine.collector.in_flight", () => _budget.Used, "By", "Bytes of requests in flight.");
        _meter.CreateObservableGauge("sloengine.collector.log.size", () => log.Bytes, "By", "Bytes in the write-ahead log.");
        _meter.CreateObservableGauge("sloengine.collector.log.lag", () => log.End - checkpoint.Stored, "By", "Bytes in the write-ahead log that the store has not confirmed.");
    }

    /// <summary>Series that have had points of late, of all tenants.</summary>
    internal int ActiveSeries => _series.Count;

    /// <summary>Decodes an OTLP request and makes it durable.</summary>
    /// <param name="signal">What the request is.</param>
    /// <param name="tenant">Owner; at most <see cref="MaxTenantBytes"/> bytes.</param>
    /// <param name="request">The decompressed message; used during the call.</param>
    /// <param name="cancellation">Gives up before the data is handed to the log.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    /// <exception cref="IngestUnavailableException">Nothing was kept; the sender may retry.</exception>
    public ValueTask<DecodeResult> IngestAsync(Signal signal, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation) => signal switch
    {
        Signal.Metrics => IngestAsync(_metrics, RequestKind.Metrics, "metrics", tenant, request, cancellation),
        Signal.Traces => IngestAsync(_spans, RequestKind.Traces, "traces", tenant, request, cancellation),
        _ => IngestAsync(_logs, RequestKind.Logs, "logs", tenant, request, cancellation),
    };

    /// <summary>Decodes a Prometheus remote-write request and makes it durable.</summary>
    /// <param name="isVersion2">Whether it is of version 2.0.</param>
    /// <param name="tenant">Owner; at most <see cref="MaxTenantBytes"/> bytes.</param>
    /// <param name="request">The decompressed message; used during the call.</param>
    /// <param name="cancellation">Gives up before the data is handed to the log.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    /// <exception cref="IngestUnavailableException">Nothing was kept; the sender may retry.</exception>
    public ValueTask<DecodeResult> IngestRemoteWriteAsync(bool isVersion2, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation) => isVersion2
        ? IngestAsync(_remoteWrite2, RequestKind.RemoteWrite2, "metrics", tenant, request, cancellation)
        : IngestAsync(_remoteWrite1, RequestKind.RemoteWrite1, "metrics", tenant, request, cancellation);

    private async ValueTask<DecodeResult> IngestAsync<TBlock>(
        Lane<TBlock> lane, RequestKind kind, string signal, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation)
        where TBlock : class, IDisposable, new()
    {
        await _budget.AcquireAsync(request.Length, cancellation);
        try
        {
            DecodeResult result = await IngestAsync(lane, kind, tenant, request);
            var tag = new KeyValuePair<string, object?>("signal", signal);
            _bytes.Add(request.Length, tag);
            _items.Add(result.Accepted, tag);
            if (result.Rejected > 0)
            {
                _rejected.Add(result.Rejected, tag);
            }
            return result;
        }
        finally
        {
            _budget.Release(request.Length);
        }
    }

    /// <summary>Logs what is in flight, gives the store a while to take it, and stops; what it has not taken is in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _expiring;
        await _log.DisposeAsync();
        _batches.Complete();
        _giveUp.CancelAfter(_options.StopPatience);
        await _inserting;
        _inserter.Dispose();
        _fromLog.Dispose();
        _batches.Dispose();
        _metrics.Dispose();
        _remoteWrite1.Dispose();
        _remoteWrite2.Dispose();
        _spans.Dispose();
        _logs.Dispose();
        _giveUp.Dispose();
        _stopping.Dispose();
        _meter.Dispose();
    }

    private async ValueTask<DecodeResult> IngestAsync<TBlock>(Lane<TBlock> lane, RequestKind kind, string tenant, ReadOnlyMemory<byte> request)
        where TBlock : class, IDisposable, new()
    {
        long arrival = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        TBlock block = lane.Rent();
        int lease = _leases.Take();
        DecodeResult result;
        try
        {
            result = lane.Decode(tenant, request.Span, block);
        }
        catch
        {
            lane.Return(block);
            _leases.GiveBack(lease);
            throw;
        }
        if (result.Accepted == 0)
        {
            lane.Return(block);
            _leases.GiveBack(lease);
            return result;
        }
        try
        {
            await _log.AppendAsync(new Submission(kind, tenant, arrival, request, block, result.Accepted, lane.Return) { Lease = lease });
        }
        catch (IngestUnavailableException)
        {
            _leases.GiveBack(lease);
            throw;
        }
        return result;
    }

    private async Task InsertAsync()
    {
        try
        {
            while (await _batches.TakeAsync(_giveUp.Token) is { } batch)
            {
                await _inserter.InsertAsync(batch, _giveUp.Token);
                _batches.Release(batch);
            }
        }
        catch (OperationCanceledException)
        {
            // The store did not come back in time: the next start stores what the log holds.
        }
    }

    private delegate DecodeResult Decoder<TBlock>(ReadOnlySpan<byte> request, TBlock block);

    /// <summary>A signal's pooled blocks, and its decoders, which are each for one request at a time.</summary>
    private sealed class Lane<TBlock>(Func<string, Decoder<TBlock>> create, Action<TBlock> clear) : IDisposable
        where TBlock : class, IDisposable, new()
    {
        private readonly ConcurrentBag<TBlock> _blocks = [];
        private readonly ConcurrentDictionary<string, ConcurrentBag<Decoder<TBlock>>> _decoders = new(StringComparer.Ordinal);

        public TBlock Rent() => _blocks.TryTake(out TBlock? free) ? free : new TBlock();

        public void Return(IDisposable block)
        {
            var own = (TBlock)block;
            clear(own);
            _blocks.Add(own);
        }

        public DecodeResult Decode(string tenant, ReadOnlySpan<byte> request, TBlock block)
        {
            ConcurrentBag<Decoder<TBlock>> decoders = _decoders.GetOrAdd(tenant, static _ => []);
            Decoder<TBlock> decoder = decoders.TryTake(out Decoder<TBlock>? pooled) ? pooled : create(tenant);
            DecodeResult result = decoder(request, block);
            decoders.Add(decoder);
            return result;
        }

        public void Dispose()
        {
            foreach (TBlock block in _blocks)
            {
                block.Dispose();
            }
        }
    }
}
