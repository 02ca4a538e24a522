namespace SloEngine.Collector.Receivers;

/// <summary>Which tenants a request may write for: a feature of requests that came with a credential.</summary>
public interface ITenantAccess
{
    /// <summary>Whether it may write for any.</summary>
    bool AllowsAll { get; }

    /// <summary>Whether it may write for this one.</summary>
    bool Allows(string tenant);
}
