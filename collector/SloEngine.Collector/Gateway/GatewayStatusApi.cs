using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace SloEngine.Collector.Gateway;

/// <summary>How a gateway stands with its nodes: <c>GET /api/v1/status/gateway</c>.</summary>
public static class GatewayStatusApi
{
    /// <summary>Maps the path.</summary>
    public static void MapGatewayStatusApi(this IEndpointRouteBuilder endpoints)
    {
        TelemetryGateway gateway = endpoints.ServiceProvider.GetRequiredService<TelemetryGateway>();
        endpoints.MapGet("/api/v1/status/gateway", () => Results.Json(new { logBytes = gateway.LogBytes, nodes = gateway.Nodes }));
    }
}
