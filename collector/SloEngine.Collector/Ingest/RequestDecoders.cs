using SloEngine.Collector.Limits;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Ingest;

/// <summary>The decoders of each kind of request.</summary>
internal sealed class RequestDecoders : IDisposable
{
    private readonly CollectorOptions _options;
    private readonly SeriesIndex _series;
    private readonly ResourceIndex _resources;
    private readonly TenantKeys _keys;
    private readonly TimeProvider _time;
    private readonly TimeWindows _windows;

    public RequestDecoders(CollectorOptions options, SeriesIndex series, ResourceIndex resources, TenantKeys keys, TimeProvider time)
    {
        (_options, _series, _resources, _keys, _time) = (options, series, resources, keys, time);
        _windows = new TimeWindows(options, time);
        Metrics = new(NewMetricsDecoder, static block => block.Count, static block => block.Clear());
        RemoteWrite1 = new(tenant => NewRemoteWriteDecoder(tenant, isVersion2: false), static block => block.Count, static block => block.Clear());
        RemoteWrite2 = new(tenant => NewRemoteWriteDecoder(tenant, isVersion2: true), static block => block.Count, static block => block.Clear());
        Spans = new(NewTracesDecoder, static block => block.Count, static block => block.Clear());
        Logs = new(NewLogsDecoder, static block => block.Count, static block => block.Clear());
    }

    public DecoderLane<MetricBlock> Metrics { get; }

    public DecoderLane<MetricBlock> RemoteWrite1 { get; }

    public DecoderLane<MetricBlock> RemoteWrite2 { get; }

    public DecoderLane<SpanBlock> Spans { get; }

    public DecoderLane<LogBlock> Logs { get; }

    public void Dispose()
    {
        Metrics.Dispose();
        RemoteWrite1.Dispose();
        RemoteWrite2.Dispose();
        Spans.Dispose();
        Logs.Dispose();
    }

    private Decoder<MetricBlock> NewMetricsDecoder(string tenant)
    {
        var series = new TenantSeries(tenant, _series);
        var decoder = new MetricsDecoder(series, _keys.Of(tenant));
        return (request, block) =>
        {
            series.Begin();
            decoder.Window = _windows.Of(Signal.Metrics);
            return series.Told(decoder.Decode(request, block)) with { RejectedItems = decoder.RejectedItems };
        };
    }

    private Decoder<MetricBlock> NewRemoteWriteDecoder(string tenant, bool isVersion2)
    {
        var series = new TenantSeries(tenant, _series);
        var decoder = new RemoteWriteDecoder(series, _keys.Of(tenant));
        return (request, block) =>
        {
            series.Begin();
            decoder.Window = _windows.Of(Signal.Metrics);
            return series.Told(isVersion2 ? decoder.Decode2(request, block) : decoder.Decode(request, block)) with { RejectedItems = decoder.RejectedItems };
        };
    }

    private Decoder<SpanBlock> NewTracesDecoder(string tenant)
    {
        var decoder = new TracesDecoder(new TenantResources(tenant, _resources), _keys.Of(tenant));
        return (request, block) =>
        {
            decoder.Window = _windows.Of(Signal.Traces);
            return new Decoded(decoder.Decode(request, block), OverResourceLimit: decoder.OverResourceLimit) { RejectedItems = decoder.RejectedItems };
        };
    }

    private Decoder<LogBlock> NewLogsDecoder(string tenant)
    {
        var decoder = new LogsDecoder(new TenantResources(tenant, _resources), _keys.Of(tenant), _time, _options.LimitsOf(tenant).MaxLogLineBytes);
        return (request, block) =>
        {
            decoder.Window = _windows.Of(Signal.Logs);
            return new Decoded(decoder.Decode(request, block), OverResourceLimit: decoder.OverResourceLimit) { RejectedItems = decoder.RejectedItems, CutBodies = decoder.CutBodies };
        };
    }
}
