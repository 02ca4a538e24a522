namespace SloEngine.Otlp.Resources;

/// <summary>A resource with a scope as they stand in a request, still encoded. Only an index that has not met the identity reads them.</summary>
public readonly ref struct RawResource
{
    /// <summary>Hash of both encoded messages.</summary>
    public UInt128 Identity { get; init; }

    /// <summary>Hash of the encoded resource: equal for all its scopes.</summary>
    public UInt128 ResourceIdentity { get; init; }

    /// <summary>Encoded <c>opentelemetry.proto.resource.v1.Resource</c>; may be empty.</summary>
    public ReadOnlySpan<byte> Resource { get; init; }

    /// <summary>Encoded <c>InstrumentationScope</c>; may be empty.</summary>
    public ReadOnlySpan<byte> Scope { get; init; }
}

/// <summary>Gives each distinct pair of resource and scope a small integer; logs and spans carry that instead of the attributes.</summary>
public interface IResourceIndex
{
    /// <summary>Looks up a pair met before.</summary>
    bool TryGet(UInt128 identity, out int resource);

    /// <summary>
    /// Parses and registers a pair not met before. Returns its reference, or a negative number when its items are to be rejected;
    /// <paramref name="rejection"/> then says why.
    /// </summary>
    int Register(in RawResource resource, out string? rejection);
}
