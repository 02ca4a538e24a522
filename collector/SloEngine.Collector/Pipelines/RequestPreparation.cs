using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Receivers;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Pipelines;

/// <summary>A request, or what of one is a tenant's.</summary>
/// <param name="Tenant">Owner.</param>
/// <param name="Body">The encoded request.</param>
internal readonly record struct RequestPart(string Tenant, ReadOnlyMemory<byte> Body);

/// <summary>
/// What is done to the bytes of a request before it is decoded and logged: it is divided by the tenants that its resources name, and edited.
/// What the log holds is the result, so that a replay needs neither. Safe for concurrent use.
/// </summary>
internal sealed class RequestPreparation
{
    private readonly byte[]? _tenantAttribute;
    private readonly PipelineOptions _options;
    private readonly Counter<long> _edited;
    private readonly ConcurrentBag<RequestEdits>[] _edits = [[], [], [], [], []];

    public RequestPreparation(CollectorOptions options, Meter meter)
    {
        _tenantAttribute = options.TenantAttribute is { } name ? Encoding.UTF8.GetBytes(name) : null;
        _options = options.Pipelines;
        _edited = meter.CreateCounter<long>(
            "sloengine.pipeline.edits", "{edit}", "Attributes dropped, renamed, hashed or redacted and texts redacted, and items dropped by filters, by step.");
    }

    /// <summary>Whether requests of a kind are anything but passed on.</summary>
    public bool Concerns(RequestKind kind) => (_tenantAttribute is not null && !IsRemoteWrite(kind)) || _options.Of(kind).Count > 0;

    /// <summary>Divides a request by the tenants that its resources name; those that name none are of the tenant that sent it. Series of remote write have no resources.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="tenant">Who sent it.</param>
    /// <param name="request">The request.</param>
    /// <param name="isAllowed">Whether the sender may write for a tenant; null for all.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message, or name a tenant by a name that none can have.</exception>
    /// <exception cref="TenantForbiddenException">The sender may not write for a tenant that it names.</exception>
    public IReadOnlyList<RequestPart> Divide(RequestKind kind, string tenant, ReadOnlyMemory<byte> request, Func<string, bool>? isAllowed)
    {
        if (_tenantAttribute is null || IsRemoteWrite(kind))
        {
            return [new RequestPart(tenant, request)];
        }
        var values = new AttributeReader();
        var owners = new List<(string Tenant, Range Bytes)>();
        var reader = new ProtobufReader(request.Span);
        while (reader.Next())
        {
            int start = reader.FieldStart;
            string owner = tenant;
            if (reader.Field == 1)
            {
                owner = OwnerOf(reader.MessageField(), tenant, values, reader.Offset);
            }
            else
            {
                reader.Skip();
            }
            owners.Add((owner, start..reader.Position));
        }
        foreach (string owner in owners.Select(own => own.Tenant).Distinct())
        {
            if (isAllowed?.Invoke(owner) == false)
            {
                throw new TenantForbiddenException($"the credential may not write for tenant {owner}, which a resource names by {Encoding.UTF8.GetString(_tenantAttribute)}");
            }
        }
        if (owners.TrueForAll(own => own.Tenant == owners[0].Tenant))
        {
            return [new RequestPart(owners.Count == 0 ? tenant : owners[0].Tenant, request)];
        }
        return [.. owners.GroupBy(own => own.Tenant, own => own.Bytes, StringComparer.Ordinal).Select(own => new RequestPart(own.Key, Joined(request, own)))];
    }

    /// <summary>Applies the edits of its kind to a part.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="part">The part.</param>
    /// <param name="edits">Whose memory the answer is in, to be given back by <see cref="Return"/>; null when nothing is edited.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public RequestPart Edit(RequestKind kind, RequestPart part, out RequestEdits? edits)
    {
        edits = null;
        if (_options.Of(kind).Count == 0)
        {
            return part;
        }
        edits = _edits[(int)kind].TryTake(out RequestEdits? free) ? free : new RequestEdits(kind, _options.Of(kind), Count);
        return part with { Body = edits.Apply(part.Body) };

        void Count(PipelineStep step, int items) => _edited.Add(items, new KeyValuePair<string, object?>("step", step.Name));
    }

    public void Return(RequestKind kind, RequestEdits? edits)
    {
        if (edits is not null)
        {
            _edits[(int)kind].Add(edits);
        }
    }

    internal static bool IsRemoteWrite(RequestKind kind) => kind is RequestKind.RemoteWrite1 or RequestKind.RemoteWrite2;

    private string OwnerOf(ProtobufReader message, string sender, AttributeReader values, int offset)
    {
        if (!TelemetryFilter.TryFind(message.Merged(1), 1, _tenantAttribute, values, out ReadOnlySpan<byte> text) || text.IsEmpty)
        {
            return sender;
        }
        string owner = Encoding.UTF8.GetString(text);
        return Tenants.IsValid(owner) ? owner : throw new OtlpFormatException(
            $"resource attribute {Encoding.UTF8.GetString(_tenantAttribute!)} is no valid tenant name: letters, digits and !-_.*'(), at most 150; in the resource that ends", offset);
    }

    private static byte[] Joined(ReadOnlyMemory<byte> request, IEnumerable<Range> ranges)
    {
        using var joined = new MemoryStream();
        foreach (Range range in ranges)
        {
            joined.Write(request[range].Span);
        }
        return joined.ToArray();
    }
}

/// <summary>The sender may not do this for that tenant.</summary>
/// <param name="message">What, and whose.</param>
public sealed class TenantForbiddenException(string message) : Exception(message);
