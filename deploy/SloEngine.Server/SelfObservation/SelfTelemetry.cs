using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using SloEngine.Collector.Ingest;

namespace SloEngine.Server.SelfObservation;

/// <summary>The server's own metrics, by the OpenTelemetry SDK: scraped at <c>/metrics</c>.</summary>
internal sealed class SelfTelemetry : IDisposable
{
    /// <summary>Meters of the product and of the platform beneath it.</summary>
    public static readonly string[] Meters = [OtlpIngest.MeterName, "SloEngine.*", "System.Runtime", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"];

    private readonly Meter _meter = new("SloEngine.Memory");
    private readonly PrometheusText _text = new();
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _provider;

    public SelfTelemetry()
    {
        _meter.CreateObservableGauge("sloengine.memory.live", LiveBytes, "By", "Managed memory that the last full collection has left: what grows here is kept, where other sizes of the heap have garbage in them.");
        _reader = new BaseExportingMetricReader(_text) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };
        _provider = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(Resource()).AddMeter(Meters).AddReader(_reader).Build();
    }

    public static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty()
        .AddService("sloengine", serviceVersion: typeof(SelfTelemetry).Assembly.GetName().Version?.ToString(3))
        .AddTelemetrySdk();

    /// <summary>The metrics in Prometheus text format.</summary>
    public string Scrape() => _text.Scrape(_reader);

    public void Dispose()
    {
        _provider.Dispose();
        _meter.Dispose();
    }

    /// <summary>0 before the first full collection.</summary>
    private static long LiveBytes()
    {
        GCMemoryInfo blocking = GC.GetGCMemoryInfo(GCKind.FullBlocking);
        GCMemoryInfo background = GC.GetGCMemoryInfo(GCKind.Background);
        GCMemoryInfo last = blocking.Index > background.Index ? blocking : background;
        return last.HeapSizeBytes - last.FragmentedBytes;
    }
}
