using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Otlp.Grpc;
using SloEngine.Scaling.Keda;
using SloEngine.Scaling.Policies;
using SloEngine.Scaling.Signals;
using SloEngine.Slo.Model;

namespace SloEngine.Scaling.Http;

/// <summary>Scaling decisions over gRPC (KEDA's external scaler, a stream of signals) and HTTP.</summary>
public static class ScalingServices
{
    /// <summary>Full names of the gRPC services.</summary>
    public static IEnumerable<string> ServiceNames => [ExternalscalerReflection.Descriptor.Services[0].FullName, ScalingReflection.Descriptor.Services[0].FullName];

    /// <summary>Adds the evaluator.</summary>
    public static void AddScaling(this IServiceCollection services, ScalingOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<ScalingEvaluator>();
        services.AddHostedService(provider => provider.GetRequiredService<ScalingEvaluator>());
    }

    /// <summary>Maps the gRPC services.</summary>
    public static void MapScalingGrpc(this IEndpointRouteBuilder endpoints)
    {
        ScalingEvaluator evaluator = endpoints.ServiceProvider.GetRequiredService<ScalingEvaluator>();
        Func<HttpContext, TenantScope> scopes = endpoints.ServiceProvider.GetRequiredService<Func<HttpContext, TenantScope>>();
        ExternalScaler Scaler(GrpcCall call) => new(evaluator, scopes(call.Http));
        endpoints.MapGrpcService(ExternalscalerReflection.Descriptor.Services[0], service => service
            .Unary<ScaledObjectRef, IsActiveResponse>("IsActive", (target, call) => ValueTask.FromResult(Scaler(call).IsActive(target)))
            .ServerStreaming<ScaledObjectRef, IsActiveResponse>("StreamIsActive", (target, stream, call) =>
                Scaler(call).StreamIsActiveAsync(target, answer => stream.WriteAsync(answer, call.Cancellation), call.Cancellation))
            .Unary<ScaledObjectRef, GetMetricSpecResponse>("GetMetricSpec", (target, call) => ValueTask.FromResult(Scaler(call).GetMetricSpec(target)))
            .Unary<GetMetricsRequest, GetMetricsResponse>("GetMetrics", (request, call) => ValueTask.FromResult(Scaler(call).GetMetrics(request))));
        var signals = new SignalStream(evaluator);
        endpoints.MapGrpcService(ScalingReflection.Descriptor.Services[0], service => service
            .ServerStreaming<WatchRequest, ScalingSignal>("Watch", async (request, stream, call) =>
            {
                await foreach (ScalingSignal signal in signals.WatchAsync(scopes(call.Http), request.Policies, call.Cancellation))
                {
                    await stream.WriteAsync(signal, call.Cancellation);
                }
            }));
    }

    /// <summary>Maps <c>/api/v1/scaling</c>.</summary>
    public static void MapScalingHttp(this IEndpointRouteBuilder endpoints)
    {
        ScalingEvaluator evaluator = endpoints.ServiceProvider.GetRequiredService<ScalingEvaluator>();
        Func<HttpContext, TenantScope> scopes = endpoints.ServiceProvider.GetRequiredService<Func<HttpContext, TenantScope>>();
        endpoints.MapGet("/api/v1/scaling", (HttpContext http) =>
        {
            Snapshot snapshot = evaluator.Latest.In(scopes(http));
            return Results.Json(new { policies = snapshot.Policies.Select(policy => Json(snapshot, policy)) });
        });
    }

    /// <summary>A policy and its decision; what is not decided yet is null.</summary>
    private static object Json(Snapshot snapshot, ScalingPolicy policy)
    {
        ScalingDecision? decision = snapshot.Decisions.GetValueOrDefault(policy.Name);
        return new
        {
            name = policy.Name,
            target = new { @namespace = policy.TargetNamespace, name = policy.TargetName },
            slo = policy.Slo,
            desiredReplicas = decision?.DesiredReplicas,
            rawReplicas = decision?.RawReplicas,
            requestRate = decision?.Input.RequestRate,
            requestsPerReplica = policy.RequestsPerReplica,
            burnRate = decision?.Input.BurnRate,
            minReplicas = policy.MinReplicas,
            maxReplicas = policy.MaxReplicas,
            active = decision?.DesiredReplicas > 0,
            frozen = decision?.Frozen ?? true,
            reason = decision?.Reason ?? "no decision yet: " + snapshot.Undecided[policy.Name],
            updatedAt = decision?.EvaluatedAt,
        };
    }
}
