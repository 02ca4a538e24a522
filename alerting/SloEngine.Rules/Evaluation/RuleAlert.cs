using SloEngine.PromQL.Series;

namespace SloEngine.Rules.Evaluation;

/// <summary>Where an alert of a rule stands.</summary>
public enum RuleAlertState
{
    /// <summary>There is a sample, not yet for long enough.</summary>
    Pending,
    /// <summary>It fires.</summary>
    Firing,
    /// <summary>It fired and is over; it is remembered for a while.</summary>
    Inactive,
}

/// <summary>An alert of a rule.</summary>
public sealed record RuleAlert
{
    /// <summary>Labels, expanded, the alert's name included.</summary>
    public required Labels Labels { get; init; }

    /// <summary>Annotations, expanded.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Annotations { get; init; }

    /// <summary>Value of the sample; of a histogram 0.</summary>
    public required double Value { get; init; }

    /// <summary>State.</summary>
    public required RuleAlertState State { get; init; }

    /// <summary>First evaluation with a sample.</summary>
    public required long ActiveSinceMs { get; init; }

    /// <summary>When it began to fire.</summary>
    public long? FiredAtMs { get; init; }

    /// <summary>When it was over.</summary>
    public long? ResolvedAtMs { get; init; }

    /// <summary>When Alertmanagers were last told of it.</summary>
    public long? SentAtMs { get; init; }

    /// <summary>Since when it only fires because of <c>keep_firing_for</c>.</summary>
    public long? KeptSinceMs { get; init; }
}
