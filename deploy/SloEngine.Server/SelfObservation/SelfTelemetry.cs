using Microsoft.AspNetCore.Hosting.Server;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using SloEngine.Collector.Ingest;
using SloEngine.Server.Configuration;
using SloEngine.Server.Hosting;

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

/// <summary>Sends the server's own metrics to its own collector, once that listens.</summary>
internal sealed class SelfTelemetryExport(IServer server, ServerOptions options, IHostApplicationLifetime lifetime) : IHostedService, IDisposable
{
    private MeterProvider? _metrics;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.SelfTelemetry)
        {
            lifetime.ApplicationStarted.Register(Start);
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _metrics?.Dispose();
        _metrics = null;
    }

    private void Start()
    {
        Uri collector = ServerHost.Addresses(server)[0];
        _metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(SelfTelemetry.Resource())
            .AddMeter(SelfTelemetry.Meters)
            .AddOtlpExporter((exporter, reader) =>
            {
                exporter.Endpoint = collector;
                exporter.Protocol = OtlpExportProtocol.Grpc;
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = 15_000;
            })
            .Build();
    }
}
