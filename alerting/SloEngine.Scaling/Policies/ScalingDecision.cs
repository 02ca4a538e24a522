namespace SloEngine.Scaling.Policies;

/// <summary>What the ledger says of a workload.</summary>
/// <param name="RequestRate">Requests a second; null without data.</param>
/// <param name="BurnRate">Burn rate of the SLO; null without events.</param>
/// <param name="Silence">Why telemetry does not tell, in words; null when it does.</param>
public readonly record struct ScalingInput(double? RequestRate, double? BurnRate, string? Silence = null);

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
