using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using SloEngine.Collector.Cardinality;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Limits;
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
    private readonly Counter<long> _refused;
    private readonly Counter<long> _bytes;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly MemoryBudget _budget;
    private readonly TenantRates _rates;
    private readonly TenantTags _tenantTags;
    private readonly SeriesIndex _series;
    private readonly ResourceIndex _resources;
    private readonly ReferenceLeases _leases = new();
    private readonly TenantKeys _keys = new();
    private readonly BatchQueue _batches;
    private readonly LogDecoder _fromLog;
    private readonly BatchInserter _inserter;
    private readonly LogWriter _log;
    private readonly WriteAheadLog _logged;
    private readonly StoredPosition _stored;
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
        (_options, _time, _logged) = (options, time, log);
        _stored = new StoredPosition(checkpoint.Stored);
        _budget = new MemoryBudget(options, time);
        (_rates, _tenantTags) = (new TenantRates(options, time), new TenantTags(options));
        _series = new SeriesIndex(options, taps, time);
        _resources = new ResourceIndex(options, time);
        Cardinality = new CardinalityReader(options, _series, _resources);
        _batches = new BatchQueue(options, _series, _resources, taps, _leases, time);
        _fromLog = new LogDecoder(options, _series, _resources, _keys);
        _inserter = new BatchInserter(store, log, checkpoint, _series, _resources, _fromLog, _leases, time, logger);
        _log = new LogWriter(log, _batches, options, time, logger);
        _metrics = new(NewMetricsDecoder, static block => block.Clear());
        _remoteWrite1 = new(tenant => NewRemoteWriteDecoder(tenant, isVersion2: false), static block => block.Clear());
        _remoteWrite2 = new(tenant => NewRemoteWriteDecoder(tenant, isVersion2: true), static block => block.Clear());
        _spans = new(NewTracesDecoder, static block => block.Clear());
        _logs = new(NewLogsDecoder, static block => block.Clear());
        _inserting = Task.Run(InsertAsync);
        _expiring = new IdleExpiry(options, _series, _resources, _batches, _leases, time).RunAsync(_stopping.Token);
        _items = _meter.CreateCounter<long>("sloengine.collector.items", "{item}", "Points, spans and log records acknowledged.");
        _rejected = _meter.CreateCounter<long>("sloengine.collector.rejected_items", "{item}", "Points, spans and log records rejected, by tenant and reason.");
        _refused = _meter.CreateCounter<long>("sloengine.collector.refused_requests", "{request}", "Requests that senders are asked to send again, by tenant and reason.");
        _bytes = _meter.CreateCounter<long>("sloengine.collector.request_size", "By", "Decompressed bytes of requests.");
        _meter.CreateObservableCounter("sloengine.collector.stored_rows", () => _inserter.Stored, "{row}", "Rows that the store has taken.");
        _meter.CreateObservableGauge("sloengine.collector.active_series", () => _series.Count, "{series}", "Series that have had points of late.");
        _meter.CreateObservableGauge("sloengine.collector.in_flight", () => _budget.Used, "By", "Bytes of requests in flight.");
        _meter.CreateObservableGauge("sloengine.collector.log.size", () => log.Bytes, "By", "Bytes in the write-ahead log.");
        _meter.CreateObservableGauge("sloengine.collector.log.lag", () => log.End - checkpoint.Stored, "By", "Bytes in the write-ahead log that the store has not confirmed.");
    }

    /// <summary>Series that have had points of late, of all tenants.</summary>
    internal int ActiveSeries => _series.Count;

    /// <summary>Resources of logs and spans.</summary>
    internal ResourceIndex Resources => _resources;

    /// <summary>Whose series they are.</summary>
    internal CardinalityReader Cardinality { get; }

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
        if (!_rates.TryTake(tenant, request.Length, out TimeSpan retryAfter))
        {
            throw OverRate(tenant, retryAfter);
        }
        await _budget.AcquireAsync(request.Length, cancellation);
        try
        {
            Decoded decoded = await IngestAsync(lane, kind, tenant, request);
            DecodeResult result = decoded.Result;
            var tag = new KeyValuePair<string, object?>("signal", signal);
            _bytes.Add(request.Length, tag);
            _items.Add(result.Accepted, tag);
            if (result.Rejected > 0)
            {
                CountRejected(decoded, tag, tenant);
            }
            return result;
        }
        finally
        {
            _budget.Release(request.Length);
        }
    }

    /// <summary>Completes when the store has all that was acknowledged before the call.</summary>
    /// <exception cref="TimeoutException">The store did not take it within the time.</exception>
    public Task StoredAsync(TimeSpan patience, CancellationToken cancellation) => _stored.ReachedAsync(_logged.End).WaitAsync(patience, _time, cancellation);

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

    private async ValueTask<Decoded> IngestAsync<TBlock>(Lane<TBlock> lane, RequestKind kind, string tenant, ReadOnlyMemory<byte> request)
        where TBlock : class, IDisposable, new()
    {
        long arrival = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        TBlock block = lane.Rent();
        int lease = _leases.Take();
        Decoded decoded;
        try
        {
            decoded = lane.Decode(tenant, request.Span, block);
        }
        catch
        {
            lane.Return(block);
            _leases.GiveBack(lease);
            throw;
        }
        if (decoded.Result.Accepted == 0)
        {
            lane.Return(block);
            _leases.GiveBack(lease);
            return decoded;
        }
        try
        {
            await _log.AppendAsync(new Submission(kind, tenant, arrival, request, block, decoded.Result.Accepted, lane.Return) { Lease = lease });
        }
        catch (IngestUnavailableException)
        {
            _leases.GiveBack(lease);
            throw;
        }
        return decoded;
    }

    private void CountRejected(Decoded decoded, KeyValuePair<string, object?> signal, string tenant)
    {
        KeyValuePair<string, object?> owner = _tenantTags.Of(tenant);
        // A rejected series of remote write may bring several samples, which all count; those beyond one a series count as invalid.
        int invalid = decoded.Result.Rejected - decoded.OverSeriesLimit - decoded.OverLabelLimit - decoded.OverResourceLimit;
        Count(decoded.OverSeriesLimit, "series_limit");
        Count(decoded.OverLabelLimit, "label_limit");
        Count(decoded.OverResourceLimit, "resource_limit");
        Count(invalid, "invalid");

        void Count(int items, string reason)
        {
            if (items > 0)
            {
                _rejected.Add(items, signal, owner, new("reason", reason));
            }
        }
    }

    private IngestUnavailableException OverRate(string tenant, TimeSpan retryAfter)
    {
        _refused.Add(1, _tenantTags.Of(tenant), new KeyValuePair<string, object?>("reason", "rate_limit"));
        long rate = _options.LimitsOf(tenant).BytesPerSecond;
        return new IngestUnavailableException(
            string.Create(CultureInfo.InvariantCulture, $"tenant {tenant} is over its limit of {rate} bytes a second"), retryAfter) { IsTenantLimit = true };
    }

    private Decoder<MetricBlock> NewMetricsDecoder(string tenant)
    {
        var series = new TenantSeries(tenant, _series);
        var decoder = new MetricsDecoder(series, _keys.Of(tenant));
        return (request, block) =>
        {
            series.Begin();
            return series.Told(decoder.Decode(request, block));
        };
    }

    private Decoder<MetricBlock> NewRemoteWriteDecoder(string tenant, bool isVersion2)
    {
        var series = new TenantSeries(tenant, _series);
        var decoder = new RemoteWriteDecoder(series, _keys.Of(tenant));
        return (request, block) =>
        {
            series.Begin();
            return series.Told(isVersion2 ? decoder.Decode2(request, block) : decoder.Decode(request, block));
        };
    }

    private Decoder<SpanBlock> NewTracesDecoder(string tenant)
    {
        var decoder = new TracesDecoder(new TenantResources(tenant, _resources), _keys.Of(tenant));
        return (request, block) => new Decoded(decoder.Decode(request, block), OverResourceLimit: decoder.OverResourceLimit);
    }

    private Decoder<LogBlock> NewLogsDecoder(string tenant)
    {
        var decoder = new LogsDecoder(new TenantResources(tenant, _resources), _keys.Of(tenant), _time, _options.LimitsOf(tenant).MaxLogLineBytes);
        return (request, block) => new Decoded(decoder.Decode(request, block), OverResourceLimit: decoder.OverResourceLimit);
    }

    private async Task InsertAsync()
    {
        try
        {
            while (await _batches.TakeAsync(_giveUp.Token) is { } batch)
            {
                await _inserter.InsertAsync(batch, _giveUp.Token);
                _stored.Advance(batch.To);
                _batches.Release(batch);
            }
        }
        catch (OperationCanceledException)
        {
            // The store did not come back in time: the next start stores what the log holds.
        }
    }

    private delegate Decoded Decoder<TBlock>(ReadOnlySpan<byte> request, TBlock block);

    /// <summary>A signal's pooled blocks, and its decoders, which are each for one request at a time.</summary>
    private sealed class Lane<TBlock>(Func<string, Decoder<TBlock>> create, Action<TBlock> clear) : IDisposable
        where TBlock : class, IDisposable, new()
    {
        private const int MaxTenants = 1000;

        private readonly ConcurrentBag<TBlock> _blocks = [];
        private readonly ConcurrentDictionary<string, ConcurrentBag<Decoder<TBlock>>> _decoders = new(StringComparer.Ordinal);

        public TBlock Rent() => _blocks.TryTake(out TBlock? free) ? free : new TBlock();

        public void Return(IDisposable block)
        {
            var own = (TBlock)block;
            clear(own);
            _blocks.Add(own);
        }

        public Decoded Decode(string tenant, ReadOnlySpan<byte> request, TBlock block)
        {
            if (!_decoders.TryGetValue(tenant, out ConcurrentBag<Decoder<TBlock>>? decoders))
            {
                if (_decoders.Count >= MaxTenants)
                {
                    // Names are free to choose: the decoders of those that are in use are made anew.
                    _decoders.Clear();
                }
                decoders = _decoders.GetOrAdd(tenant, static _ => []);
            }
            Decoder<TBlock> decoder = decoders.TryTake(out Decoder<TBlock>? pooled) ? pooled : create(tenant);
            Decoded decoded = decoder(request, block);
            decoders.Add(decoder);
            return decoded;
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
