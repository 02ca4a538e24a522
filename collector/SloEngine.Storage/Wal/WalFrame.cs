using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Wal;

/// <summary>
/// How a record stands in a segment: its length (u32), CRC-32C (Castagnoli, RFC 3720 appendix B.4) of length and payload (u32), payload.
/// Little-endian. A length of zero is no record, so that a zero-filled tail ends a segment.
/// </summary>
internal static class WalFrame
{
    public const int HeaderBytes = 8;

    public static void WriteHeader(Span<byte> header, ReadOnlySpan<byte> payload)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], Checksum(payload));
    }

    public static (uint Length, uint Checksum) ReadHeader(ReadOnlySpan<byte> header) =>
        (BinaryPrimitives.ReadUInt32LittleEndian(header), BinaryPrimitives.ReadUInt32LittleEndian(header[4..]));

    public static uint Checksum(ReadOnlySpan<byte> payload)
    {
        uint crc = BitOperations.Crc32C(uint.MaxValue, (uint)payload.Length);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(payload);
        foreach (ulong word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }
        foreach (byte rest in payload[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, rest);
        }
        return ~crc;
    }
}
