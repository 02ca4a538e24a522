namespace SloEngine.Scaling.Policies;

/// <summary>What is answered while telemetry of the SLO is silent.</summary>
public enum OnNoData
{
    /// <summary>UNAVAILABLE over KEDA's contract: HPA leaves the workload as it is, and KEDA's <c>fallback</c> applies where there is one.</summary>
    Error,
    /// <summary>The last decision.</summary>
    Hold,
    /// <summary>Silence counts as no traffic, which ends at the minimum.</summary>
    Min,
}

/// <summary>How many replicas a workload is to have, from its request rate and the burn of its SLO.</summary>
public sealed record ScalingPolicy
{
    /// <summary>Name, unique.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the workload.</summary>
    public required string TargetNamespace { get; init; }

    /// <summary>Name of the workload.</summary>
    public required string TargetName { get; init; }

    /// <summary>SLO whose events are the requests.</summary>
    public required string Slo { get; init; }

    /// <summary>Requests a second that one replica serves well.</summary>
    public required double RequestsPerReplica { get; init; }

    /// <summary>Window of the request rate.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Burn rate from which replicas are boosted.</summary>
    public double BurnThreshold { get; init; } = 6;

    /// <summary>Factor on the replicas while the budget burns that fast.</summary>
    public double BurnBoost { get; init; } = 1;

    /// <summary>Window of the burn rate.</summary>
    public TimeSpan BurnWindow { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Least replicas.</summary>
    public int MinReplicas { get; init; } = 1;

    /// <summary>Most replicas.</summary>
    public required int MaxReplicas { get; init; }

    /// <summary>Share of the replicas by which the demand may differ from them before they change; HPA's own default.</summary>
    public double Tolerance { get; init; } = 0.1;

    /// <summary>What is answered while telemetry is silent.</summary>
    public OnNoData OnNoData { get; init; }

    /// <summary>How replicas are added.</summary>
    public ScalingPace ScaleUp { get; init; } = new();

    /// <summary>How replicas are taken away.</summary>
    public ScalingPace ScaleDown { get; init; } = new() { Cooldown = TimeSpan.FromMinutes(5) };

    /// <summary>File that defines it.</summary>
    public string File { get; init; } = "";
}

/// <summary>How fast replicas may change in one direction.</summary>
public sealed record ScalingPace
{
    /// <summary>How long a demand has to last before it is followed: HPA's stabilisation window.</summary>
    public TimeSpan Cooldown { get; init; }

    /// <summary>Largest change in a period, in percent of the replicas at its start; null for no such limit.</summary>
    public double? MaxStepPercent { get; init; }

    /// <summary>Largest change in a period, in replicas; null for no such limit. Of two limits the wider one counts, as in HPA.</summary>
    public int? MaxStepReplicas { get; init; }

    /// <summary>Period of the largest change.</summary>
    public TimeSpan StepPeriod { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Most replicas by which a workload may change in a period that began with a count; null for no limit.</summary>
    public int? LargestStep(int replicas) => MaxStepPercent is null && MaxStepReplicas is null ? null
        : Math.Max(1, Math.Max(MaxStepReplicas ?? 0, (int)Math.Min(int.MaxValue / 2, Math.Ceiling(replicas * (MaxStepPercent ?? 0) / 100))));
}
