using Microsoft.AspNetCore.Hosting.Server;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using SloEngine.Server.Configuration;
using SloEngine.Server.Hosting;

namespace SloEngine.Server.SelfObservation;

/// <summary>Sends the server's own metrics, traces and logs to its own collector, once that listens.</summary>
internal sealed partial class SelfTelemetryExport(IServer server, ServerOptions options, ILoggerFactory loggers, IHostApplicationLifetime lifetime) : IHostedService, IDisposable
{
    private MeterProvider? _metrics;
    private TracerProvider? _traces;
    private ILoggerFactory? _logs;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.SelfTelemetry)
        {
            lifetime.ApplicationStarted.Register(Start);
            // The collector still listens while the application stops: what is left goes out.
            lifetime.ApplicationStopping.Register(Dispose);
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        Interlocked.Exchange(ref _metrics, null)?.Dispose();
        Interlocked.Exchange(ref _traces, null)?.Dispose();
        Interlocked.Exchange(ref _logs, null)?.Dispose();
    }

    private void Start()
    {
        Uri collector = ServerHost.Addresses(server)[0];
        ResourceBuilder resource = SelfTelemetry.Resource();
        void Export(OtlpExporterOptions exporter)
        {
            exporter.Endpoint = collector;
            exporter.Protocol = OtlpExportProtocol.Grpc;
            exporter.TimeoutMilliseconds = 5_000;
            if (options.Credentials is { } credentials)
            {
                exporter.Headers = "authorization=Bearer%20" + credentials.OwnToken;
            }
        }

        _metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(SelfTelemetry.Meters)
            .AddOtlpExporter((exporter, reader) =>
            {
                Export(exporter);
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = 15_000;
            })
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(RequestTracing.SourceName)
            .AddOtlpExporter(Export)
            .Build();
        _logs = LoggerFactory.Create(logging => logging.AddOpenTelemetry(log =>
        {
            log.SetResourceBuilder(resource);
            log.IncludeFormattedMessage = true;
            log.AddOtlpExporter(Export);
        }));
        loggers.AddProvider(new ForwardingProvider(_logs));
        LogStarted(loggers.CreateLogger<SelfTelemetryExport>(), collector);
    }

    [LoggerMessage(EventName = "self.telemetry.started", Level = LogLevel.Information, Message = "The server's own telemetry goes to {Collector}")]
    private static partial void LogStarted(ILogger logger, Uri collector);

    /// <summary>Gives the host's log lines to a factory that could be made only after the start.</summary>
    private sealed class ForwardingProvider(ILoggerFactory target) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => target.CreateLogger(categoryName);

        public void Dispose()
        {
            // The factory is the exporter's.
        }
    }
}
