namespace SloEngine.Slo.Model;

/// <summary>What a definition says of an SLO's alerts of one severity, beside what every alert tells.</summary>
public sealed record AlertTemplate
{
    /// <summary>That of a definition that says nothing.</summary>
    public static AlertTemplate Empty { get; } = new();

    /// <summary>Name of the alert; null for the one that all alerts on error budgets have.</summary>
    public string? Name { get; init; }

    /// <summary>Labels: they stand above the SLO's own, and above the severity.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Annotations; a text may name labels of the alert as <c>{{ $labels.name }}</c>.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();
}
