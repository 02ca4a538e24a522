using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Receivers;

/// <summary>OTLP over gRPC: <c>Export</c> of the three collector services. Bodies never become message objects.</summary>
public static class OtlpGrpcReceiver
{
    private static readonly (Signal Signal, string Service)[] Services =
    [
        (Signal.Metrics, "opentelemetry.proto.collector.metrics.v1.MetricsService"),
        (Signal.Logs, "opentelemetry.proto.collector.logs.v1.LogsService"),
        (Signal.Traces, "opentelemetry.proto.collector.trace.v1.TraceService"),
    ];

    /// <summary>Names of the services, for health checks.</summary>
    public static IEnumerable<string> ServiceNames => Services.Select(service => service.Service);

    /// <summary>Maps the services.</summary>
    public static void MapOtlpGrpc(this IEndpointRouteBuilder endpoints)
    {
        ITelemetryIntake ingest = endpoints.ServiceProvider.GetRequiredService<ITelemetryIntake>();
        CollectorOptions options = endpoints.ServiceProvider.GetRequiredService<CollectorOptions>();
        foreach ((Signal signal, string service) in Services)
        {
            endpoints.MapGrpcUnary($"/{service}/Export", (call, request) => ExportAsync(ingest, signal, call, request), options.MaxBodyBytes, (http, status) => CountUnread(ingest, http, status));
        }
    }

    private static void CountUnread(ITelemetryIntake ingest, HttpContext http, GrpcStatusException status)
    {
        if (status.Code is GrpcStatusCode.ResourceExhausted or GrpcStatusCode.Unavailable && Tenants.TryRead(http.Request, out string tenant))
        {
            ingest.CountRefused(tenant, status.Code == GrpcStatusCode.Unavailable ? "memory" : "too_large");
        }
    }

    private static async ValueTask<ReadOnlyMemory<byte>> ExportAsync(ITelemetryIntake ingest, Signal signal, GrpcCall call, ReadOnlyMemory<byte> request)
    {
        if (!Tenants.TryRead(call.Http.Request, out string tenant))
        {
            throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, $"{Tenants.Header} holds no valid tenant name");
        }
        try
        {
            DecodeResult result = await ingest.IngestAsync(signal, tenant, request, Tenants.Allowed(call.Http.Request), call.Cancellation);
            return OtlpResponse.Protobuf(result);
        }
        catch (OtlpFormatException malformed)
        {
            throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, malformed.Message);
        }
        catch (TenantForbiddenException forbidden)
        {
            throw new GrpcStatusException(GrpcStatusCode.PermissionDenied, forbidden.Message);
        }
        catch (IngestUnavailableException unavailable)
        {
            throw new GrpcStatusException(
                unavailable.IsTenantLimit ? GrpcStatusCode.ResourceExhausted : GrpcStatusCode.Unavailable, unavailable.Message, unavailable.RetryAfter);
        }
    }
}
