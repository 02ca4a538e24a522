using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Wal;

/// <summary>
/// How a record stands in a segment: its length (u32), CRC-32C (Castagnoli, RFC 3720 appendix B.4) of length and payload (u32), payload.
/// Little-endian. A length of zero is no record, so that a zero-filled tail ends a segment. The highest bit of the length says that the record
/// holds only together with the one behind it.
/// </summary>
internal static class WalFrame
{
    public const int HeaderBytes = 8;

    private const uint GoesWithNext = 1u << 31;

    public static void WriteHeader(Span<byte> header, ReadOnlySpan<byte> payload, bool goesWithNext)
    {
        uint length = (uint)payload.Length | (goesWithNext ? GoesWithNext : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(header, length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], Checksum(length, payload));
    }

    /// <summary>What a header announces.</summary>
    public static (uint Length, bool GoesWithNext) ReadHeader(ReadOnlySpan<byte> header)
    {
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        return (length & ~GoesWithNext, (length & GoesWithNext) != 0);
    }

    /// <summary>Whether a payload is what its header announces.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) == Checksum(BinaryPrimitives.ReadUInt32LittleEndian(header), payload);

    /// <summary>CRC-32C of a text and its length.</summary>
    public static uint Checksum(ReadOnlySpan<byte> payload) => Checksum((uint)payload.Length, payload);

    private static uint Checksum(uint length, ReadOnlySpan<byte> payload)
    {
        uint crc = BitOperations.Crc32C(uint.MaxValue, length);
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
