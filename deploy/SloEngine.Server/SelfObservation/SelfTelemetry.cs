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

    private readonly PrometheusText _text = new();
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _provider;

    public SelfTelemetry()
    {
        _reader = new BaseExportingMetricReader(_text) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };
        _provider = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(Resource()).AddMeter(Meters).AddReader(_reader).Build();
    }

    public static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty()
        .AddService("sloengine", serviceVersion: typeof(SelfTelemetry).Assembly.GetName().Version?.ToString(3))
        .AddTelemetrySdk();

    /// <summary>The metrics in Prometheus text format.</summary>
    public string Scrape() => _text.Scrape(_reader);

    public void Dispose() => _provider.Dispose();
}
