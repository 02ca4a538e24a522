using System.Text;
using System.Text.Json;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Otlp.Tests.Common;

public sealed class AttributeReaderTests
{
    [Theory]
    [InlineData("text", AttributeType.Text, "hello")]
    [InlineData("true", AttributeType.Boolean, "true")]
    [InlineData("false", AttributeType.Boolean, "false")]
    [InlineData("integer", AttributeType.Integer, "-9223372036854775808")]
    [InlineData("double", AttributeType.Double, "0.1")]
    [InlineData("infinity", AttributeType.Double, "Infinity")]
    [InlineData("bytes", AttributeType.Bytes, "AQL/")]
    [InlineData("array", AttributeType.Array, """["a",1,2.5,true,null,{"k":[]},"AQI=","NaN"]""")]
    [InlineData("map", AttributeType.KeyValues, """{"a":{"b":"c"},"none":null}""")]
    [InlineData("empty", AttributeType.Empty, "")]
    public void Each_type_of_value_has_its_text(string kind, AttributeType type, string text)
    {
        Action<ProtobufWriter> write = kind switch
        {
            "text" => value => value.Text(1, "hello"),
            "true" => value => value.Varint(2, 1),
            "false" => value => value.Varint(2, 0),
            "integer" => value => value.Varint(3, 1ul << 63),
            "double" => value => value.Double(4, 0.1),
            "infinity" => value => value.Double(4, double.PositiveInfinity),
            "bytes" => value => value.Bytes(7, [1, 2, 255]),
            "array" => value => value.Message(5, array =>
            {
                array.Message(1, item => item.Text(1, "a"));
                array.Message(1, item => item.Varint(3, 1));
                array.Message(1, item => item.Double(4, 2.5));
                array.Message(1, item => item.Varint(2, 1));
                array.Message(1, _ => { });
                array.Message(1, item => item.Message(6, map => map.Attribute(1, "k", inner => inner.Message(5, _ => { }))));
                array.Message(1, item => item.Bytes(7, [1, 2]));
                array.Message(1, item => item.Double(4, double.NaN));
            }),
            "map" => value => value.Message(6, map =>
            {
                map.Attribute(1, "a", inner => inner.Message(6, nested => nested.Attribute(1, "b", "c")));
                map.Message(1, pair => pair.Text(1, "none"));
            }),
            _ => _ => { },
        };

        Assert.Equal((text, type), Read(write));
    }

    [Fact]
    public void A_nested_value_given_twice_counts_once_and_the_last_one_wins()
    {
        (string text, _) = Read(value => value.Message(6, map => map.Attribute(1, "k", inner =>
        {
            inner.Text(1, "first");
            inner.Varint(3, 2);
            inner.Varint(99, 1);
        })));

        Assert.Equal("""{"k":2}""", text);
    }

    [Fact]
    public void Text_that_is_no_utf8_has_the_replacement_character()
    {
        Assert.Equal(("a\uFFFDb", AttributeType.Text), Read(value => value.Bytes(1, [(byte)'a', 0xff, (byte)'b'])));
        Assert.Equal(("""["\uFFFD"]""", AttributeType.Array), Read(value => value.Message(5, array => array.Message(1, item => item.Bytes(1, [0xc3])))), JsonText);
    }

    [Fact]
    public void Nesting_ends_at_its_limit()
    {
        (string text, _) = Read(Nested(AttributeReader.MaxDepth));
        Assert.Equal(new string('[', AttributeReader.MaxDepth) + new string(']', AttributeReader.MaxDepth), text);

        OtlpFormatException tooDeep = Assert.Throws<OtlpFormatException>(() => Read(Nested(AttributeReader.MaxDepth + 1)));
        Assert.Equal("values are nested deeper than 16", tooDeep.Problem);
    }

    private static Action<ProtobufWriter> Nested(int depth) =>
        value => value.Message(5, array =>
        {
            if (depth > 1)
            {
                array.Message(1, Nested(depth - 1));
            }
        });

    private static bool JsonText((string Text, AttributeType Type) expected, (string Text, AttributeType Type) actual) =>
        expected.Type == actual.Type
        && JsonElement.DeepEquals(JsonDocument.Parse(expected.Text).RootElement, JsonDocument.Parse(actual.Text).RootElement);

    private static (string Text, AttributeType Type) Read(Action<ProtobufWriter> value)
    {
        using AttributesColumn column = AttributeSet.Decode(Encode(message => message.Attribute(1, "key", value)), 1);
        Assert.Equal("key", column.Keys.Text(0));
        return (Encoding.UTF8.GetString(column.Values[0]), (AttributeType)column.Types[0]);
    }
}
