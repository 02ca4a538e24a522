using System.Globalization;

namespace SloEngine.Scaling.Policies;

/// <summary>What the ledger says of a workload.</summary>
/// <param name="RequestRate">Requests a second; null without data.</param>
/// <param name="BurnRate">Burn rate of the SLO; null without data.</param>
public readonly record struct ScalingInput(double? RequestRate, double? BurnRate);

/// <summary>Replicas that a workload is to have, and why.</summary>
/// <param name="Policy">Policy.</param>
/// <param name="DesiredReplicas">Replicas, within bounds and stabilised.</param>
/// <param name="RawReplicas">Replicas that the demand of the moment asks for.</param>
/// <param name="Input">What it was decided on.</param>
/// <param name="Frozen">Whether it is held for want of data.</param>
/// <param name="Reason">In words.</param>
/// <param name="EvaluatedAt">When.</param>
public sealed record ScalingDecision(
    ScalingPolicy Policy, int DesiredReplicas, int RawReplicas, ScalingInput Input, bool Frozen, string Reason, DateTimeOffset EvaluatedAt);

/// <summary>
/// Decides on replicas. Up at once; down only to the highest demand of the cooldown, as HPA's stabilisation window does, so that a load
/// that swings does not make replicas swing. Without data the last decision stands.
/// </summary>
public sealed class ScalingDecider(ScalingPolicy policy)
{
    private readonly List<(DateTimeOffset Time, int Replicas)> _demands = [];
    private int? _last;

    /// <summary>Decides for a moment; times ascend from call to call.</summary>
    public ScalingDecision Decide(ScalingInput input, DateTimeOffset now)
    {
        if (input.RequestRate is not { } rate)
        {
            int held = _last ?? policy.MinReplicas;
            return new ScalingDecision(policy, held, held, input, Frozen: true, "no data: the last decision stands", now);
        }
        bool boosted = policy.BurnBoost > 1 && input.BurnRate >= policy.BurnThreshold;
        double wanted = rate / policy.RequestsPerReplica * (boosted ? policy.BurnBoost : 1);
        int raw = (int)Math.Min(int.MaxValue / 2, Math.Ceiling(wanted - 1e-9));
        int bounded = Math.Clamp(raw, policy.MinReplicas, policy.MaxReplicas);
        _demands.RemoveAll(demand => demand.Time <= now - policy.ScaleDownCooldown);
        _demands.Add((now, bounded));
        int desired = _demands.Max(demand => demand.Replicas);
        _last = desired;
        string reason = string.Create(CultureInfo.InvariantCulture, $"{rate:0.##} requests/s at {policy.RequestsPerReplica:0.##} a replica")
            + (boosted ? string.Create(CultureInfo.InvariantCulture, $", x{policy.BurnBoost:0.##} for a burn of {input.BurnRate:0.#}") : "")
            + (desired > bounded ? ", scale-down cools" : "")
            + (raw > policy.MaxReplicas ? ", at the maximum" : raw < policy.MinReplicas ? ", at the minimum" : "");
        return new ScalingDecision(policy, desired, raw, input, Frozen: false, reason, now);
    }
}
