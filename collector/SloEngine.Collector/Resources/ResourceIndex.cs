using System.Text;
using SloEngine.Collector.Naming;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Resources;
using SloEngine.Storage.Tables;

namespace SloEngine.Collector.Resources;

/// <summary>Every resource and scope that logs and spans came with.</summary>
internal sealed class ResourceIndex : IResourceLookup
{
    private readonly IdentityTable _byIdentity = new();
    private readonly Lock _registering = new();
    private List<ResourceRow> _unsaved = [];
    private int _count;
    private volatile ResourceRow[] _rows = new ResourceRow[64];
    private volatile ResourceKey[] _keys = new ResourceKey[64];

    public ResourceDescriptor this[int resource] => _rows[resource].Descriptor;

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
            int reference = _count++;
            MakeRoom();
            _keys[reference] = new ResourceKey(row.Descriptor.Id, Encoding.UTF8.GetBytes(tenant), Encoding.UTF8.GetBytes(row.Descriptor.Service));
            _rows[reference] = row;
            _byIdentity[identity] = reference;
            _unsaved.Add(row);
            return reference;
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
        var rows = new ResourceRow[_rows.Length * 2];
        _rows.CopyTo(rows, 0);
        (_keys, _rows) = (keys, rows);
    }

    private static ResourceRow Parse(string tenant, ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope)
    {
        (Dictionary<string, string> attributes, string types) = Attributes(resource, 1);
        (Dictionary<string, string> scopeAttributes, string scopeTypes) = Attributes(scope, 3);
        (string scopeName, string scopeVersion) = AttributeSet.Scope(scope);
        string service = SeriesLabels.Job(attributes);
        UInt128 id = SipHash128.Hash(scope, SipHash128.Hash(resource, SipHash128.Hash(Encoding.UTF8.GetBytes(tenant), 0)));
        var descriptor = new ResourceDescriptor(id, tenant, service.Length > 0 ? service : "unknown_service", attributes);
        return new ResourceRow(descriptor, types, scopeName, scopeVersion, scopeAttributes, scopeTypes);
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
    string ScopeTypes);

/// <summary>The index as one tenant's decoders see it.</summary>
internal sealed class TenantResources(string tenant, ResourceIndex index) : IResourceIndex
{
    public bool TryGet(UInt128 identity, out int resource) => index.TryGet(identity, out resource);

    public int Register(UInt128 identity, ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope) => index.Register(tenant, identity, resource, scope);
}
