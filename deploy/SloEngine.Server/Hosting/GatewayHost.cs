using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Receivers;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Grpc.Health;
using SloEngine.Server.Commands;
using SloEngine.Server.Configuration;
using SloEngine.Server.SelfObservation;
using SloEngine.Storage.Wal;

namespace SloEngine.Server.Hosting;

/// <summary>The composition root of <c>serve --roles gateway</c>: receivers, a log, forwarders; no store.</summary>
internal static class GatewayHost
{
    /// <summary>Runs until told to stop; returns the exit code.</summary>
    public static async Task<int> RunAsync(ServerOptions options, CancellationToken cancellation)
    {
        try
        {
            using var log = WriteAheadLog.Open(
                new WalOptions { Directory = options.Wal, MaxBytes = options.WalMaxBytes }, TimeProvider.System);
            await using WebApplication app = Build(options, log);
            await app.StartAsync(cancellation);
            ServerHost.Announce(app);
            await app.WaitForShutdownAsync(cancellation);
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync("sloengine: " + failure.Message);
            return ExitCodes.Failed;
        }
        return ExitCodes.Done;
    }

    private static WebApplication Build(ServerOptions options, WriteAheadLog log)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        ServerHost.ConfigureLogging(builder.Logging, options);
        ServerHost.ConfigureListeners(builder, options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(ServerHost.Collector(options));
        builder.Services.AddSingleton(new GatewayOptions { Nodes = options.Engines });
        builder.Services.AddSingleton(log);
        builder.Services.AddSingleton<TelemetryGateway>();
        builder.Services.AddSingleton<ITelemetryIntake>(provider => provider.GetRequiredService<TelemetryGateway>());
        builder.Services.AddSingleton<SelfTelemetry>();
        builder.Services.AddHostedService<SelfTelemetryExport>();

        WebApplication app = builder.Build();
        app.MapListener(Listener.Grpc, branch => branch.UseRouting().UseEndpoints(endpoints =>
        {
            endpoints.MapOtlpGrpc();
            new HealthService(() => true, OtlpGrpcReceiver.ServiceNames.ToHashSet(), TimeProvider.System).Map(endpoints);
            endpoints.MapGrpcUnimplemented();
        }));
        app.MapListener(Listener.OtlpHttp, branch => branch.UseRouting().UseEndpoints(endpoints => endpoints.MapOtlpHttp()));
        app.MapListener(Listener.Http, branch => branch.UseRouting().UseEndpoints(MapHttp));
        return app;
    }

    private static void MapHttp(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapRemoteWrite();
        endpoints.MapPrometheusOtlp();
        endpoints.MapLokiPush();
        endpoints.MapGatewayStatusApi();
        endpoints.MapGet("/healthz", () => "ok\n");
        // It takes requests whether nodes are there or not: the log is what they wait in.
        endpoints.MapGet("/readyz", () => "ready\n");
        SelfTelemetry telemetry = endpoints.ServiceProvider.GetRequiredService<SelfTelemetry>();
        endpoints.MapGet("/metrics", () => Results.Text(telemetry.Scrape(), PrometheusText.ContentType));
    }
}
