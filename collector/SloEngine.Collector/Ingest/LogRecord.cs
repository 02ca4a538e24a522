using System.Buffers.Binary;
using System.Text;

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
/// tenant, and the request as it came, decompressed and in protobuf.
/// </summary>
internal readonly record struct LogRecord(RequestKind Kind, long ArrivalNanos, string Tenant, ReadOnlyMemory<byte> Body)
{
    private const byte Version = 1;
    private const int FixedBytes = 12;

    /// <summary>Largest head.</summary>
    public const int MaxHeadBytes = FixedBytes + OtlpIngest.MaxTenantBytes;

    public static int WriteHead(Span<byte> head, RequestKind kind, long arrivalNanos, string tenant)
    {
        int length = Encoding.UTF8.GetBytes(tenant, head[FixedBytes..]);
        head[0] = Version;
        head[1] = (byte)kind;
        BinaryPrimitives.WriteInt64LittleEndian(head[2..], arrivalNanos);
        BinaryPrimitives.WriteUInt16LittleEndian(head[10..], (ushort)length);
        return FixedBytes + length;
    }

    /// <exception cref="InvalidDataException">A later program wrote it.</exception>
    public static LogRecord Read(ReadOnlyMemory<byte> payload)
    {
        ReadOnlySpan<byte> head = payload.Span;
        if (head.Length < FixedBytes || head[0] != Version)
        {
            throw new InvalidDataException("the write-ahead log has a record of another version: start the program that wrote it, so that it is stored, then this one");
        }
        int tenant = BinaryPrimitives.ReadUInt16LittleEndian(head[10..]);
        return new LogRecord(
            (RequestKind)head[1], BinaryPrimitives.ReadInt64LittleEndian(head[2..]), Encoding.UTF8.GetString(head.Slice(FixedBytes, tenant)),
            payload[(FixedBytes + tenant)..]);
    }
}
