using System.Buffers.Binary;
using System.Text;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Series;

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
/// request that is packed as it came, how it is packed (u8). In version 4, of one with rejected items, there stand whether it was forwarded (u8), the mark if so, how it is packed (u8),
/// how many bytes name the items (u32), and these (<see cref="Decoded.RejectedItems"/>).
/// </summary>
internal readonly record struct LogRecord(RequestKind Kind, long ArrivalNanos, string Tenant, ReadOnlyMemory<byte> Body)
{
    private const byte Direct = 1;
    private const byte ForwardedByGateway = 2;
    private const byte Packed = 3;
    private const byte WithRejectedItems = 4;
    private const int FixedBytes = 12;

    /// <summary>Largest head of a request of which nothing was rejected.</summary>
    public const int MaxHeadBytes = FixedBytes + 1 + ForwardMark.Bytes + 1 + sizeof(uint) + OtlpIngest.MaxTenantBytes;

    /// <summary>How the body is packed.</summary>
    public RequestPacking Packing { get; private init; }

    /// <summary>How far the gateway that forwarded it has got with it.</summary>
    public ForwardMark? Forwarded { get; private init; }

    /// <summary>Which of its items were rejected when it came.</summary>
    public ReadOnlyMemory<byte> RejectedItems { get; private init; }

    public static int WriteHead(
        Span<byte> head, RequestKind kind, long arrivalNanos, string tenant, RequestPacking packing, ForwardMark? forwarded, ReadOnlySpan<byte> rejectedItems)
    {
        int before = FixedBytes;
        head[0] = !rejectedItems.IsEmpty ? WithRejectedItems : forwarded is not null ? ForwardedByGateway : packing != RequestPacking.None ? Packed : Direct;
        if (head[0] == WithRejectedItems)
        {
            head[before++] = forwarded is null ? (byte)0 : (byte)1;
        }
        if (forwarded is { } mark)
        {
            mark.Write(head[before..]);
            before += ForwardMark.Bytes;
        }
        if (head[0] is Packed or WithRejectedItems)
        {
            head[before++] = (byte)packing;
        }
        if (head[0] == WithRejectedItems)
        {
            BinaryPrimitives.WriteInt32LittleEndian(head[before..], rejectedItems.Length);
            before += sizeof(int);
            rejectedItems.CopyTo(head[before..]);
            before += rejectedItems.Length;
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
        if (head.Length < FixedBytes || head[0] is < Direct or > WithRejectedItems)
        {
            throw new InvalidDataException("the write-ahead log has a record of another version: start the program that wrote it, so that it is stored, then this one");
        }
        int before = FixedBytes;
        bool isForwarded = head[0] == ForwardedByGateway || (head[0] == WithRejectedItems && head[before++] != 0);
        ForwardMark? forwarded = isForwarded ? ForwardMark.Read(head[before..]) : null;
        before += isForwarded ? ForwardMark.Bytes : 0;
        RequestPacking packing = head[0] is Packed or WithRejectedItems ? (RequestPacking)head[before++] : RequestPacking.None;
        int rejected = 0;
        if (head[0] == WithRejectedItems)
        {
            rejected = BinaryPrimitives.ReadInt32LittleEndian(head[before..]);
            before += sizeof(int);
        }
        int end = before + rejected;
        int tenant = BinaryPrimitives.ReadUInt16LittleEndian(head[10..]);
        return new LogRecord(
            (RequestKind)head[1], BinaryPrimitives.ReadInt64LittleEndian(head[2..]), Encoding.UTF8.GetString(head.Slice(end, tenant)),
            payload[(end + tenant)..])
        {
            Forwarded = forwarded,
            Packing = packing,
            RejectedItems = payload[before..end],
        };
    }
}
