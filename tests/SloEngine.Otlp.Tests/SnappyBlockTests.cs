using FsCheck;
using FsCheck.Fluent;
using IronSnappy;

namespace SloEngine.Otlp.Tests;

/// <summary>Blocks are what another implementation writes, and what is none is refused, however it is damaged.</summary>
public sealed class SnappyBlockTests
{
    [Fact]
    public void What_another_implementation_packs_is_read() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll<byte[], ushort, byte>((piece, seed, length) =>
        {
            byte[] text = Text(piece, seed, length * 40);

            Assert.Equal(text, Decode(Snappy.Encode(text)));
        }));

    [Fact]
    public void A_repeat_of_what_it_writes_itself_is_read_however_near_that_is()
    {
        var random = new Random(1);
        for (int period = 1; period <= 70; period++)
        {
            byte[] before = new byte[100];
            byte[] pattern = new byte[period];
            byte[] after = new byte[100];
            random.NextBytes(before);
            random.NextBytes(pattern);
            random.NextBytes(after);
            byte[] text = [.. before, .. Enumerable.Range(0, 300).Select(at => pattern[at % period]), .. after];

            Assert.Equal(text, Decode(Snappy.Encode(text)));
        }
    }

    [Theory]
    [InlineData("05 10 68656C6C6F", "68656C6C6F")]
    [InlineData("05 F004 68656C6C6F", "68656C6C6F")]
    [InlineData("05 F40400 68656C6C6F", "68656C6C6F")]
    [InlineData("05 F8040000 68656C6C6F", "68656C6C6F")]
    [InlineData("05 FC04000000 68656C6C6F", "68656C6C6F")]
    [InlineData("06 04 6162 0102", "616261626162")]
    [InlineData("06 04 6162 0E0200", "616261626162")]
    [InlineData("06 04 6162 0F02000000", "616261626162")]
    [InlineData("00", "")]
    public void Every_kind_of_element_is_read(string block, string text) =>
        Assert.Equal(text, Convert.ToHexString(Decode(Hex(block))));

    [Theory]
    [InlineData("", "does not begin with its length")]
    [InlineData("FFFFFFFFFF01", "does not begin with its length")]
    [InlineData("FFFFFFFF7F", "more than 32 bits")]
    [InlineData("05 10 68656C", "ends within a literal of 5 bytes")]
    [InlineData("05 F0", "ends within an element")]
    [InlineData("05 FCFFFFFFFF", "ends within a literal")]
    [InlineData("04 10 68656C6C6F", "more than the 4 bytes")]
    [InlineData("06 10 68656C6C6F", "ends after 5 of 6 bytes")]
    [InlineData("06 04 6162 0103", "repeats what is 3 bytes back, after 2")]
    [InlineData("06 04 6162 0100", "repeats what is 0 bytes back")]
    [InlineData("06 04 6162 0FFFFFFFFF", "repeats what is 4294967295 bytes back")]
    [InlineData("05 04 6162 0102", "more than the 5 bytes")]
    [InlineData("06 04 6162 01", "ends within an element")]
    public void What_is_no_block_is_refused_and_says_why(string block, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidDataException>(() => Decode(Hex(block))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_repeat_of_what_is_before_the_text_is_refused_amid_a_block()
    {
        for (byte written = 1; written <= 60; written++)
        {
            byte[] block = [.. Literal(written), .. Repeat(length: 64, offset: written + 1), .. Literal(60), .. Literal(60)];

            InvalidDataException refused = Assert.Throws<InvalidDataException>(() => SnappyBlock.Decode(block, new byte[written + 184]));

            Assert.Contains($"repeats what is {written + 1} bytes back, after {written} bytes", refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(20)]
    [InlineData(40)]
    [InlineData(64)]
    public void Nothing_is_written_behind_a_text_that_ends_amid_a_block(int repeated)
    {
        byte[] block = [.. Literal(20), .. Enumerable.Range(0, 100).SelectMany(_ => Repeat(repeated, offset: 20))];
        for (int length = 20; length < 300; length++)
        {
            byte[] guarded = new byte[400];
            guarded.AsSpan().Fill(0xA5);

            Assert.Throws<InvalidDataException>(() => SnappyBlock.Decode(block, guarded.AsSpan(0, length)));

            Assert.All(guarded[length..], spared => Assert.Equal(0xA5, spared));
        }
    }

    [Fact]
    public void Damage_is_refused_or_read_within_its_bounds() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll<byte[], (ushort Seed, ushort At, byte Mask)>((piece, damage) =>
        {
            byte[] block = Snappy.Encode(Text(piece, damage.Seed, 400));
            block[damage.At % block.Length] ^= damage.Mask;
            byte[] guarded = new byte[4096];
            guarded.AsSpan().Fill(0xA5);
            try
            {
                uint length = Math.Min(SnappyBlock.TextLength(block, out int start), 4000);
                SnappyBlock.Decode(block.AsSpan(start), guarded.AsSpan(0, (int)length));
            }
            catch (InvalidDataException)
            {
                // As it should be.
            }
            Assert.All(guarded[4000..], spared => Assert.Equal(0xA5, spared));
        }));

    private static byte[] Decode(byte[] block)
    {
        byte[] text = new byte[SnappyBlock.TextLength(block, out int start)];
        SnappyBlock.Decode(block.AsSpan(start), text);
        return text;
    }

    private static byte[] Literal(int length) => [(byte)((length - 1) << 2), .. Enumerable.Repeat((byte)'x', length)];

    private static byte[] Repeat(int length, int offset) => [(byte)(((length - 1) << 2) | 2), (byte)offset, (byte)(offset >> 8)];

    /// <summary>A text that repeats itself, near and far, with literals between.</summary>
    private static byte[] Text(byte[] piece, int seed, int length)
    {
        var random = new Random(seed);
        var text = new List<byte>();
        while (text.Count < length)
        {
            text.AddRange(random.Next(3) switch
            {
                0 => piece,
                1 => Enumerable.Repeat((byte)random.Next(256), random.Next(40)),
                _ => text.Skip(random.Next(text.Count + 1)).Take(random.Next(100)).ToArray(),
            });
            text.Add((byte)random.Next(256));
        }
        return [.. text];
    }

    private static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
