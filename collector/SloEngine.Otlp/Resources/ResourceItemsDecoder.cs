using System.Globalization;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Resources;

/// <summary>
/// What the trace and log requests have in common: items below scopes below resources, all at the same field numbers
/// (trace_service.proto, logs_service.proto).
/// </summary>
public abstract class ResourceItemsDecoder
{
    private readonly IResourceIndex _index;
    private readonly UInt128 _hashKey;
    private readonly string _resources;
    private readonly string _scopes;
    private readonly string _items;
    private readonly RejectedItems _rejections = new();
    private int _accepted;
    private int _rejected;
    private string? _error;
    private int _resource;
    private int _scope;
    private int _item;
    private int _overLimit;

    private protected ResourceItemsDecoder(IResourceIndex index, UInt128 hashKey, string resources, string scopes, string items) =>
        (_index, _hashKey, _resources, _scopes, _items) = (index, hashKey, resources, scopes, items);

    /// <summary>Items of the last request that were rejected because the index did not take their resource.</summary>
    public int OverResourceLimit => _overLimit;

    /// <summary>Times that items may have.</summary>
    public TimeWindow Window { get; set; } = TimeWindow.All;

    /// <summary>Which items of the last request were rejected, for <c>Decode</c> to pass over them when it is decoded again; empty when none was.</summary>
    public ReadOnlyMemory<byte> RejectedItems => _rejections.Noted();

    private protected AttributeReader Attributes { get; } = new();

    private protected DecodeResult DecodeRequest(ReadOnlySpan<byte> request, ReadOnlyMemory<byte> rejected)
    {
        _rejections.Begin(rejected);
        (_accepted, _rejected, _overLimit, _error) = (0, 0, 0, null);
        (_resource, _scope, _item) = (-1, -1, -1);
        try
        {
            var reader = new ProtobufReader(request);
            while (reader.Next())
            {
                if (reader.Field == 1)
                {
                    _resource++;
                    Resource(reader.MessageField());
                }
                else
                {
                    reader.Skip();
                }
            }
        }
        catch (OtlpFormatException malformed)
        {
            throw new OtlpFormatException(Path(), malformed);
        }
        return new DecodeResult(_accepted, _rejected, _error);
    }

    /// <summary>Decodes one item; returns why it is rejected, or null. A rejected item leaves nothing behind.</summary>
    private protected abstract string? Item(ProtobufReader item, int resource);

    private protected static UInt128 TraceId(ReadOnlySpan<byte> bytes, out bool valid)
    {
        valid = bytes.Length is 16;
        return valid ? System.Runtime.InteropServices.MemoryMarshal.Read<UInt128>(bytes) : default;
    }

    private protected static ulong SpanId(ReadOnlySpan<byte> bytes, out bool valid)
    {
        valid = bytes.Length is 8;
        return valid ? System.Runtime.InteropServices.MemoryMarshal.Read<ulong>(bytes) : default;
    }

    private void Resource(ProtobufReader message)
    {
        (_scope, _item) = (-1, -1);
        ReadOnlySpan<byte> resource = message.Merged(1);
        UInt128 identity = IdentityHash.Hash(resource, _hashKey);
        while (message.Next())
        {
            if (message.Field != 2)
            {
                message.Skip();
                continue;
            }
            _scope++;
            _item = -1;
            ProtobufReader scope = message.MessageField();
            Scope(scope, resource, identity);
        }
    }

    private void Scope(ProtobufReader message, ReadOnlySpan<byte> resource, UInt128 resourceIdentity)
    {
        int reference = 0;
        bool isRegistered = false;
        string? refused = null;
        while (message.Next())
        {
            if (message.Field != 2)
            {
                message.Skip();
                continue;
            }
            _item++;
            ProtobufReader item = message.MessageField();
            if (!_rejections.Next())
            {
                continue;
            }
            if (!isRegistered)
            {
                // At the first item: to a scope without any nothing refers.
                reference = Register(message.Rewound, resource, resourceIdentity, out refused);
                isRegistered = true;
            }
            _overLimit += reference < 0 ? 1 : 0;
            string? rejection = reference < 0 ? refused : Item(item, reference);
            if (rejection is null)
            {
                _accepted++;
            }
            else
            {
                _rejected++;
                _rejections.Reject();
                _error ??= $"{Path()}: {rejection}";
            }
        }
    }

    private int Register(ProtobufReader message, ReadOnlySpan<byte> resource, UInt128 resourceIdentity, out string? rejection)
    {
        rejection = null;
        ReadOnlySpan<byte> scope = message.Merged(1);
        UInt128 identity = IdentityHash.Hash(scope, resourceIdentity);
        return _index.TryGet(identity, out int reference)
            ? reference
            : _index.Register(
                new RawResource { Identity = identity, ResourceIdentity = resourceIdentity, Resource = resource, Scope = scope }, out rejection);
    }

    private string Path()
    {
        string text = _resource < 0 ? "the request" : string.Create(CultureInfo.InvariantCulture, $"{_resources}[{_resource}]");
        text += _scope < 0 ? "" : string.Create(CultureInfo.InvariantCulture, $".{_scopes}[{_scope}]");
        return text + (_item < 0 ? "" : string.Create(CultureInfo.InvariantCulture, $".{_items}[{_item}]"));
    }
}
