namespace SloEngine.Slo.Model;

/// <summary>Whose SLOs somebody may see and change, with all that follows from them: those of one tenant, or of all.</summary>
public sealed record TenantScope
{
    /// <summary>The operator's tenant: owner of what names no tenant.</summary>
    public const string DefaultTenant = "default";

    private TenantScope(string? tenant) => Tenant = tenant;

    /// <summary>All tenants.</summary>
    public static TenantScope All { get; } = new((string?)null);

    /// <summary>The tenant; null for all.</summary>
    public string? Tenant { get; }

    /// <summary>One tenant.</summary>
    public static TenantScope Of(string tenant) => new(tenant);

    /// <summary>Whether what a tenant owns is in it.</summary>
    public bool Covers(string owner) => Tenant is null || Tenant == owner;

    /// <summary>Whether an SLO is in it.</summary>
    public bool Covers(ServiceLevelObjective slo) => Covers(slo.Owner);
}
