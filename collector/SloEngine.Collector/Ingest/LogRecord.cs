using System.Buffers.Binary;
using System.Text;
using SloEngine.Collector.Gateway;

namespace SloEngine.Collector.Ingest;

/// <summary>What a request is; the numbers stand in the log.</summary>
internal enum RequestKind : byte
{
    Metrics = 0,
    Logs = 1,
    Traces = 2,
    RemoteWrite1 = 3,
    RemoteWrite2 = 4,
}

/// <summary>
/// What a record of the write-ahead log holds: version (u8), kind (u8), arrival in Unix nanoseconds (i64), length of the tenant (u16),
/// tenant, and the request in protobuf. In version 2, of what a gateway forwarded, the mark (24 bytes) stands before the tenant; in version 3, of a
/// request that is packed as it came, how it is packed (u8).
/// </summary>
internal readonly record struct LogRecord(RequestKind Kind, long ArrivalNanos, string Tenant, ReadOnlyMemory<byte> Body)
{
    private const byte Direct = 1;
    private const byte ForwardedByGateway = 2;
    private const byte Packed = 3;
    private const int FixedBytes = 12;

    /// <summary>Largest head.</summary>
    public const int MaxHeadBytes = FixedBytes + ForwardMark.Bytes + OtlpIngest.MaxTenantBytes;

    /// <summary>How the body is packed.</summary>
    public RequestPacking Packing { get; private init; }

    /// <summary>How far the gateway that forwarded it has got with it.</summary>
    public ForwardMark? Forwarded { get; private init; }

    public static int WriteHead(Span<byte> head, RequestKind kind, long arrivalNanos, string tenant, RequestPacking packing, ForwardMark? forwarded)
    {
        int before = FixedBytes;
        head[0] = Direct;
        if (forwarded is { } mark)
        {
            head[0] = ForwardedByGateway;
            mark.Write(head[FixedBytes..]);
            before += ForwardMark.Bytes;
        }
        else if (packing != RequestPacking.None)
        {
            head[0] = Packed;
            head[before++] = (byte)packing;
        }
        int length = Encoding.UTF8.GetBytes(tenant, head[before..]);
        head[1] = (byte)kind;
        BinaryPrimitives.WriteInt64LittleEndian(head[2..], arrivalNanos);
        BinaryPrimitives.WriteUInt16LittleEndian(head[10..], (ushort)length);
        return before + length;
    }

    /// <exception cref="InvalidDataException">A later program wrote it.</exception>
    public static LogRecord Read(ReadOnlyMemory<byte> payload)
    {
        ReadOnlySpan<byte> head = payload.Span;
        if (head.Length < FixedBytes || head[0] is not (Direct or ForwardedByGateway or Packed))
        {
            throw new InvalidDataException("the write-ahead log has a record of another version: start the program that wrote it, so that it is stored, then this one");
        }
        ForwardMark? forwarded = head[0] == ForwardedByGateway ? ForwardMark.Read(head[FixedBytes..]) : null;
        RequestPacking packing = head[0] == Packed ? (RequestPacking)head[FixedBytes] : RequestPacking.None;
        int before = FixedBytes + (forwarded is null ? 0 : ForwardMark.Bytes) + (head[0] == Packed ? 1 : 0);
        int tenant = BinaryPrimitives.ReadUInt16LittleEndian(head[10..]);
        return new LogRecord(
            (RequestKind)head[1], BinaryPrimitives.ReadInt64LittleEndian(head[2..]), Encoding.UTF8.GetString(head.Slice(before, tenant)),
            payload[(before + tenant)..])
        {
            Forwarded = forwarded,
            Packing = packing,
        };
    }
}
