using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using SloEngine.Scaling.Policies;
using SloEngine.Slo.Model;

namespace SloEngine.Scaling.Signals;

/// <summary>The signals that one watcher gets.</summary>
internal sealed class SignalStream(ScalingEvaluator evaluator)
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <summary>The signal of each policy at once, then each change, every signal again after a while without one, and the end of a policy.</summary>
    /// <exception cref="Otlp.Grpc.GrpcStatusException">There is no policy of a name, or it is not known yet whose it is.</exception>
    public async IAsyncEnumerable<ScalingSignal> WatchAsync(TenantScope scope, IReadOnlyCollection<string> names, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Snapshot snapshot = evaluator.Latest.In(scope);
        foreach (string name in names)
        {
            snapshot.Find(name, policy => policy.Name == name);
        }
        var sent = new Dictionary<string, ScalingDecision>(StringComparer.Ordinal);
        while (true)
        {
            foreach (ScalingDecision decision in snapshot.Decisions.Values)
            {
                bool wanted = names.Count == 0 || names.Contains(decision.Policy.Name);
                if (wanted && IsNews(decision, sent.GetValueOrDefault(decision.Policy.Name)))
                {
                    sent[decision.Policy.Name] = decision;
                    yield return Signal(decision);
                }
            }
            foreach (ScalingDecision gone in sent.Values.Where(decision => snapshot.Policies.All(policy => policy.Name != decision.Policy.Name)).ToArray())
            {
                sent.Remove(gone.Policy.Name);
                ScalingSignal last = Signal(gone);
                (last.Frozen, last.Removed, last.Reason) = (true, true, "the policy has been removed");
                yield return last;
            }
            await snapshot.Superseded.WaitAsync(cancellation);
            snapshot = evaluator.Latest.In(scope);
        }
    }

    private static bool IsNews(ScalingDecision decision, ScalingDecision? last) =>
        last is null || last.Policy != decision.Policy || last.DesiredReplicas != decision.DesiredReplicas || last.Frozen != decision.Frozen
        || decision.EvaluatedAt - last.EvaluatedAt >= Heartbeat;

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
}
