namespace SloEngine.Collector.Pipelines.Tail;

/// <summary>Which traces are kept, once they have been seen for a while.</summary>
public sealed record TailSampling
{
    /// <summary>Its place in the configuration, for metrics.</summary>
    public required string Name { get; init; }

    /// <summary>How long a trace is waited for, from its first span on.</summary>
    public TimeSpan DecisionWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether traces with a span whose status is an error are kept.</summary>
    public bool KeepErrors { get; init; } = true;

    /// <summary>Traces that last this long from their first start to their last end are kept; null for no such rule.</summary>
    public TimeSpan? SlowerThan { get; init; }

    /// <summary>Share of the other traces.</summary>
    public SamplingThreshold Rest { get; init; } = SamplingThreshold.Of(0);

    /// <summary>Traces that may wait; beyond it the oldest are decided early.</summary>
    public int MaxPending { get; init; } = 500_000;

    /// <summary>Decisions that are remembered for late spans.</summary>
    public int MaxDecisions { get; init; } = 1_000_000;
}
