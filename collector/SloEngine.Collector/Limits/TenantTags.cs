using System.Collections.Concurrent;

namespace SloEngine.Collector.Limits;

/// <summary>Tenants as attributes of metrics: of names that senders choose only so many, and one for all the others.</summary>
internal sealed class TenantTags(CollectorOptions options)
{
    /// <summary>Stands for the tenants beyond; no tenant can be called so.</summary>
    public const string Others = "~others";

    private const int MaxTenants = 200;

    private readonly ConcurrentDictionary<string, bool> _named = new(StringComparer.Ordinal);

    public KeyValuePair<string, object?> Of(string tenant) => new("tenant", IsNamed(tenant) ? tenant : Others);

    private bool IsNamed(string tenant) =>
        options.Tenants.ContainsKey(tenant) || _named.ContainsKey(tenant) || (_named.Count < MaxTenants && _named.TryAdd(tenant, true));
}
