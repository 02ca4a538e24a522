using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using AesRound = System.Runtime.Intrinsics.X86.Aes;

namespace SloEngine.Otlp.Hashing;

/// <summary>
/// Keyed hash with 128 bits of what is looked up in this process, such as the attributes of a series; another process makes others. Each block of a text goes
/// through four rounds of AES under secret keys, at a secret offset of its own, and all are added up, as in PMAC. Two texts that differ in one block meet with a chance of
/// 2^-113 at most (Minematsu and Tsunoo, "Provably Secure MACs from Differentially-Uniform Permutations and AES-Based Implementations", FSE 2006); for several blocks, which
/// share their round keys, that is no proof. Senders never see a hash. Where the processor has no AES it is SipHash-1-3. Hashes chain by passing one hash as the key of the
/// next. Never for what is stored.
/// </summary>
public static class IdentityHash
{
    private const int BlockBytes = 16;

    /// <summary>Blocks with an offset of their own; longer texts are hashed in pieces of so many.</summary>
    private const int Blocks = 32;

    private static readonly Vector128<byte> Round1 = Secret();
    private static readonly Vector128<byte> Round2 = Secret();
    private static readonly Vector128<byte> Round3 = Secret();
    private static readonly Vector128<byte> KeyOffset = Secret();
    private static readonly Vector128<byte>[] Offsets = [.. Enumerable.Range(0, Blocks).Select(static _ => Secret())];

    /// <summary>Hash of <paramref name="data"/> under <paramref name="key"/>.</summary>
    public static UInt128 Hash(ReadOnlySpan<byte> data, UInt128 key)
    {
        if (!AesRound.IsSupported)
        {
            return SipHash128.Hash13(data, key);
        }
        while (data.Length > Blocks * BlockBytes)
        {
            key = Piece(data[..(Blocks * BlockBytes)], key);
            data = data[(Blocks * BlockBytes)..];
        }
        return Piece(data, key);
    }

    /// <summary>
    /// The sum of all blocks, each put through four rounds, and with the length once more. The last block is the last bytes, some of which another may have had.
    /// </summary>
    private static UInt128 Piece(ReadOnlySpan<byte> data, UInt128 key)
    {
        // Made of its halves: a cast reads at once what was stored as two, which waits for both to leave the processor's store buffer, longer than all rounds take.
        Vector128<byte> sum = Rounds(Vector128.Create((ulong)key, (ulong)(key >> 64)).AsByte() ^ KeyOffset);
        if (data.Length < BlockBytes)
        {
            sum ^= Rounds(Short(data) ^ Offsets[0]);
        }
        else
        {
            ref byte bytes = ref MemoryMarshal.GetReference(data);
            ref Vector128<byte> offset = ref MemoryMarshal.GetArrayDataReference(Offsets);
            int last = data.Length - BlockBytes;
            int block = 0;
            for (int at = 0; at < last; at += BlockBytes)
            {
                sum ^= Rounds(Vector128.LoadUnsafe(ref bytes, (nuint)at) ^ Unsafe.Add(ref offset, block++));
            }
            sum ^= Rounds(Vector128.LoadUnsafe(ref bytes, (nuint)last) ^ Unsafe.Add(ref offset, block));
        }
        return Unsafe.BitCast<Vector128<byte>, UInt128>(Rounds(sum ^ Vector128.CreateScalar((uint)data.Length).AsByte()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Rounds(Vector128<byte> block) =>
        AesRound.Encrypt(AesRound.Encrypt(AesRound.Encrypt(AesRound.Encrypt(block, Round1), Round2), Round3), Vector128<byte>.Zero);

    /// <summary>A block of what is shorter than one; no two of one length are the same.</summary>
    private static Vector128<byte> Short(ReadOnlySpan<byte> data)
    {
        if (data.Length >= sizeof(ulong))
        {
            return Vector128.Create(BinaryPrimitives.ReadUInt64LittleEndian(data), BinaryPrimitives.ReadUInt64LittleEndian(data[^sizeof(ulong)..])).AsByte();
        }
        if (data.Length >= sizeof(uint))
        {
            return Vector128.Create(BinaryPrimitives.ReadUInt32LittleEndian(data), BinaryPrimitives.ReadUInt32LittleEndian(data[^sizeof(uint)..]), 0, 0).AsByte();
        }
        uint all = 0;
        foreach (byte one in data)
        {
            all = (all << 8) | one;
        }
        return Vector128.Create(all, 0, 0, 0).AsByte();
    }

    private static Vector128<byte> Secret() => Vector128.Create(RandomNumberGenerator.GetBytes(BlockBytes));
}
