using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SloEngine.Otlp.Hashing;

/// <summary>
/// SipHash with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and its 128-bit variant):
/// keyed, so that senders cannot craft collisions. Hashes chain by passing one hash as the key of the next.
/// </summary>
public static class SipHash128
{
    /// <summary>SipHash-2-4 of <paramref name="data"/> under <paramref name="key"/> (its lower half is the first key word).</summary>
    public static UInt128 Hash(ReadOnlySpan<byte> data, UInt128 key) => Hash(data, key, compressions: 2, finalizations: 4);

    /// <summary>
    /// SipHash-1-3, half the rounds: for what is looked up in this process under a key that nobody else knows, as the hash tables of Rust and Python use it.
    /// Never for what is stored.
    /// </summary>
    public static UInt128 Hash13(ReadOnlySpan<byte> data, UInt128 key) => Hash(data, key, compressions: 1, finalizations: 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static UInt128 Hash(ReadOnlySpan<byte> data, UInt128 key, int compressions, int finalizations)
    {
        ulong key0 = (ulong)key;
        ulong key1 = (ulong)(key >> 64);
        ulong v0 = 0x736f6d6570736575 ^ key0;
        ulong v1 = 0x646f72616e646f6d ^ key1 ^ 0xee;
        ulong v2 = 0x6c7967656e657261 ^ key0;
        ulong v3 = 0x7465646279746573 ^ key1;

        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (ulong word in words)
        {
            v3 ^= word;
            Rounds(compressions, ref v0, ref v1, ref v2, ref v3);
            v0 ^= word;
        }

        ulong last = (ulong)data.Length << 56;
        ReadOnlySpan<byte> tail = data[(words.Length * sizeof(ulong))..];
        if (words.Length > 0 && tail.Length > 0)
        {
            // The last eight bytes without those that have been hashed.
            last |= BinaryPrimitives.ReadUInt64LittleEndian(data[^sizeof(ulong)..]) >> (8 * (sizeof(ulong) - tail.Length));
        }
        else
        {
            for (int index = 0; index < tail.Length; index++)
            {
                last |= (ulong)tail[index] << (8 * index);
            }
        }
        v3 ^= last;
        Rounds(compressions, ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;

        v2 ^= 0xee;
        Rounds(finalizations, ref v0, ref v1, ref v2, ref v3);
        ulong low = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= 0xdd;
        Rounds(finalizations, ref v0, ref v1, ref v2, ref v3);
        return new UInt128(v0 ^ v1 ^ v2 ^ v3, low);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rounds(int count, ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        for (int round = 0; round < count; round++)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
