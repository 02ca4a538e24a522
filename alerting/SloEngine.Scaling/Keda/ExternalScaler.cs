using SloEngine.Otlp.Grpc;
using SloEngine.Scaling.Policies;
using SloEngine.Scaling.Signals;
using SloEngine.Slo.Model;

namespace SloEngine.Scaling.Keda;

/// <summary>KEDA's contract over the latest decisions (KEDA documentation, "External Scalers").</summary>
/// <param name="evaluator">Decides.</param>
/// <param name="scope">Whose policies are answered for.</param>
internal sealed class ExternalScaler(ScalingEvaluator evaluator, TenantScope scope)
{
    /// <summary>Whether the workload is to have any replicas.</summary>
    public IsActiveResponse IsActive(ScaledObjectRef target)
    {
        Snapshot snapshot = evaluator.Latest.In(scope);
        return new IsActiveResponse { Result = Decision(snapshot, Find(snapshot, target)).DesiredReplicas > 0 };
    }

    /// <summary>Tells whether it is active at once and after every change; silent while there is nothing to tell.</summary>
    public async Task StreamIsActiveAsync(ScaledObjectRef target, Func<IsActiveResponse, Task> write, CancellationToken cancellation)
    {
        bool? sent = null;
        while (true)
        {
            Snapshot snapshot = evaluator.Latest.In(scope);
            ScalingPolicy policy = Find(snapshot, target);
            bool? active = Refusal(snapshot, policy) is null ? snapshot.Decisions[policy.Name].DesiredReplicas > 0 : sent;
            if (active != sent)
            {
                await write(new IsActiveResponse { Result = active == true });
                sent = active;
            }
            await snapshot.Superseded.WaitAsync(cancellation);
        }
    }

    /// <summary>
    /// The metric that HPA is to follow. For an external metric of type AverageValue, KEDA's default, HPA asks for ceil(value / target)
    /// replicas: with a target of 1 that is the value, which is our count.
    /// </summary>
    public GetMetricSpecResponse GetMetricSpec(ScaledObjectRef target)
    {
        var response = new GetMetricSpecResponse();
        response.MetricSpecs.Add(new MetricSpec { MetricName = MetricName(Find(evaluator.Latest.In(scope), target)), TargetSize = 1, TargetSizeFloat = 1 });
        return response;
    }

    /// <summary>The desired replicas as that metric.</summary>
    public GetMetricsResponse GetMetrics(GetMetricsRequest request)
    {
        Snapshot snapshot = evaluator.Latest.In(scope);
        ScalingPolicy policy = Find(snapshot, request.ScaledObjectRef ?? new ScaledObjectRef());
        int desired = Decision(snapshot, policy).DesiredReplicas;
        var response = new GetMetricsResponse();
        response.MetricValues.Add(new MetricValue { MetricName = MetricName(policy), MetricValue_ = desired, MetricValueFloat = desired });
        return response;
    }

    /// <summary>The policy that <c>scalerMetadata.policy</c> names, or that of the workload.</summary>
    private static ScalingPolicy Find(Snapshot snapshot, ScaledObjectRef target)
    {
        string name = target.ScalerMetadata.TryGetValue("policy", out string? given) ? given : "";
        return name.Length > 0 ? snapshot.Find(name, policy => policy.Name == name)
            : snapshot.Find($"{target.Namespace}/{target.Name}", policy => policy.TargetName == target.Name && policy.TargetNamespace == target.Namespace);
    }

    private static ScalingDecision Decision(Snapshot snapshot, ScalingPolicy policy) =>
        Refusal(snapshot, policy) is { } refusal ? throw new GrpcStatusException(GrpcStatusCode.Unavailable, refusal) : snapshot.Decisions[policy.Name];

    /// <summary>Why no count is answered; null when one is. To HPA and KEDA a failure means: leave the workload as it is.</summary>
    private static string? Refusal(Snapshot snapshot, ScalingPolicy policy) =>
        !snapshot.Decisions.TryGetValue(policy.Name, out ScalingDecision? decision)
            ? $"scaling policy '{policy.Name}' has no decision yet: {snapshot.Undecided[policy.Name]}"
            : decision.Frozen && policy.OnNoData == OnNoData.Error ? $"scaling policy '{policy.Name}' has no data: {decision.Input.Silence}" : null;

    private static string MetricName(ScalingPolicy policy) => "sloengine-" + policy.Name;
}
