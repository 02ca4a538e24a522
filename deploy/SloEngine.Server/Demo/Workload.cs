using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace SloEngine.Server.Demo;

/// <summary>
/// One simulated workload: its own meter, tracer and logger behind the OpenTelemetry SDK and its OTLP exporter, as a process of its own would have.
/// Names and attributes are OpenTelemetry semantic conventions.
/// </summary>
internal sealed class Workload : IDisposable
{
    /// <summary>Bucket bounds that the HTTP semantic conventions advise for durations in seconds.</summary>
    private static readonly double[] DurationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private readonly MeterProvider _meters;
    private readonly TracerProvider _traces;
    private readonly ILoggerFactory _loggers;

    public Workload(string name, string version, Uri collector)
    {
        Name = name;
        string source = "demo." + name;
        Meter = new Meter(source, version);
        Spans = new ActivitySource(source, version);
        ResourceBuilder resource = ResourceBuilder.CreateEmpty()
            .AddService(name, serviceVersion: version, serviceInstanceId: name + "-0")
            .AddAttributes([new("deployment.environment.name", "demo"), new("cloud.region", "eu-central-1")])
            .AddTelemetrySdk();
        void Export(OtlpExporterOptions exporter)
        {
            exporter.Endpoint = collector;
            exporter.Protocol = OtlpExportProtocol.Grpc;
        }

        _meters = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(source)
            .AddOtlpExporter((exporter, reader) =>
            {
                Export(exporter);
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = 5_000;
            })
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(source)
            .AddOtlpExporter(exporter =>
            {
                Export(exporter);
                exporter.BatchExportProcessorOptions = new BatchExportActivityProcessorOptions { ScheduledDelayMilliseconds = 2_000, MaxQueueSize = 8_192 };
            })
            .Build();
        _loggers = LoggerFactory.Create(logging => logging.AddOpenTelemetry(options =>
        {
            options.SetResourceBuilder(resource);
            options.IncludeFormattedMessage = true;
            options.ParseStateValues = true;
            options.AddOtlpExporter(Export);
        }));
        Log = _loggers.CreateLogger(source);
        RequestDuration = Meter.CreateHistogram(
            "http.server.request.duration", "s", "Duration of HTTP server requests.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = DurationBounds });
    }

    public string Name { get; }

    public Meter Meter { get; }

    public ActivitySource Spans { get; }

    public ILogger Log { get; }

    public Histogram<double> RequestDuration { get; }

    /// <summary>Exports what is left and stops.</summary>
    public void Dispose()
    {
        _meters.Dispose();
        _traces.Dispose();
        _loggers.Dispose();
        Meter.Dispose();
        Spans.Dispose();
    }
}
