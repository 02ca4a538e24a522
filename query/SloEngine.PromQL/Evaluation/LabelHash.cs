using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// A hash of labels that is the same everywhere: xxHash64 (github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) of names and values, each
/// with its length in front.
/// </summary>
internal static class LabelHash
{
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;
    private const ulong Prime3 = 0x165667B19E3779F9;
    private const ulong Prime4 = 0x85EBCA77C2B2AE63;
    private const ulong Prime5 = 0x27D4EB2F165667C5;
    private const int LongLength = 255;

    public static ulong Of(Labels labels)
    {
        var bytes = new MemoryStream();
        foreach ((string name, string value) in labels.Pairs)
        {
            Write(bytes, name);
            Write(bytes, value);
        }
        return Hash(bytes.ToArray());
    }

    private static void Write(MemoryStream bytes, string text)
    {
        byte[] encoded = Encoding.UTF8.GetBytes(text);
        if (encoded.Length < LongLength)
        {
            bytes.WriteByte((byte)encoded.Length);
        }
        else
        {
            bytes.Write([LongLength, (byte)encoded.Length, (byte)(encoded.Length >> 8), (byte)(encoded.Length >> 16)]);
        }
        bytes.Write(encoded);
    }

    private static ulong Hash(ReadOnlySpan<byte> data)
    {
        ulong hash = Prime5;
        ReadOnlySpan<byte> rest = data;
        if (data.Length >= 32)
        {
            Span<ulong> lanes = [unchecked(Prime1 + Prime2), Prime2, 0, unchecked(0 - Prime1)];
            for (; rest.Length >= 32; rest = rest[32..])
            {
                for (int lane = 0; lane < 4; lane++)
                {
                    lanes[lane] = Round(lanes[lane], BinaryPrimitives.ReadUInt64LittleEndian(rest[(lane * 8)..]));
                }
            }
            hash = BitOperations.RotateLeft(lanes[0], 1) + BitOperations.RotateLeft(lanes[1], 7)
                + BitOperations.RotateLeft(lanes[2], 12) + BitOperations.RotateLeft(lanes[3], 18);
            foreach (ulong lane in lanes)
            {
                hash = ((hash ^ Round(0, lane)) * Prime1) + Prime4;
            }
        }
        hash += (ulong)data.Length;
        for (; rest.Length >= 8; rest = rest[8..])
        {
            hash = (BitOperations.RotateLeft(hash ^ Round(0, BinaryPrimitives.ReadUInt64LittleEndian(rest)), 27) * Prime1) + Prime4;
        }
        if (rest.Length >= 4)
        {
            hash = (BitOperations.RotateLeft(hash ^ (BinaryPrimitives.ReadUInt32LittleEndian(rest) * Prime1), 23) * Prime2) + Prime3;
            rest = rest[4..];
        }
        foreach (byte one in rest)
        {
            hash = BitOperations.RotateLeft(hash ^ (one * Prime5), 11) * Prime1;
        }
        hash = (hash ^ (hash >> 33)) * Prime2;
        hash = (hash ^ (hash >> 29)) * Prime3;
        return hash ^ (hash >> 32);
    }

    private static ulong Round(ulong lane, ulong input) => BitOperations.RotateLeft(lane + (input * Prime2), 31) * Prime1;
}
