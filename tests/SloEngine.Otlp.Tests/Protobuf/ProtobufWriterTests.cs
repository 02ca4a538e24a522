using Google.Protobuf;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Tests.Protobuf;

public sealed class ProtobufWriterTests
{
    /// <summary>Messages around the sizes where a length takes another byte, alone and within each other.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(125)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_383)]
    [InlineData(16_384)]
    [InlineData(2_097_152)]
    public void Nested_messages_are_written_as_other_encoders_write_them(int size)
    {
        byte[] content = new byte[size];
        Random.Shared.NextBytes(content);
        var writer = new ProtobufWriter();
        int outer = writer.Begin(1);
        writer.Bytes(2, content);
        int inner = writer.Begin(3);
        writer.Bytes(4, content);
        writer.End(inner);
        writer.Varint(5, 7);
        writer.End(outer);
        writer.Varint(6, 8);

        byte[] innermost = Written(output => Field(output, 4, content));
        byte[] within = Written(output =>
        {
            Field(output, 2, content);
            Field(output, 3, innermost);
            output.WriteTag(5, WireFormat.WireType.Varint);
            output.WriteUInt64(7);
        });
        byte[] expected = Written(output =>
        {
            Field(output, 1, within);
            output.WriteTag(6, WireFormat.WireType.Varint);
            output.WriteUInt64(8);
        });
        Assert.True(expected.AsSpan().SequenceEqual(writer.Written.Span));
    }

    private static void Field(CodedOutputStream output, int number, byte[] content)
    {
        output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(content));
    }

    private static byte[] Written(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            write(output);
        }
        return bytes.ToArray();
    }
}
