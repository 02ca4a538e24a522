using System.Buffers.Binary;

namespace SloEngine.Collector.Gateway;

/// <summary>How far a node has taken the log of a gateway.</summary>
/// <param name="Gateway">Id of the gateway's log.</param>
/// <param name="Position">Everything before it that is this node's was taken.</param>
internal readonly record struct ForwardMark(Guid Gateway, long Position)
{
    public const int Bytes = 24;

    public void Write(Span<byte> to)
    {
        Gateway.TryWriteBytes(to);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], Position);
    }

    public static ForwardMark Read(ReadOnlySpan<byte> from) => new(new Guid(from[..16]), BinaryPrimitives.ReadInt64LittleEndian(from[16..]));
}
