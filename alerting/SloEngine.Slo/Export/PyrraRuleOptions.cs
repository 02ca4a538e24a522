namespace SloEngine.Slo.Export;

/// <summary>What Pyrra is told beside its resources (flags of <c>pyrra kubernetes</c> and <c>filesystem</c>).</summary>
public sealed record PyrraRuleOptions
{
    /// <summary>Where Pyrra's pages are: alerts link to them; null for no links.</summary>
    public Uri? ExternalUrl { get; init; }

    /// <summary>Whether histogram bounds that are integers are selected in both spellings, <c>1</c> and <c>1.0</c>, as is needed while moving to Prometheus 3.</summary>
    public bool BothBounds { get; init; }
}
