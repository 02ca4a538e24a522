using System.Numerics;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Otlp.Hashing;

namespace SloEngine.Otlp.Tests.Hashing;

public sealed class SipHash128Tests
{
    /// <summary>vectors_sip128 of the reference implementation: key 00..0f, message 00..(length - 1).</summary>
    [Theory]
    [InlineData(0, "a3817f04ba25a8e66df67214c7550293")]
    [InlineData(1, "da87c1d86b99af44347659119b22fc45")]
    [InlineData(2, "8177228da4a45dc7fca38bdef60affe4")]
    [InlineData(3, "9c70b60c5267a94e5f33b6b02985ed51")]
    [InlineData(4, "f88164c12d9c8faf7d0f6e7c7bcd5579")]
    [InlineData(5, "1368875980776f8854527a07690e9627")]
    [InlineData(6, "14eeca338b208613485ea0308fd7a15e")]
    [InlineData(7, "a1f1ebbed8dbc153c0b84aa61ff08239")]
    [InlineData(8, "3b62a9ba6258f5610f83e264f31497b4")]
    [InlineData(9, "264499060ad9baabc47f8b02bb6d71ed")]
    [InlineData(15, "5493e99933b0a8117e08ec0f97cfc3d9")]
    [InlineData(16, "6ee2a4ca67b054bbfd3315bf85230577")]
    [InlineData(17, "473d06e8738db89854c066c47ae47740")]
    [InlineData(31, "2939b0183223fafc1723de4f52c43d35")]
    [InlineData(32, "7c3956ca5eeafc3e363e9d556546eb68")]
    [InlineData(47, "e61c432b720b19d18ec8d84bdc63151b")]
    [InlineData(63, "5150d1772f50834a503e069a973fbd7c")]
    public void Published_vectors_are_met(int length, string expected)
    {
        byte[] bytes = [.. Enumerable.Range(0, 64).Select(value => (byte)value)];
        UInt128 key = MemoryMarshal.Read<UInt128>(bytes);

        UInt128 hash = SipHash128.Hash(bytes.AsSpan(0, length), key);

        Assert.Equal(expected, Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in hash))));
    }

    [Fact]
    public void A_message_that_starts_off_a_word_boundary_hashes_the_same()
    {
        byte[] shifted = [0xff, .. Enumerable.Range(0, 40).Select(value => (byte)value)];

        Assert.Equal(SipHash128.Hash(shifted.AsSpan(1).ToArray(), 7), SipHash128.Hash(shifted.AsSpan(1), 7));
    }

    /// <summary>Written from the paper, a byte at a time: there are no published vectors of 1-3 with 128 bits.</summary>
    [Fact]
    public void Fewer_rounds_are_the_same_function_with_fewer_rounds() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll<byte[], ulong, ulong>((data, key0, key1) =>
        {
            var key = new UInt128(key1, key0);
            Assert.Equal(ByThePaper(data, key, 2, 4), SipHash128.Hash(data, key));
            Assert.Equal(ByThePaper(data, key, 1, 3), SipHash128.Hash13(data, key));
        }));

    private static UInt128 ByThePaper(byte[] data, UInt128 key, int c, int d)
    {
        (ulong k0, ulong k1) = ((ulong)key, (ulong)(key >> 64));
        ulong[] v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573];
        byte[] padded = [.. data, .. new byte[7 - (data.Length % 8)], (byte)data.Length];
        foreach (byte[] word in padded.Chunk(8))
        {
            ulong m = word.Select((value, index) => (ulong)value << (8 * index)).Aggregate((all, one) => all | one);
            v[3] ^= m;
            Round(v, c);
            v[0] ^= m;
        }
        v[2] ^= 0xee;
        Round(v, d);
        ulong low = v[0] ^ v[1] ^ v[2] ^ v[3];
        v[1] ^= 0xdd;
        Round(v, d);
        return new UInt128(v[0] ^ v[1] ^ v[2] ^ v[3], low);
    }

    private static void Round(ulong[] v, int times)
    {
        for (int round = 0; round < times; round++)
        {
            v[0] += v[1];
            v[2] += v[3];
            v[1] = BitOperations.RotateLeft(v[1], 13) ^ v[0];
            v[3] = BitOperations.RotateLeft(v[3], 16) ^ v[2];
            v[0] = BitOperations.RotateLeft(v[0], 32);
            v[2] += v[1];
            v[0] += v[3];
            v[1] = BitOperations.RotateLeft(v[1], 17) ^ v[2];
            v[3] = BitOperations.RotateLeft(v[3], 21) ^ v[0];
            v[2] = BitOperations.RotateLeft(v[2], 32);
        }
    }
}
