namespace SloEngine.Otlp.Resources;

/// <summary>Gives each distinct pair of resource and scope a small integer; logs and spans carry that instead of the attributes.</summary>
public interface IResourceIndex
{
    /// <summary>Looks up a pair met before; the identity is the hash of both encoded messages.</summary>
    bool TryGet(UInt128 identity, out int resource);

    /// <summary>Parses and registers a pair not met before; both are encoded messages (either may be empty).</summary>
    int Register(UInt128 identity, ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope);
}
