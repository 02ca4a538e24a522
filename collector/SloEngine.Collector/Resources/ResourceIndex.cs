using System.Globalization;
using System.Text;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Resources;
using SloEngine.Storage.Tables;

namespace SloEngine.Collector.Resources;

/// <summary>
/// Every active resource and scope that logs and spans came with. One that stops is retired; one that comes back is registered again, and
/// described to the store again. A tenant has so many at most, and as many KiB of them: each is stored in full, also where many scopes share
/// one large resource.
/// </summary>
internal sealed class ResourceIndex(CollectorOptions options, TimeProvider time) : IResourceLookup
{
    /// <summary>In place of a reference: the tenant has as many resources as it may.</summary>
    public const int OverLimit = -1;

    private const long BytesOfEach = 1024;
    private const long MostBytesDescribedAtOnce = 16 << 20;

    private readonly IdentityTable _byIdentity = new();
    private readonly Dictionary<string, ResourceUsage> _tenants = new(StringComparer.Ordinal);
    private readonly RetiredSlots _retired = new();
    private readonly Lock _registering = new();
    private readonly Queue<ResourceRow> _unsaved = [];
    private int _count;
    private volatile ResourceRow?[] _rows = new ResourceRow?[64];
    private volatile ResourceKey[] _keys = new ResourceKey[64];
    private volatile long[] _lastSeen = new long[64];

    public ResourceDescriptor this[int resource] => _rows[resource]!.Descriptor;

    /// <summary>Number of active resources.</summary>
    public int Count => _byIdentity.Count;

    /// <summary>When an item of each resource was last shown, as a timestamp of the clock; a stamp written while it grows may be lost.</summary>
    public long[] LastSeen => _lastSeen;

    /// <summary>Keys by reference, as of now; every reference given out before is in it.</summary>
    public ResourceKey[] Keys => _keys;

    public bool TryGet(UInt128 identity, out int resource) => _byIdentity.TryGetValue(identity, out resource);

    /// <summary>What each tenant has, as of now.</summary>
    public List<(string Tenant, ResourceUsage Usage)> Usages()
    {
        lock (_registering)
        {
            return [.. _tenants.Select(tenant => (tenant.Key, tenant.Value with { }))];
        }
    }

    /// <summary>Parses and registers a raw resource; see <see cref="IResourceIndex.Register"/>.</summary>
    public int Register(string tenant, LastResource last, in RawResource raw, out string? rejection, bool isAccepted = false)
    {
        long bytes = (long)raw.Resource.Length + raw.Scope.Length;
        lock (_registering)
        {
            // Before anything is parsed: what is over the limit costs a lookup.
            rejection = isAccepted ? null : Excess(tenant, bytes);
            if (rejection is not null)
            {
                return OverLimit;
            }
        }
        DecodedResource resource = last.Of(raw.ResourceIdentity, raw.Resource);
        ResourceRow row = Parse(tenant, resource, raw.Scope) with { Bytes = bytes };
        UInt128 identity = raw.Identity;
        lock (_registering)
        {
            if (_byIdentity.TryGetValue(identity, out int known))
            {
                return known;
            }
            rejection = isAccepted ? null : Excess(tenant, bytes);
            if (rejection is not null)
            {
                return OverLimit;
            }
            ResourceUsage usage = Usage(tenant);
            usage.Active++;
            usage.Bytes += bytes;
            if (!_retired.TryRevive(identity, out int reference))
            {
                if (!_retired.TryReuse(out reference))
                {
                    reference = _count++;
                    MakeRoom();
                }
                _keys[reference] = new ResourceKey(row.Descriptor.Id, Encoding.UTF8.GetBytes(tenant), Encoding.UTF8.GetBytes(row.Descriptor.Service));
                _rows[reference] = row;
            }
            _lastSeen[reference] = time.GetTimestamp();
            _byIdentity[identity] = reference;
            _unsaved.Enqueue(row);
            return reference;
        }
    }

    /// <summary>Takes the resources that had no item since a moment out of the lookup.</summary>
    public void RetireIdle(long seenBefore)
    {
        lock (_registering)
        {
            _byIdentity.RemoveAll((identity, resource) =>
            {
                bool isIdle = _lastSeen[resource] < seenBefore;
                if (isIdle)
                {
                    ResourceRow row = _rows[resource]!;
                    ResourceUsage usage = _tenants[row.Descriptor.Tenant];
                    usage.Active--;
                    usage.Bytes -= row.Bytes;
                    _retired.Retire(identity, resource);
                }
                return isIdle;
            });
            foreach ((string tenant, ResourceUsage usage) in _tenants)
            {
                if (usage.Active == 0)
                {
                    _tenants.Remove(tenant);
                }
            }
        }
    }

    /// <summary>Frees the slots that nothing refers to any more; to be called after each turn of the leases.</summary>
    public void FreeRetired()
    {
        lock (_registering)
        {
            foreach (int resource in _retired.Turn())
            {
                _rows[resource] = null;
                _keys[resource] = default;
            }
        }
    }

    /// <summary>Takes rows that are not in the store yet, as many bytes as one insert should have; give them back when they could not be saved.</summary>
    public List<ResourceRow> TakeUnsaved()
    {
        lock (_registering)
        {
            var taken = new List<ResourceRow>();
            for (long bytes = 0; bytes < MostBytesDescribedAtOnce && _unsaved.TryDequeue(out ResourceRow? row); bytes += row.Bytes)
            {
                taken.Add(row);
            }
            return taken;
        }
    }

    public void GiveBack(List<ResourceRow> unsaved)
    {
        lock (_registering)
        {
            unsaved.ForEach(_unsaved.Enqueue);
        }
    }

    /// <summary>The arrays only grow, by copy, so that a reader needs no lock.</summary>
    private void MakeRoom()
    {
        if (_count <= _rows.Length)
        {
            return;
        }
        var keys = new ResourceKey[_keys.Length * 2];
        _keys.CopyTo(keys, 0);
        var rows = new ResourceRow?[_rows.Length * 2];
        _rows.CopyTo(rows, 0);
        var lastSeen = new long[_lastSeen.Length * 2];
        _lastSeen.CopyTo(lastSeen, 0);
        (_keys, _rows, _lastSeen) = (keys, rows, lastSeen);
    }

    private static ResourceRow Parse(string tenant, DecodedResource resource, ReadOnlySpan<byte> scope)
    {
        (Dictionary<string, string> scopeAttributes, string scopeTypes) = LastResource.Attributes(scope, 3);
        (string scopeName, string scopeVersion) = AttributeSet.Scope(scope);
        var descriptor = new ResourceDescriptor(
            SipHash128.Hash(scope, resource.TenantHash), tenant, resource.Service.Length > 0 ? resource.Service : "unknown_service", resource.Attributes);
        return new ResourceRow(descriptor, resource.Types, scopeName, scopeVersion, scopeAttributes, scopeTypes)
        {
            DroppedAttributes = resource.DroppedAttributes,
            ScopeDroppedAttributes = AttributeSet.Dropped(scope, 4),
        };
    }

    private string? Excess(string tenant, long bytes)
    {
        int limit = options.LimitsOf(tenant).MaxActiveResources;
        ResourceUsage usage = Usage(tenant);
        string? excess = usage.Active >= limit
            ? string.Create(CultureInfo.InvariantCulture, $"tenant {tenant} has reached its limit of {limit} active resources (max_active_resources, each scope of a resource counts)")
            : usage.Bytes + bytes > limit * BytesOfEach
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"a resource and scope of {bytes} bytes are beyond the {limit * BytesOfEach} bytes that tenant {tenant} may have in all: {BytesOfEach} for each of its max_active_resources")
            : null;
        usage.Rejected += excess is null ? 0 : 1;
        return excess;
    }

    private ResourceUsage Usage(string tenant)
    {
        if (!_tenants.TryGetValue(tenant, out ResourceUsage? usage))
        {
            _tenants.Add(tenant, usage = new ResourceUsage());
        }
        return usage;
    }
}

/// <summary>What a tenant has of resources, each scope of one counted, and how often one was rejected since it has any.</summary>
internal sealed record ResourceUsage
{
    public int Active { get; set; }

    public long Bytes { get; set; }

    public long Rejected { get; set; }
}

/// <summary>A row of table <c>resources</c>.</summary>
internal sealed record ResourceRow(
    ResourceDescriptor Descriptor,
    string Types,
    string ScopeName,
    string ScopeVersion,
    IReadOnlyDictionary<string, string> ScopeAttributes,
    string ScopeTypes)
{
    public uint DroppedAttributes { get; init; }

    public uint ScopeDroppedAttributes { get; init; }

    /// <summary>Bytes of resource and scope as they came.</summary>
    public long Bytes { get; init; }
}

/// <summary>The index as one decoder of one tenant sees it.</summary>
internal sealed class TenantResources(string tenant, ResourceIndex index) : IResourceIndex
{
    private readonly LastResource _last = new(tenant);

    /// <summary>Whether its resources have been accepted before, so that no limit is asked again.</summary>
    public bool IsAccepted { get; init; }

    public bool TryGet(UInt128 identity, out int resource) => index.TryGet(identity, out resource);

    public int Register(in RawResource resource, out string? rejection) => index.Register(tenant, _last, resource, out rejection, IsAccepted);
}
