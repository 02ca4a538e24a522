using System.Buffers.Binary;
using System.Text;
using SloEngine.Collector.Ingest;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// What a record of a gateway's log holds: version (u8), kind and <see cref="Bound"/> (u8), arrival in Unix nanoseconds (i64), length of the tenant (u16), count of slices
/// (u16), tenant; for each slice the key of its node (u64) and its length (u32); then the slices. Little-endian.
/// </summary>
internal readonly ref struct GatewayRecord
{
    /// <summary>Beside the kind: the sender may write for this tenant alone, whatever resources name.</summary>
    public const byte Bound = 0x80;

    private const byte Version = 1;
    private const int FixedBytes = 14;
    private const int SliceBytes = 12;

    /// <summary>Largest head.</summary>
    public const int MaxHeadBytes = FixedBytes + OtlpIngest.MaxTenantBytes + (GatewayOptions.MaxNodes * SliceBytes);

    private readonly ReadOnlySpan<byte> _payload;
    private readonly int _slices;
    private readonly int _bodies;

    /// <exception cref="InvalidDataException">A later program wrote it.</exception>
    public GatewayRecord(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < FixedBytes || payload[0] != Version)
        {
            throw new InvalidDataException("the gateway's log has a record of another version: start the program that wrote it, so that it is forwarded, then this one");
        }
        _payload = payload;
        _slices = FixedBytes + BinaryPrimitives.ReadUInt16LittleEndian(payload[10..]);
        _bodies = _slices + (BinaryPrimitives.ReadUInt16LittleEndian(payload[12..]) * SliceBytes);
    }

    public RequestKind Kind => (RequestKind)(_payload[1] & ~Bound);

    public bool IsBound => (_payload[1] & Bound) != 0;

    public long ArrivalNanos => BinaryPrimitives.ReadInt64LittleEndian(_payload[2..]);

    public ReadOnlySpan<byte> Tenant => _payload[FixedBytes.._slices];

    /// <summary>The slice of a node; false when it has none.</summary>
    public bool TryGetSlice(ulong node, out ReadOnlySpan<byte> slice)
    {
        int start = _bodies;
        for (int entry = _slices; entry < _bodies; entry += SliceBytes)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(_payload[(entry + 8)..]);
            if (BinaryPrimitives.ReadUInt64LittleEndian(_payload[entry..]) == node)
            {
                slice = _payload.Slice(start, length);
                return true;
            }
            start += length;
        }
        slice = default;
        return false;
    }

    public static int WriteHead(Span<byte> head, RequestKind kind, bool isBound, long arrivalNanos, string tenant, ReadOnlySpan<(ulong Node, int Length)> slices)
    {
        int position = FixedBytes + Encoding.UTF8.GetBytes(tenant, head[FixedBytes..]);
        head[0] = Version;
        head[1] = (byte)((byte)kind | (isBound ? Bound : 0));
        BinaryPrimitives.WriteInt64LittleEndian(head[2..], arrivalNanos);
        BinaryPrimitives.WriteUInt16LittleEndian(head[10..], (ushort)(position - FixedBytes));
        BinaryPrimitives.WriteUInt16LittleEndian(head[12..], (ushort)slices.Length);
        foreach ((ulong node, int length) in slices)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(head[position..], node);
            BinaryPrimitives.WriteInt32LittleEndian(head[(position + 8)..], length);
            position += SliceBytes;
        }
        return position;
    }
}
