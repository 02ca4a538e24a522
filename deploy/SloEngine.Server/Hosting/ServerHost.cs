using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;
using SloEngine.Alerting;
using SloEngine.Alerting.Http;
using SloEngine.Alerting.Notifications;
using SloEngine.Collector;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Receivers;
using SloEngine.Collector.Taps;
using SloEngine.Dashboards;
using SloEngine.Dashboards.Catalog;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Grpc.Health;
using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query;
using SloEngine.Query.Http;
using SloEngine.Query.Metrics;
using SloEngine.Rules.Alertmanagers;
using SloEngine.Rules.Files;
using SloEngine.Rules.Http;
using SloEngine.Rules.Scheduling;
using SloEngine.Scaling.Http;
using SloEngine.Scaling.Signals;
using SloEngine.Server.Commands;
using SloEngine.Server.Configuration;
using SloEngine.Server.Demo;
using SloEngine.Server.Rules;
using SloEngine.Server.SelfObservation;
using SloEngine.Server.Slos;
using SloEngine.Server.Store;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;
using SloEngine.Storage;
using SloEngine.Storage.Backup;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Http;
using SloEngine.Storage.Retention;

namespace SloEngine.Server.Hosting;

/// <summary>The composition root of <c>serve</c>: every object is built here.</summary>
internal static class ServerHost
{
    /// <summary>Runs until told to stop; returns the exit code.</summary>
    public static async Task<int> RunAsync(ServerOptions options, CancellationToken cancellation)
    {
        IColumnStore store;
        ReceiverConfiguration receivers;
        try
        {
            receivers = options.Receivers is null ? ReceiverConfiguration.None : ReceiverConfiguration.Read(options.Receivers);
        }
        catch (FormatException wrong)
        {
            await Console.Error.WriteLineAsync("sloengine: " + wrong.Message);
            return ExitCodes.Usage;
        }
        try
        {
            store = options.Store is { } url
                ? await HttpColumnStore.OpenAsync(url, cancellation)
                : await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = options.Data, Library = options.EngineLibrary, Backups = options.Backups }, cancellation);
        }
        catch (Exception failure) when (failure is StoreException or DllNotFoundException)
        {
            await Console.Error.WriteLineAsync("sloengine: " + failure.Message);
            return ExitCodes.Failed;
        }
        await using IColumnStore owned = store;
        using IngestLog? log = await OpenLogAsync(options, store, cancellation);
        if (log is null)
        {
            return ExitCodes.Failed;
        }
        SeriesBaselines baselines = await SeriesBaselines.ReadAsync(store, cancellation);
        WebApplication app = Build(options, store, log, baselines, receivers);
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (IOException failure)
        {
            await Console.Error.WriteLineAsync("sloengine: " + failure.Message);
            return ExitCodes.Failed;
        }
        Announce(app);
        await app.WaitForShutdownAsync(cancellation);
        await app.DisposeAsync();
        return ExitCodes.Done;
    }

    private static WebApplication Build(ServerOptions options, IColumnStore store, IngestLog log, SeriesBaselines baselines, ReceiverConfiguration receivers)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        ConfigureLogging(builder.Logging, options);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes + 1024L;
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(10));
            kestrel.Listen(options.ListenGrpc, listen => listen.Serve(Listener.Grpc, HttpProtocols.Http2));
            kestrel.Listen(options.ListenOtlpHttp, listen => listen.Serve(Listener.OtlpHttp, HttpProtocols.Http1));
            kestrel.Listen(options.ListenHttp, listen => listen.Serve(Listener.Http, HttpProtocols.Http1));
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));
        AddServices(builder.Services, options, store, log, baselines, receivers);

        WebApplication app = builder.Build();
        app.MapListener(Listener.Grpc, branch => branch.UseRouting().UseEndpoints(endpoints =>
        {
            endpoints.MapOtlpGrpc();
            endpoints.MapScalingGrpc();
            var health = new HealthService(() => true, OtlpGrpcReceiver.ServiceNames.Concat(ScalingServices.ServiceNames).ToHashSet(), TimeProvider.System);
            health.Map(endpoints);
            endpoints.MapGrpcUnimplemented();
        }));
        app.MapListener(Listener.OtlpHttp, branch => branch.UseRouting().UseEndpoints(endpoints => endpoints.MapOtlpHttp()));
        app.MapListener(Listener.Http, branch =>
        {
            branch.UseWebApplication();
            branch.UseResponseCompression();
            branch.UseRequestTracing();
            branch.UseRouting().UseEndpoints(MapHttp);
            branch.RunWebApplication();
        });
        return app;
    }

    private static void MapHttp(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapRemoteWrite();
        endpoints.MapPrometheusOtlp();
        endpoints.MapLokiPush();
        endpoints.MapPrometheusApi();
        endpoints.MapRemoteRead();
        endpoints.MapLokiApi();
        endpoints.MapTempoApi();
        endpoints.MapSqlApi();
        endpoints.MapStoreStatusApi();
        endpoints.MapCardinalityApi();
        endpoints.MapBackupApi();
        endpoints.MapSloApi();
        endpoints.MapRulesApi(SloAlerts.In(endpoints.ServiceProvider));
        endpoints.MapScalingHttp();
        endpoints.MapDashboardsApi();
        endpoints.MapGet("/healthz", () => "ok\n");
        endpoints.MapGet("/readyz", async (IColumnStore store, CancellationToken cancellation) =>
        {
            await store.QueryAsync(new StoreQuery("SELECT 1") { Timeout = TimeSpan.FromSeconds(5) }, cancellation);
            return "ready\n";
        });
        // Made at the start, not at the first scrape: a counter that has counted by then is to be in it.
        SelfTelemetry telemetry = endpoints.ServiceProvider.GetRequiredService<SelfTelemetry>();
        endpoints.MapGet("/metrics", () => Results.Text(telemetry.Scrape(), PrometheusText.ContentType));
    }

    private static void AddServices(IServiceCollection services, ServerOptions options, IColumnStore store, IngestLog log, SeriesBaselines baselines, ReceiverConfiguration receivers)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddResponseCompression();
        // Nobody embeds JSON into a page: a plus or a quote is written as it is.
        services.ConfigureHttpJsonOptions(static json => json.SerializerOptions.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        services.AddSingleton(options);
        services.AddSingleton(store);

        services.AddSingleton(provider => new StoreRetention(store, options.Retention, provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<RetentionLoop>();
        services.AddSingleton(new StoreBackups(store, options.Backups));

        services.AddSingleton<LedgerTable>();
        services.AddSingleton<ILedgerStore>(provider => provider.GetRequiredService<LedgerTable>());
        services.AddSingleton<Ledger>();
        services.AddSingleton<SloEvaluator>();
        services.AddSingleton(new SloCatalog(SloDirectory(options)));
        services.AddSingleton(provider => new LedgerTaps(provider.GetRequiredService<Ledger>(), provider.GetRequiredService<ILedgerStore>(), baselines));
        services.AddSingleton<ITelemetryTaps>(provider => provider.GetRequiredService<LedgerTaps>());
        services.AddHostedService<SloReloader>();
        services.AddSingleton(new QueryCounterOptions());
        services.AddSingleton(provider => new QueryCounter(
            provider.GetRequiredService<Ledger>(), provider.GetRequiredService<ILedgerStore>(), provider.GetRequiredService<PromQLEngine>(),
            provider.GetRequiredService<Func<string, ISeriesSource>>()(Tenants.Default), provider.GetRequiredService<QueryCounterOptions>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<QueryCounterLoop>();

        services.AddSingleton(Collector(options));
        services.AddSingleton(provider => new OtlpIngest(
            store, log.Log, log.Checkpoint, provider.GetRequiredService<ITelemetryTaps>(), provider.GetRequiredService<CollectorOptions>(),
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<OtlpIngest>>()));

        services.AddSingleton(new QueryOptions());
        services.AddSingleton(new PromQLEngine(new EngineOptions()));

        services.AddSingleton(provider => new AlertingOptions
        {
            ExternalUrl = () => options.ExternalUrl ?? Addresses(provider.GetRequiredService<IServer>())[2],
            Receivers = receivers,
        });
        services.AddAlerting();
        services.AddSingleton(new RuleCatalog(options.Rules, new ParserOptions(), Tenants.IsValid));
        services.AddSingleton(new AlertmanagerOptions { Addresses = options.Alertmanagers });
        services.AddSingleton<AlertmanagerPush>();
        services.AddHostedService(provider => provider.GetRequiredService<AlertmanagerPush>());
        services.AddSingleton<IRuleNotifier, RuleNotifications>();
        services.AddSingleton(provider => new RuleSchedulerOptions
        {
            MaxConcurrentGroups = options.RuleGroups,
            ExternalLabels = options.ExternalLabels,
            ExternalUrl = provider.GetRequiredService<AlertingOptions>().ExternalUrl,
        });
        services.AddSingleton<Func<string, ISeriesSource>>(provider => tenant => StoredSeriesSources.Of(store, provider.GetRequiredService<QueryOptions>(), tenant));
        services.AddSingleton<RuleScheduler>();
        services.AddHostedService(provider => provider.GetRequiredService<RuleScheduler>());
        services.AddScaling(new ScalingOptions(options.Scaling ?? (options.Demo ? DemoFiles("scaling") : null)));

        services.AddSingleton(provider => new DashboardCatalog(
            options.Dashboards ?? Path.Combine(options.Data, "dashboards"), provider.GetRequiredService<TimeProvider>()));

        services.AddSingleton<SelfTelemetry>();
        services.AddHostedService<SelfTelemetryExport>();
        if (options.Demo)
        {
            services.AddHostedService<DemoStarter>();
        }
    }

    private static CollectorOptions Collector(ServerOptions options) => new()
    {
        MaxBodyBytes = options.MaxBodyBytes,
        MemoryBudgetBytes = options.MemoryBudgetBytes,
        Limits = options.Limits,
        Tenants = options.Tenants,
        SeriesIdle = options.SeriesIdle,
    };

    private static string? SloDirectory(ServerOptions options) => options.Slos ?? (options.Demo ? DemoFiles("slos") : null);

    private static void ConfigureLogging(ILoggingBuilder logging, ServerOptions options)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.SetMinimumLevel(options.LogLevel);
        logging.AddFilter("Microsoft", LogLevel.Warning);
    }

    /// <summary>Opens the write-ahead log, and stores what an earlier process left in it; null, with a message, when it cannot be used.</summary>
    private static async Task<IngestLog?> OpenLogAsync(ServerOptions options, IColumnStore store, CancellationToken cancellation)
    {
        using ILoggerFactory loggers = LoggerFactory.Create(logging => ConfigureLogging(logging, options));
        IngestLog? log = null;
        try
        {
            log = IngestLog.Open(options, loggers);
            await log.ReplayAsync(store, new SloCatalog(SloDirectory(options)), Collector(options), loggers, cancellation);
            return log;
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            log?.Dispose();
            await Console.Error.WriteLineAsync("sloengine: " + failure.Message);
            return null;
        }
    }

    /// <summary>Files of the demo, which lie beside the program.</summary>
    internal static string DemoFiles(string kind) => Path.Combine(AppContext.BaseDirectory, "Demo", kind);

    /// <summary>Addresses in the order in which they were asked for: gRPC, OTLP/HTTP, HTTP.</summary>
    internal static IReadOnlyList<Uri> Addresses(IServer server) =>
        [.. server.Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address))];

    private static void Announce(WebApplication app)
    {
        IReadOnlyList<Uri> addresses = Addresses(app.Services.GetRequiredService<IServer>());
        Console.WriteLine("ready");
        Console.WriteLine($"otlp-grpc  {addresses[0].Authority}");
        Console.WriteLine($"otlp-http  {addresses[1].GetLeftPart(UriPartial.Authority)}");
        Console.WriteLine($"ui         {addresses[2].GetLeftPart(UriPartial.Authority)}");
        Console.Out.Flush();
    }
}
