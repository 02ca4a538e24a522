namespace SloEngine.Collector.Series;

/// <summary>What a tenant has in the index, and how often a series of its was rejected since it has something there.</summary>
internal sealed record TenantUsage
{
    public int Active { get; set; }

    /// <summary>Rejections because there were as many series as the tenant may have.</summary>
    public long RejectedByCount { get; set; }

    /// <summary>Rejections because of too many or too long labels.</summary>
    public long RejectedByLabels { get; set; }
}
