namespace SloEngine.Slo.Model;

/// <summary>What a Pyrra resource says of the Prometheus rules that are generated for it, beside the SLO itself.</summary>
public sealed record PyrraRuleSettings
{
    /// <summary>Those of a definition that says nothing.</summary>
    public static PyrraRuleSettings Default { get; } = new();

    /// <summary>Whether there are alerts on metrics that are absent.</summary>
    public bool Absent { get; init; } = true;

    /// <summary>Name of those alerts.</summary>
    public string AbsentName { get; init; } = "SLOMetricAbsent";

    /// <summary>Their label <c>severity</c>.</summary>
    public string AbsentSeverity { get; init; } = "critical";

    /// <summary>Label <c>severity</c> of burn-rate alerts, by policy; those without one have <c>critical</c> or <c>warning</c>.</summary>
    public IReadOnlyDictionary<string, string> Severities { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the increase over the whole window is summed up from steps of five minutes (<c>performanceOverAccuracy</c>).</summary>
    public bool InSteps { get; init; }

    /// <summary>Whether generic rules have the description as a label.</summary>
    public bool DescriptionAsLabel { get; init; }
}
