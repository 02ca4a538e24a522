using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Tests.Protobuf;

/// <summary>Varints are what another implementation writes, wherever they stand in a message.</summary>
public sealed class ProtobufReaderTests
{
    [Fact]
    public void Varints_of_every_length_are_read_whatever_follows() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll<ulong, byte, byte[]>((bits, length, rest) =>
        {
            ulong value = bits * 0x9E37_79B9_7F4A_7C15 >> (length % 64);
            using var written = new MemoryStream();
            using (var output = new CodedOutputStream(written, leaveOpen: true))
            {
                output.WriteUInt64(value);
            }
            int end = (int)written.Length;
            written.Write(rest);

            var reader = new ProtobufReader(written.ToArray());

            Assert.Equal(value, reader.Varint());
            Assert.Equal(end, reader.Position);
        }));

    [Theory]
    [InlineData("8000", 0UL, 2)]
    [InlineData("81808080808000FF", 1UL, 7)]
    [InlineData("FFFFFFFFFFFFFFFFFF01", ulong.MaxValue, 10)]
    [InlineData("80808080808080800100", 1UL << 56, 9)]
    public void Varints_need_not_be_the_shortest(string bytes, ulong value, int length)
    {
        var reader = new ProtobufReader(Convert.FromHexString(bytes));

        Assert.Equal(value, reader.Varint());
        Assert.Equal(length, reader.Position);
    }

    [Theory]
    [InlineData("80", "ends inside a varint")]
    [InlineData("80808080808080", "ends inside a varint")]
    [InlineData("8080808080808080808001", "longer than 10 bytes")]
    public void Varints_that_do_not_end_are_refused(string bytes, string why) =>
        Assert.Contains(
            why,
            Assert.Throws<OtlpFormatException>(() =>
            {
                var reader = new ProtobufReader(Convert.FromHexString(bytes));
                reader.Varint();
            }).Message,
            StringComparison.Ordinal);
}
