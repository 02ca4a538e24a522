using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Traces;
using SloEngine.Storage;

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
/// The way of a request: decode inline, hand the block to the signal's writer, answer when it is stored. Safe for concurrent use.
/// </summary>
public sealed class OtlpIngest : IAsyncDisposable
{
    /// <summary>Name of the meter with the collector's own metrics.</summary>
    public const string MeterName = "SloEngine.Collector";

    private readonly UInt128 _hashKey = new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _items;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _bytes;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly MemoryBudget _budget;
    private readonly SeriesIndex _series;
    private readonly ResourceIndex _resources = new();
    private readonly ResourceWriter _resourceRows;
    private readonly MetricFlush _metricFlush;
    private readonly SpanFlush _spanFlush;
    private readonly LogFlush _logFlush;
    private readonly Lane<MetricBlock> _metrics;
    private readonly Lane<SpanBlock> _spans;
    private readonly Lane<LogBlock> _logs;

    /// <summary>Starts the writers.</summary>
    public OtlpIngest(IColumnStore store, ITelemetryTaps taps, CollectorOptions options, TimeProvider time, ILogger<OtlpIngest> logger)
    {
        (_options, _time) = (options, time);
        _budget = new MemoryBudget(options, time);
        _series = new SeriesIndex(options, taps);
        _metricFlush = new MetricFlush(store, _series, taps, time);
        _resourceRows = new ResourceWriter(store, _resources, time);
        _spanFlush = new SpanFlush(store, _resources, _resourceRows, taps);
        _logFlush = new LogFlush(store, _resources, _resourceRows, taps);
        _metrics = new(new SignalWriter<MetricBlock>(_metricFlush, options, time, logger));
        _spans = new(new SignalWriter<SpanBlock>(_spanFlush, options, time, logger));
        _logs = new(new SignalWriter<LogBlock>(_logFlush, options, time, logger));
        _items = _meter.CreateCounter<long>("sloengine.collector.items", "{item}", "Points, spans and log records stored.");
        _rejected = _meter.CreateCounter<long>("sloengine.collector.rejected_items", "{item}", "Points, spans and log records rejected.");
        _bytes = _meter.CreateCounter<long>("sloengine.collector.request_size", "By", "Decompressed bytes of requests.");
        _meter.CreateObservableGauge("sloengine.collector.active_series", () => _series.Count, "{series}", "Series met since the start.");
        _meter.CreateObservableGauge("sloengine.collector.in_flight", () => _budget.Used, "By", "Bytes of requests in flight.");
    }

    /// <summary>Stores an OTLP request in protobuf; completes when its items survive the end of the process.</summary>
    /// <param name="signal">What the request is.</param>
    /// <param name="tenant">Owner.</param>
    /// <param name="request">The decompressed message; used during the call.</param>
    /// <param name="cancellation">Gives up before the data is handed to the store.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    /// <exception cref="IngestUnavailableException">Nothing was stored; the sender may retry.</exception>
    public async ValueTask<DecodeResult> IngestAsync(Signal signal, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        await _budget.AcquireAsync(request.Length, cancellation);
        try
        {
            DecodeResult result = signal switch
            {
                Signal.Metrics => await _metrics.RunAsync(tenant, MetricsDecoder, request, cancellation),
                Signal.Traces => await _spans.RunAsync(tenant, TracesDecoder, request, cancellation),
                _ => await _logs.RunAsync(tenant, LogsDecoder, request, cancellation),
            };
            var tag = new KeyValuePair<string, object?>("signal", Names[(int)signal]);
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

    /// <summary>Flushes what is in flight and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await _metrics.DisposeAsync();
        await _spans.DisposeAsync();
        await _logs.DisposeAsync();
        _metricFlush.Dispose();
        _spanFlush.Dispose();
        _logFlush.Dispose();
        _resourceRows.Dispose();
        _meter.Dispose();
    }

    private static readonly string[] Names = ["metrics", "logs", "traces"];

    private Decoder<MetricBlock> MetricsDecoder(string tenant) => new MetricsDecoder(new TenantSeries(tenant, _series), Key(tenant)).Decode;

    private Decoder<SpanBlock> TracesDecoder(string tenant) => new TracesDecoder(new TenantResources(tenant, _resources), Key(tenant)).Decode;

    private Decoder<LogBlock> LogsDecoder(string tenant) => new LogsDecoder(new TenantResources(tenant, _resources), Key(tenant), _time).Decode;

    /// <summary>Raw identities of different tenants never meet.</summary>
    private UInt128 Key(string tenant) => SipHash128.Hash(Encoding.UTF8.GetBytes(tenant), _hashKey);

    private delegate DecodeResult Decoder<TBlock>(ReadOnlySpan<byte> request, TBlock block);

    /// <summary>A signal's pooled blocks and decoders, and its writer.</summary>
    private sealed class Lane<TBlock>(SignalWriter<TBlock> writer) : IAsyncDisposable
        where TBlock : class, IDisposable, new()
    {
        private readonly ConcurrentBag<TBlock> _blocks = [];
        private readonly ConcurrentDictionary<string, ConcurrentBag<Decoder<TBlock>>> _decoders = new(StringComparer.Ordinal);

        public async ValueTask<DecodeResult> RunAsync(
            string tenant, Func<string, Decoder<TBlock>> create, ReadOnlyMemory<byte> request, CancellationToken cancellation)
        {
            ConcurrentBag<Decoder<TBlock>> decoders = _decoders.GetOrAdd(tenant, static _ => []);
            Decoder<TBlock> decoder = decoders.TryTake(out Decoder<TBlock>? pooled) ? pooled : create(tenant);
            TBlock block = _blocks.TryTake(out TBlock? free) ? free : new TBlock();
            try
            {
                DecodeResult result = decoder(request.Span, block);
                decoders.Add(decoder);
                if (result.Accepted > 0)
                {
                    await writer.StoreAsync(block, cancellation);
                }
                return result;
            }
            finally
            {
                Clear(block);
                _blocks.Add(block);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await writer.DisposeAsync();
            foreach (TBlock block in _blocks)
            {
                block.Dispose();
            }
        }

        private static void Clear(TBlock block)
        {
            switch (block)
            {
                case MetricBlock metrics:
                    metrics.Clear();
                    break;
                case SpanBlock spans:
                    spans.Clear();
                    break;
                case LogBlock logs:
                    logs.Clear();
                    break;
            }
        }
    }
}
