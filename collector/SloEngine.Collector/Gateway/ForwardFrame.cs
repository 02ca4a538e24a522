using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// A slice of a request in the body of a forward: where its record ends in the gateway's log (i64), kind, and <see cref="GatewayRecord.Bound"/> (u8), length of the tenant (u16) and of
/// the slice (u32), tenant, slice. Little-endian.
/// </summary>
internal readonly record struct ForwardFrame(long End, RequestKind Kind, string Tenant, ReadOnlyMemory<byte> Slice)
{
    private const int HeadBytes = 15;

    /// <summary>Whether resources may name no other tenant than this one.</summary>
    public bool IsBound { get; init; }

    /// <summary>Most that a frame adds to its slice.</summary>
    public const int MaxHeadBytes = HeadBytes + OtlpIngest.MaxTenantBytes;

    /// <summary>The media type of a body of frames.</summary>
    public const string MediaType = "application/vnd.sloengine.forward.v1";

    /// <summary>Bytes that a frame takes.</summary>
    public static int Size(ReadOnlySpan<byte> tenant, ReadOnlySpan<byte> slice) => HeadBytes + tenant.Length + slice.Length;

    public static void Write(IBufferWriter<byte> body, long end, RequestKind kind, bool isBound, ReadOnlySpan<byte> tenant, ReadOnlySpan<byte> slice)
    {
        Span<byte> frame = body.GetSpan(Size(tenant, slice));
        BinaryPrimitives.WriteInt64LittleEndian(frame, end);
        frame[8] = (byte)((byte)kind | (isBound ? GatewayRecord.Bound : 0));
        BinaryPrimitives.WriteUInt16LittleEndian(frame[9..], (ushort)tenant.Length);
        BinaryPrimitives.WriteInt32LittleEndian(frame[11..], slice.Length);
        tenant.CopyTo(frame[HeadBytes..]);
        slice.CopyTo(frame[(HeadBytes + tenant.Length)..]);
        body.Advance(Size(tenant, slice));
    }

    /// <summary>Reads the frames of a body.</summary>
    /// <exception cref="OtlpFormatException">The body is no sequence of frames of this stretch.</exception>
    public static List<ForwardFrame> Read(ReadOnlyMemory<byte> body, ForwardId id)
    {
        var frames = new List<ForwardFrame>();
        long last = id.From;
        for (int position = 0; position < body.Length;)
        {
            ReadOnlySpan<byte> head = body.Span[position..];
            int tenant = head.Length < HeadBytes ? -1 : BinaryPrimitives.ReadUInt16LittleEndian(head[9..]);
            int slice = head.Length < HeadBytes ? -1 : BinaryPrimitives.ReadInt32LittleEndian(head[11..]);
            if (tenant is < 1 or > OtlpIngest.MaxTenantBytes || slice < 0 || slice > head.Length - HeadBytes - tenant)
            {
                throw new OtlpFormatException("the body ends inside a frame", position);
            }
            var frame = new ForwardFrame(
                BinaryPrimitives.ReadInt64LittleEndian(head), (RequestKind)(head[8] & ~GatewayRecord.Bound), Encoding.UTF8.GetString(head.Slice(HeadBytes, tenant)),
                body.Slice(position + HeadBytes + tenant, slice))
            {
                IsBound = (head[8] & GatewayRecord.Bound) != 0,
            };
            if (frame.End <= last || frame.End > id.To || frame.Kind > RequestKind.RemoteWrite2)
            {
                throw new OtlpFormatException($"a frame of kind {(int)frame.Kind} that ends at {frame.End} does not fit behind {last} in {id}", position);
            }
            last = frame.End;
            frames.Add(frame);
            position += HeadBytes + tenant + slice;
        }
        return frames;
    }
}
