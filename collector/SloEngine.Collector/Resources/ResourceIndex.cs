using System.Text;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Naming;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Resources;
using SloEngine.Storage.Tables;

namespace SloEngine.Collector.Resources;

/// <summary>
/// Every active resource and scope that logs and spans came with. One that stops is retired; one that comes back is registered again, and
/// described to the store again.
/// </summary>
internal sealed class ResourceIndex(TimeProvider time) : IResourceLookup
{
    private readonly IdentityTable _byIdentity = new();
    private readonly RetiredSlots _retired = new();
    private readonly Lock _registering = new();
    private List<ResourceRow> _unsaved = [];
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

    public int Register(string tenant, UInt128 identity, ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope)
    {
        ResourceRow row = Parse(tenant, resource, scope);
        lock (_registering)
        {
            if (_byIdentity.TryGetValue(identity, out int known))
            {
                return known;
            }
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
            _unsaved.Add(row);
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
                    _retired.Retire(identity, resource);
                }
                return isIdle;
            });
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

    public List<ResourceRow> TakeUnsaved()
    {
        lock (_registering)
        {
            List<ResourceRow> taken = _unsaved;
            _unsaved = [];
            return taken;
        }
    }

    public void GiveBack(List<ResourceRow> unsaved)
    {
        lock (_registering)
        {
            _unsaved.InsertRange(0, unsaved);
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

    private static ResourceRow Parse(string tenant, ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope)
    {
        (Dictionary<string, string> attributes, string types) = Attributes(resource, 1);
        (Dictionary<string, string> scopeAttributes, string scopeTypes) = Attributes(scope, 3);
        (string scopeName, string scopeVersion) = AttributeSet.Scope(scope);
        string service = SeriesLabels.Job(attributes);
        UInt128 id = SipHash128.Hash(scope, SipHash128.Hash(resource, SipHash128.Hash(Encoding.UTF8.GetBytes(tenant), 0)));
        var descriptor = new ResourceDescriptor(id, tenant, service.Length > 0 ? service : "unknown_service", attributes);
        return new ResourceRow(descriptor, types, scopeName, scopeVersion, scopeAttributes, scopeTypes)
        {
            DroppedAttributes = AttributeSet.Dropped(resource, 2),
            ScopeDroppedAttributes = AttributeSet.Dropped(scope, 4),
        };
    }

    private static (Dictionary<string, string> Attributes, string Types) Attributes(ReadOnlySpan<byte> message, int field)
    {
        using AttributesColumn column = AttributeSet.Decode(message, field);
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        var types = new StringBuilder();
        for (int entry = 0; entry < column.Keys.Count; entry++)
        {
            if (attributes.TryAdd(Encoding.UTF8.GetString(column.Keys[entry]), Encoding.UTF8.GetString(column.Values[entry])))
            {
                types.Append((char)column.Types[entry]);
            }
        }
        return (attributes, types.ToString());
    }
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
}

/// <summary>The index as one tenant's decoders see it.</summary>
internal sealed class TenantResources(string tenant, ResourceIndex index) : IResourceIndex
{
    public bool TryGet(UInt128 identity, out int resource) => index.TryGet(identity, out resource);

    public int Register(UInt128 identity, ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope) => index.Register(tenant, identity, resource, scope);
}
