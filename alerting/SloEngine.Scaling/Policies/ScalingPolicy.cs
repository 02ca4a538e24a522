namespace SloEngine.Scaling.Policies;

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

    /// <summary>How long a lower demand has to last before replicas are taken away.</summary>
    public TimeSpan ScaleDownCooldown { get; init; } = TimeSpan.FromMinutes(5);
}
