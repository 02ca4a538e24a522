using System.Runtime.InteropServices;
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
}
