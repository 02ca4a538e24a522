using System.Text;
using SloEngine.Collector.Naming;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;

namespace SloEngine.Collector.Resources;

/// <summary>A resource, decoded.</summary>
/// <param name="Hash">Hash of its bytes: equal in every process.</param>
/// <param name="TenantHash">The same, of its tenant's name before it.</param>
/// <param name="Service">service.name, prefixed by "service.namespace/" where given; empty where not.</param>
/// <param name="Attributes">Attributes as text; of several with one key the first.</param>
/// <param name="Types">Their types, a character each, in the order of the attributes.</param>
/// <param name="DroppedAttributes"><c>dropped_attributes_count</c>.</param>
internal sealed record DecodedResource(UInt128 Hash, UInt128 TenantHash, string Service, Dictionary<string, string> Attributes, string Types, uint DroppedAttributes);

/// <summary>
/// The resource that a decoder met last: a request says each one once and then all that is of it, so that however many new series or scopes it
/// brings, their resource is decoded once.
/// </summary>
internal sealed class LastResource(string tenant)
{
    private readonly UInt128 _tenantHash = SipHash128.Hash(Encoding.UTF8.GetBytes(tenant), 0);
    private UInt128 _identity;
    private DecodedResource? _resource;

    /// <summary>The resource of an identity, a keyed hash of its bytes.</summary>
    public DecodedResource Of(UInt128 identity, ReadOnlySpan<byte> resource)
    {
        if (_resource is null || _identity != identity)
        {
            (Dictionary<string, string> attributes, string types) = Attributes(resource, 1);
            _resource = new DecodedResource(
                SipHash128.Hash(resource, 0), SipHash128.Hash(resource, _tenantHash), SeriesLabels.Job(attributes), attributes, types,
                AttributeSet.Dropped(resource, 2));
            _identity = identity;
        }
        return _resource;
    }

    /// <summary>Attributes of an encoded message as text, with their types.</summary>
    /// <param name="message">The message.</param>
    /// <param name="field">Number of its attributes field (1 of a resource, 3 of a scope).</param>
    public static (Dictionary<string, string> Attributes, string Types) Attributes(ReadOnlySpan<byte> message, int field)
    {
        using AttributesColumn column = AttributeSet.Decode(message, field);
        var attributes = new Dictionary<string, string>(column.Keys.Count, StringComparer.Ordinal);
        var types = new StringBuilder(column.Keys.Count);
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
