using FsCheck;
using FsCheck.Fluent;
using SloEngine.Otlp.Hashing;

namespace SloEngine.Otlp.Tests.Hashing;

/// <summary>Texts that differ in anything have different hashes, wherever they lie in memory, and hashes look as if they were drawn.</summary>
public sealed class IdentityHashTests
{
    [Fact]
    public void Hashes_are_of_the_text_and_not_of_where_it_lies() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll<byte[], byte, ulong>((data, shift, key) =>
        {
            byte[] elsewhere = [.. new byte[shift], .. data, 1, 2, 3];

            Assert.Equal(IdentityHash.Hash(data, key), IdentityHash.Hash(elsewhere.AsSpan(shift, data.Length), key));
        }));

    [Fact]
    public void Every_byte_of_every_length_the_length_itself_and_the_key_count()
    {
        var seen = new HashSet<UInt128>();
        int hashed = 0;
        var random = new Random(7);
        for (int length = 0; length < 1200; length = length < 70 ? length + 1 : length + random.Next(1, 40))
        {
            byte[] data = new byte[length];
            Add(data, key: 1);
            Add(data, key: 2);
            for (int at = 0; at < length; at++)
            {
                data[at] = 1;
                Add(data, key: 1);
                data[at] = 0;
            }
        }
        Assert.Equal(hashed, seen.Count);

        void Add(byte[] data, UInt128 key)
        {
            hashed++;
            seen.Add(IdentityHash.Hash(data, key));
        }
    }

    [Fact]
    public void Blocks_that_change_places_make_another_hash()
    {
        byte[] blocks = [.. Enumerable.Range(0, 96).Select(static at => (byte)(at / 16))];
        byte[] swapped = [.. blocks[16..32], .. blocks[..16], .. blocks[32..]];

        Assert.NotEqual(IdentityHash.Hash(blocks, 0), IdentityHash.Hash(swapped, 0));
    }

    /// <summary>Tables take their slots from a few bits: numbers that follow each other fill them as drawn ones would.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(56)]
    [InlineData(112)]
    public void Any_few_bits_are_spread_evenly(int shift)
    {
        int[] slots = new int[256];
        for (int number = 0; number < 256 * 400; number++)
        {
            slots[(byte)(IdentityHash.Hash(BitConverter.GetBytes(number), 3) >> shift)]++;
        }
        double chiSquared = slots.Sum(count => Math.Pow(count - 400, 2) / 400);

        // 255 degrees of freedom: more than 400 once in 10^8 runs.
        Assert.InRange(chiSquared, 140, 400);
    }
}
