using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Otlp.Grpc;
using SloEngine.Scaling.Keda;
using SloEngine.Scaling.Policies;
using SloEngine.Scaling.Signals;

namespace SloEngine.Scaling.Http;

/// <summary>Scaling decisions over gRPC (KEDA's external scaler, a stream of signals) and HTTP.</summary>
public static class ScalingServices
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

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
        endpoints.MapGrpcService(ExternalscalerReflection.Descriptor.Services[0], service => service
            .Unary<ScaledObjectRef, IsActiveResponse>("IsActive", (target, _) => ValueTask.FromResult(IsActive(evaluator, target)))
            .ServerStreaming<ScaledObjectRef, IsActiveResponse>("StreamIsActive", async (target, stream, call) =>
            {
                bool? sent = null;
                while (true)
                {
                    Snapshot snapshot = evaluator.Latest;
                    IsActiveResponse active = IsActive(evaluator, target);
                    if (sent != active.Result)
                    {
                        await stream.WriteAsync(active, call.Cancellation);
                        sent = active.Result;
                    }
                    await snapshot.Superseded.WaitAsync(call.Cancellation);
                }
            })
            .Unary<ScaledObjectRef, GetMetricSpecResponse>("GetMetricSpec", (target, _) =>
            {
                // A target of 1 makes HPA's arithmetic, value / target, give the value itself: the desired replicas.
                var response = new GetMetricSpecResponse();
                response.MetricSpecs.Add(new MetricSpec { MetricName = MetricName(Find(evaluator, target)), TargetSize = 1, TargetSizeFloat = 1 });
                return ValueTask.FromResult(response);
            })
            .Unary<GetMetricsRequest, GetMetricsResponse>("GetMetrics", (request, _) =>
            {
                ScalingPolicy policy = Find(evaluator, request.ScaledObjectRef ?? new ScaledObjectRef());
                int desired = evaluator.Latest.Decisions.TryGetValue(policy.Name, out ScalingDecision? decision) ? decision.DesiredReplicas : policy.MinReplicas;
                var response = new GetMetricsResponse();
                response.MetricValues.Add(new MetricValue { MetricName = MetricName(policy), MetricValue_ = desired, MetricValueFloat = desired });
                return ValueTask.FromResult(response);
            }));
        endpoints.MapGrpcService(ScalingReflection.Descriptor.Services[0], service => service
            .ServerStreaming<WatchRequest, ScalingSignal>("Watch", (request, stream, call) => WatchAsync(evaluator, request, stream, call)));
    }

    /// <summary>Maps <c>/api/v1/scaling</c>.</summary>
    public static void MapScalingHttp(this IEndpointRouteBuilder endpoints)
    {
        ScalingEvaluator evaluator = endpoints.ServiceProvider.GetRequiredService<ScalingEvaluator>();
        endpoints.MapGet("/api/v1/scaling", () => Results.Json(new
        {
            policies = evaluator.Latest.Decisions.Values.Select(decision => new
            {
                name = decision.Policy.Name,
                target = new { @namespace = decision.Policy.TargetNamespace, name = decision.Policy.TargetName },
                slo = decision.Policy.Slo,
                desiredReplicas = decision.DesiredReplicas,
                rawReplicas = decision.RawReplicas,
                requestRate = decision.Input.RequestRate,
                requestsPerReplica = decision.Policy.RequestsPerReplica,
                burnRate = decision.Input.BurnRate,
                minReplicas = decision.Policy.MinReplicas,
                maxReplicas = decision.Policy.MaxReplicas,
                active = decision.DesiredReplicas > 0,
                frozen = decision.Frozen,
                reason = decision.Reason,
                updatedAt = decision.EvaluatedAt,
            }),
        }));
    }

    private static async Task WatchAsync(ScalingEvaluator evaluator, WatchRequest request, GrpcResponseStream<ScalingSignal> stream, GrpcCall call)
    {
        string? unknown = request.Policies.FirstOrDefault(name => !evaluator.Policies.Any(policy => policy.Name == name));
        if (unknown is not null)
        {
            throw NotFound(evaluator, unknown);
        }
        var sent = new Dictionary<string, ScalingDecision>(StringComparer.Ordinal);
        while (true)
        {
            Snapshot snapshot = evaluator.Latest;
            foreach (ScalingDecision decision in snapshot.Decisions.Values)
            {
                bool wanted = request.Policies.Count == 0 || request.Policies.Contains(decision.Policy.Name);
                bool news = !sent.TryGetValue(decision.Policy.Name, out ScalingDecision? last)
                    || last.DesiredReplicas != decision.DesiredReplicas || last.Frozen != decision.Frozen || decision.EvaluatedAt - last.EvaluatedAt >= Heartbeat;
                if (wanted && news)
                {
                    await stream.WriteAsync(Signal(decision), call.Cancellation);
                    sent[decision.Policy.Name] = decision;
                }
            }
            await snapshot.Superseded.WaitAsync(call.Cancellation);
        }
    }

    private static ScalingSignal Signal(ScalingDecision decision)
    {
        var signal = new ScalingSignal
        {
            Policy = decision.Policy.Name,
            Namespace = decision.Policy.TargetNamespace,
            Name = decision.Policy.TargetName,
            DesiredReplicas = decision.DesiredReplicas,
            RawReplicas = decision.RawReplicas,
            Frozen = decision.Frozen,
            Reason = decision.Reason,
            EvaluatedAt = Timestamp.FromDateTimeOffset(decision.EvaluatedAt),
        };
        if (decision.Input.RequestRate is { } rate)
        {
            signal.RequestRate = rate;
        }
        if (decision.Input.BurnRate is { } burn)
        {
            signal.BurnRate = burn;
        }
        return signal;
    }

    private static IsActiveResponse IsActive(ScalingEvaluator evaluator, ScaledObjectRef target)
    {
        ScalingPolicy policy = Find(evaluator, target);
        int desired = evaluator.Latest.Decisions.TryGetValue(policy.Name, out ScalingDecision? decision) ? decision.DesiredReplicas : policy.MinReplicas;
        return new IsActiveResponse { Result = desired > 0 };
    }

    /// <summary>The policy that <c>scalerMetadata.policy</c> names, or that of the workload.</summary>
    private static ScalingPolicy Find(ScalingEvaluator evaluator, ScaledObjectRef target)
    {
        string name = target.ScalerMetadata.TryGetValue("policy", out string? given) ? given : "";
        return evaluator.Policies.FirstOrDefault(policy => name.Length > 0
                ? policy.Name == name : policy.TargetName == target.Name && policy.TargetNamespace == target.Namespace)
            ?? throw NotFound(evaluator, name.Length > 0 ? name : $"{target.Namespace}/{target.Name}");
    }

    private static GrpcStatusException NotFound(ScalingEvaluator evaluator, string name) => new(
        GrpcStatusCode.NotFound, $"there is no scaling policy '{name}'; known are {string.Join(", ", evaluator.Policies.Select(policy => policy.Name))}");

    private static string MetricName(ScalingPolicy policy) => "sloengine-" + policy.Name;
}
