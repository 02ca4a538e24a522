using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Receivers;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Grpc.Health;
using SloEngine.Server.Authentication;
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
        if (options.Credentials is not null && options.TenantAttribute is not null)
        {
            await Console.Error.WriteLineAsync(
                "sloengine: a gateway does not look into requests, so with credentials it cannot let resources name their tenant; set tenant_attribute or authentication on the engine nodes alone");
            return ExitCodes.Usage;
        }
        try
        {
            using WriteAheadLog log = TelemetryGateway.OpenLog(new WalOptions { Directory = options.Wal, MaxBytes = options.WalMaxBytes, SegmentAge = options.WalSegmentAge }, TimeProvider.System);
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
        builder.Services.AddSingleton(ServerHost.Bodies(options));
        builder.Services.AddSingleton(new GatewayOptions { Nodes = options.Engines, MaxForwardBytes = Math.Min(GatewayOptions.MostForwardBytes, options.MaxBodyBytes) });
        builder.Services.AddSingleton(log);
        builder.Services.AddSingleton<TelemetryGateway>();
        builder.Services.AddSingleton<ITelemetryIntake>(provider => provider.GetRequiredService<TelemetryGateway>());
        builder.Services.AddSingleton<SelfTelemetry>();
        builder.Services.AddHostedService<SelfTelemetryExport>();
        builder.Services.AddAccessControl(options.Credentials);

        WebApplication app = builder.Build();
        CredentialSet? credentials = options.Credentials;
        app.MapListener(Listener.Grpc, branch => branch.UseRouting().UseAccessControl(credentials).UseEndpoints(all =>
        {
            all.Needing(Rights.Write, credentials).MapOtlpGrpc();
            IEndpointRouteBuilder endpoints = all.Open(credentials);
            new HealthService(() => true, OtlpGrpcReceiver.ServiceNames.ToHashSet(), TimeProvider.System).Map(endpoints);
            endpoints.MapGrpcUnimplemented();
        }));
        app.MapListener(Listener.OtlpHttp, branch => branch.UseRouting().UseAccessControl(credentials)
            .UseEndpoints(endpoints => endpoints.Needing(Rights.Write, credentials).MapOtlpHttp()));
        app.MapListener(Listener.Http, branch => branch.UseRouting().UseAccessControl(credentials).UseEndpoints(endpoints => MapHttp(endpoints, credentials)));
        return app;
    }

    private static void MapHttp(IEndpointRouteBuilder all, CredentialSet? credentials)
    {
        IEndpointRouteBuilder write = all.Needing(Rights.Write, credentials);
        write.MapRemoteWrite();
        write.MapPrometheusOtlp();
        write.MapLokiPush();
        IEndpointRouteBuilder admin = all.Needing(Rights.Admin, credentials);
        admin.MapGatewayStatusApi();
        IEndpointRouteBuilder endpoints = all.Open(credentials);
        endpoints.MapGet("/healthz", () => "ok\n");
        // It takes requests whether nodes are there or not: the log is what they wait in.
        endpoints.MapGet("/readyz", () => "ready\n");
        SelfTelemetry telemetry = all.ServiceProvider.GetRequiredService<SelfTelemetry>();
        (credentials?.OpensMetrics == false ? admin : endpoints)
            .MapGet("/metrics", () => Results.Text(telemetry.Scrape(), PrometheusText.ContentType));
    }
}
