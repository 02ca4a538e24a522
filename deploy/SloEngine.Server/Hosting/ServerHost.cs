using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;
using SloEngine.Alerting;
using SloEngine.Alerting.Definitions;
using SloEngine.Alerting.Events;
using SloEngine.Alerting.Http;
using SloEngine.Alerting.Notifications;
using SloEngine.Collector;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Receivers;
using SloEngine.Collector.Taps;
using SloEngine.Dashboards;
using SloEngine.Dashboards.Catalog;
using SloEngine.Otlp;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Grpc.Health;
using SloEngine.Otlp.Naming;
using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Http;
using SloEngine.Query.Metrics;
using SloEngine.Rules.Alertmanagers;
using SloEngine.Rules.Files;
using SloEngine.Rules.Http;
using SloEngine.Rules.Scheduling;
using SloEngine.Scaling.Http;
using SloEngine.Scaling.Signals;
using SloEngine.Server.Authentication;
using SloEngine.Server.Backtesting;
using SloEngine.Server.Commands;
using SloEngine.Server.Configuration;
using SloEngine.Server.Demo;
using SloEngine.Server.Events;
using SloEngine.Server.Rules;
using SloEngine.Server.SelfObservation;
using SloEngine.Server.Slos;
using SloEngine.Server.Store;
using SloEngine.Server.Suggestions;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;
using SloEngine.Storage;
using SloEngine.Storage.Backup;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Http;
using SloEngine.Storage.Retention;
using SloEngine.Storage.RollUps;

namespace SloEngine.Server.Hosting;

/// <summary>The composition root of <c>serve</c>: every object is built here.</summary>
internal static class ServerHost
{
    /// <summary>Bodies of the largest size that there is memory for, whatever the budget.</summary>
    private const int MostBodies = 8;

    /// <summary>How far a large answer may be written ahead of its reader: with less, writer and socket wait for each other over and over.</summary>
    private const int AnswerAheadBytes = 256 << 10;

    /// <summary>A store that is started together with this node is there by then; else whoever keeps nodes running starts this one again.</summary>
    private static readonly TimeSpan StorePatience = TimeSpan.FromMinutes(1);

    /// <summary>Runs until told to stop; returns the exit code.</summary>
    public static async Task<int> RunAsync(ServerOptions options, CancellationToken cancellation)
    {
        PrivateFiles.BeginProcess();
        if (options.Roles == ServerRoles.Gateway)
        {
            return await GatewayHost.RunAsync(options, cancellation);
        }
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
            return await ServeAsync(options, receivers, cancellation);
        }
        catch (Exception failure) when (failure is StoreException or DllNotFoundException)
        {
            await Console.Error.WriteLineAsync("sloengine: " + failure.Message);
            return ExitCodes.Failed;
        }
    }

    private static async Task<int> ServeAsync(ServerOptions options, ReceiverConfiguration receivers, CancellationToken cancellation)
    {
        await using IColumnStore store = options.Store is { } url
            ? await HttpColumnStore.OpenAsync(url, options.StoreCluster, StorePatience, static notice => Console.Error.WriteLine("sloengine: " + notice), cancellation)
            : await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = options.Data, Library = options.EngineLibrary, Backups = options.Backups }, cancellation);
        using EventWatch watch = await EventWatch.ReadAsync(new EventTable(store), TimeProvider.System, cancellation);
        using IngestLog? log = await OpenLogAsync(options, store, watch, cancellation);
        if (log is null)
        {
            return ExitCodes.Failed;
        }
        SeriesBaselines baselines = await SeriesBaselines.ReadAsync(store, TimeProvider.System, cancellation);
        WebApplication app = Build(options, store, log, baselines, watch, receivers);
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
        // What waits is stored while all that counts it is there: the container ends things in an order of its own.
        await app.Services.GetRequiredService<OtlpIngest>().DisposeAsync();
        await app.DisposeAsync();
        return ExitCodes.Done;
    }

    private static WebApplication Build(ServerOptions options, IColumnStore store, IngestLog log, SeriesBaselines baselines, EventWatch watch, ReceiverConfiguration receivers)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        ConfigureLogging(builder.Logging, options);
        ConfigureListeners(builder, options);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));
        AddServices(builder.Services, options, store, log, baselines, watch, receivers);

        WebApplication app = builder.Build();
        CredentialSet? credentials = options.Credentials;
        app.MapListener(Listener.Grpc, branch => branch.UseRouting().UseAccessControl(credentials).UseEndpoints(all =>
        {
            all.Needing(Rights.Write, credentials).MapOtlpGrpc();
            IEndpointRouteBuilder endpoints = all.Open(credentials);
            (credentials?.OpensScaling == false ? all.Needing(Rights.Read, credentials) : endpoints).MapScalingGrpc();
            var health = new HealthService(() => true, OtlpGrpcReceiver.ServiceNames.Concat(ScalingServices.ServiceNames).ToHashSet(), TimeProvider.System);
            health.Map(endpoints);
            endpoints.MapGrpcUnimplemented();
        }));
        app.MapListener(Listener.OtlpHttp, branch => branch.UseRouting().UseAccessControl(credentials).UseEndpoints(endpoints =>
        {
            endpoints.Needing(Rights.Write, credentials).MapOtlpHttp();
            // Its frames name any tenant.
            endpoints.Needing(Rights.Admin, credentials).MapForward();
        }));
        app.MapListener(Listener.Http, branch =>
        {
            branch.UseWebApplication();
            branch.UseResponseCompression();
            branch.UseRequestTracing();
            branch.UseRouting().UseAccessControl(credentials).UseEndpoints(endpoints => MapHttp(endpoints, credentials));
            branch.RunWebApplication();
        });
        return app;
    }

    internal static void ConfigureListeners(WebApplicationBuilder builder, ServerOptions options)
    {
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, ConnectionMemory>();
        builder.WebHost.UseSockets(static sockets => sockets.MaxWriteBufferSize = AnswerAheadBytes);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes + 1024L;
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(10));
            kestrel.Listen(options.ListenGrpc, listen => listen.Serve(Listener.Grpc, HttpProtocols.Http2));
            kestrel.Listen(options.ListenOtlpHttp, listen => listen.Serve(Listener.OtlpHttp, HttpProtocols.Http1));
            kestrel.Listen(options.ListenHttp, listen => listen.Serve(Listener.Http, HttpProtocols.Http1));
        });
    }

    private static void MapHttp(IEndpointRouteBuilder all, CredentialSet? credentials)
    {
        IEndpointRouteBuilder write = all.Needing(Rights.Write, credentials);
        write.MapRemoteWrite();
        write.MapPrometheusOtlp();
        write.MapLokiPush();
        write.MapEventsIntake();
        IEndpointRouteBuilder read = all.Needing(Rights.Read, credentials);
        read.MapPrometheusApi();
        read.MapRemoteRead();
        read.MapLokiApi();
        read.MapTempoApi();
        read.MapSqlApi();
        read.MapCardinalityApi();
        all.NeedingAdminForChanges(credentials).MapSloApi();
        read.MapEventsApi();
        read.MapPostmortemApi();
        read.MapBacktestApi();
        read.MapSuggestionsApi();
        read.MapRulesApi(SloAlerts.In(all.ServiceProvider));
        read.MapScalingHttp();
        all.NeedingAdminForChanges(credentials).MapDashboardsApi();
        IEndpointRouteBuilder admin = all.Needing(Rights.Admin, credentials);
        admin.MapStoreStatusApi(all.ServiceProvider.GetRequiredService<ServerOptions>().StoreCluster);
        admin.MapBackupApi();
        IEndpointRouteBuilder endpoints = all.Open(credentials);
        endpoints.MapGet("/healthz", () => "ok\n");
        endpoints.MapGet("/readyz", async (IColumnStore store, CancellationToken cancellation) =>
        {
            await store.QueryAsync(new StoreQuery("SELECT 1") { Timeout = TimeSpan.FromSeconds(5) }, cancellation);
            return "ready\n";
        });
        // Made at the start, not at the first scrape: a counter that has counted by then is to be in it.
        SelfTelemetry telemetry = all.ServiceProvider.GetRequiredService<SelfTelemetry>();
        (credentials?.OpensMetrics == false ? admin : endpoints).MapGet("/metrics", () => Results.Text(telemetry.Scrape(), PrometheusText.ContentType));
    }

    private static void AddServices(IServiceCollection services, ServerOptions options, IColumnStore store, IngestLog log, SeriesBaselines baselines, EventWatch watch, ReceiverConfiguration receivers)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddResponseCompression();
        services.AddAccessControl(options.Credentials);
        services.AddSingleton<Func<HttpContext, TenantScope>>(RequestScope.Of);
        // Nobody embeds JSON into a page: a plus or a quote is written as it is.
        services.ConfigureHttpJsonOptions(static json => json.SerializerOptions.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        services.AddSingleton(options);
        services.AddSingleton(store);

        // Of nodes that share a store one drops and rolls up: by settings of several the shortest would hold.
        if (options.Store is null || options.Roles.HasFlag(ServerRoles.Alerting))
        {
            AddUpkeep(services, options, store);
        }
        services.AddSingleton(provider => new StoreBackups(store, options.Store is null ? options.Backups : null, provider.GetRequiredService<OtlpIngest>().StoredAsync, options.StoreCluster));

        services.AddSingleton(new LedgerTable(store, log.Log.Id));
        services.AddSingleton<ILedgerStore>(provider => provider.GetRequiredService<LedgerTable>());
        services.AddSingleton<IStoredMinutes>(provider => provider.GetRequiredService<LedgerTable>());
        // Of nodes that share a store one reads the past of new SLOs: the others read what it counted.
        services.AddSingleton(options.Ledger with { ReadsPast = options.Roles.HasFlag(ServerRoles.Alerting) });
        services.AddSingleton<Ledger>();
        services.AddSingleton<SloEvaluator>();
        services.AddSingleton(new SloCatalog(SloDirectory(options)));
        services.AddSingleton(provider => new LedgerTaps(provider.GetRequiredService<Ledger>(), baselines));
        services.AddSingleton<EventTable>();
        services.AddSingleton(_ => watch);
        services.AddSingleton<ITelemetryTaps>(provider => new TapSet(provider.GetRequiredService<LedgerTaps>(), watch, provider.GetRequiredService<EventTable>()));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<SloReloader>(provider, options.Store is not null));
        services.AddSingleton<ISloRefresh>(provider => provider.GetRequiredService<SloReloader>());
        services.AddHostedService(provider => provider.GetRequiredService<SloReloader>());
        services.AddSingleton(options.Queries);
        services.AddSingleton<ReceivingMinutes>();
        services.AddSingleton(provider => new QueryCounter(
            provider.GetRequiredService<Ledger>(), provider.GetRequiredService<ILedgerStore>(), provider.GetRequiredService<PromQLEngine>(),
            tenant => provider.GetRequiredService<Func<string, ISeriesSource>>()(tenant ?? Tenants.Default), provider.GetRequiredService<ReceivingMinutes>(),
            provider.GetRequiredService<QueryCounterOptions>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<BacktestRun>();
        services.AddSingleton<SloSuggester>();
        if (options.Store is not null)
        {
            services.AddHostedService<LedgerRefresh>();
        }

        services.AddSingleton(Collector(options));
        services.AddSingleton(Bodies(options));
        services.AddSingleton(provider => new OtlpIngest(
            store, log.Log, log.Checkpoints, provider.GetRequiredService<ITelemetryTaps>(), provider.GetRequiredService<CollectorOptions>(),
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<OtlpIngest>>(), log.Waiting));
        services.AddSingleton<ITelemetryIntake>(provider => provider.GetRequiredService<OtlpIngest>());

        services.AddSingleton(options.QueryLimits);
        services.AddSingleton<StoredSeriesSources>();
        services.AddSingleton(new PromQLEngine(new EngineOptions
        {
            MaxSamples = options.QueryLimits.MaxSamples,
            Timeout = options.QueryLimits.Timeout,
            OtherLabel = PrometheusName.Translated,
        }));

        services.AddSingleton(provider => new AlertingOptions
        {
            ExternalUrl = () => options.ExternalUrl ?? Addresses(provider.GetRequiredService<IServer>())[2],
            Receivers = receivers,
        });
        bool alerts = options.Roles.HasFlag(ServerRoles.Alerting);
        services.AddAlerting(evaluates: alerts);
        services.AddSingleton<TenantReader>(Tenants.TryRead);
        services.AddSingleton(new RuleCatalog(options.Rules, new ParserOptions(), Tenants.IsValid));
        services.AddSingleton(new AlertmanagerOptions { Addresses = options.Alertmanagers });
        services.AddSingleton<AlertmanagerPush>();
        services.AddSingleton<IRuleNotifier, RuleNotifications>();
        services.AddSingleton(provider => new RuleSchedulerOptions
        {
            MaxConcurrentGroups = options.RuleGroups,
            CatchUp = options.RuleCatchUp,
            ExternalLabels = options.ExternalLabels,
            ExternalUrl = provider.GetRequiredService<AlertingOptions>().ExternalUrl,
        });
        services.AddSingleton<Func<string, ISeriesSource>>(provider => provider.GetRequiredService<StoredSeriesSources>().Of);
        services.AddSingleton<RuleScheduler>();
        if (alerts)
        {
            services.AddHostedService(provider => provider.GetRequiredService<AlertmanagerPush>());
            services.AddHostedService(provider => provider.GetRequiredService<RuleScheduler>());
            // Of nodes that share a store one asks: the others read what it counted.
            services.AddHostedService<ReceivingLoop>();
            services.AddSingleton<Func<TimeSpan, CancellationToken, Task>>(provider => provider.GetRequiredService<OtlpIngest>().ReadableAsync);
            services.AddHostedService<QueryCounterLoop>();
            services.AddHostedService<PastLoop>();
            services.AddHostedService<RecordPastLoop>();
        }
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

    private static void AddUpkeep(IServiceCollection services, ServerOptions options, IColumnStore store)
    {
        if (options.Retention.RollUps is not null)
        {
            services.AddSingleton(provider => new StoreRollUps(store, provider.GetRequiredService<TimeProvider>(), options.StoreCluster));
            services.AddHostedService<RollUpLoop>();
        }
        services.AddSingleton(provider => new StoreRetention(
            store, options.Retention, provider.GetRequiredService<TimeProvider>(), options.StoreCluster, provider.GetService<StoreRollUps>()));
        services.AddHostedService<RetentionLoop>();
    }

    internal static CollectorOptions Collector(ServerOptions options) => new()
    {
        MaxBodyBytes = options.MaxBodyBytes,
        MaxItemsPerRequest = options.MaxItemsPerRequest,
        MemoryBudgetBytes = options.MemoryBudgetBytes,
        Limits = options.Limits,
        MaxTotalSeries = options.MaxTotalSeries,
        Tenants = options.Tenants,
        MaxFuture = options.MaxFuture,
        Retention = new Dictionary<Signal, TimeSpan>
        {
            [Signal.Metrics] = options.Retention.Metrics, [Signal.Logs] = options.Retention.Logs, [Signal.Traces] = options.Retention.Traces,
        },
        SeriesIdle = options.SeriesIdle,
        TenantAttribute = options.TenantAttribute,
        PromotedResourceAttributes = options.PromotedResourceAttributes,
        Pipelines = options.Pipelines,
    };

    /// <summary>As much again as requests in flight may take is for those that arrive or wait.</summary>
    internal static BodyMemory Bodies(ServerOptions options) => new(Math.Max(2 * options.MemoryBudgetBytes, MostBodies * (long)options.MaxBodyBytes));

    private static string? SloDirectory(ServerOptions options) => options.Slos ?? (options.Demo ? DemoFiles("slos") : null);

    internal static void ConfigureLogging(ILoggingBuilder logging, ServerOptions options)
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
    private static async Task<IngestLog?> OpenLogAsync(ServerOptions options, IColumnStore store, EventWatch watch, CancellationToken cancellation)
    {
        using ILoggerFactory loggers = LoggerFactory.Create(logging => ConfigureLogging(logging, options));
        IngestLog? log = null;
        try
        {
            log = IngestLog.Open(options, loggers);
            await log.ReplayAsync(store, new SloCatalog(SloDirectory(options)), options.Ledger, watch, Collector(options), loggers, cancellation);
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

    internal static void Announce(WebApplication app)
    {
        IReadOnlyList<Uri> addresses = Addresses(app.Services.GetRequiredService<IServer>());
        Console.WriteLine("ready");
        Console.WriteLine($"otlp-grpc  {addresses[0].Authority}");
        Console.WriteLine($"otlp-http  {addresses[1].GetLeftPart(UriPartial.Authority)}");
        Console.WriteLine($"ui         {addresses[2].GetLeftPart(UriPartial.Authority)}");
        Console.Out.Flush();
    }
}
