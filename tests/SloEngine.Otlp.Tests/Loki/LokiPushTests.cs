using System.Text;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Loki;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Otlp.Tests.Loki;

/// <summary>Loki's push requests, read back through the decoder that stores them.</summary>
public sealed class LokiPushTests
{
    private const string Trace = "0102030405060708090a0b0c0d0e0f10";

    [Fact]
    public void Json_becomes_log_records_with_level_trace_and_metadata()
    {
        using LogBlock block = Decode(LokiPush.FromJson(Encoding.UTF8.GetBytes($$$"""
            {"streams":[{"stream":{"service_name":"shop","level":"warn","env":"eu"},
             "values":[["1700000000000000001","slow \"cart\"",{"trace_id":"{{{Trace}}}","user":"u1"}],["1700000000000000002","again"]]}]}
            """)));

        Check(block);
    }

    [Fact]
    public void Protobuf_becomes_the_same()
    {
        using LogBlock block = Decode(LokiPush.FromProtobuf(Encode(request => request.Message(1, stream =>
        {
            stream.Text(1, """{service_name="shop", level="warn",env="eu"}""");
            stream.Message(2, entry =>
            {
                Time(entry, 1);
                entry.Text(2, "slow \"cart\"");
                Pair(entry, "trace_id", Trace);
                Pair(entry, "user", "u1");
            });
            stream.Message(2, entry =>
            {
                Time(entry, 2);
                entry.Text(2, "again");
            });
        }))));

        Check(block);
    }

    [Theory]
    [InlineData("[]", "$: expected")]
    [InlineData("""{"streams":[{"stream":{}}]}""", "$.streams[0]")]
    [InlineData("""{"streams":[{"stream":{"a":1},"values":[]}]}""", "$.streams[0].stream.a")]
    [InlineData("""{"streams":[{"stream":{},"values":[["x","line"]]}]}""", "$.streams[0].values[0][0]: 'x'")]
    [InlineData("""{"streams":[{"stream":{},"values":[["1"]]}]}""", "$.streams[0].values[0]")]
    [InlineData("{", "not valid JSON at line 1")]
    public void What_is_no_push_request_is_refused_with_the_place(string json, string place)
    {
        OtlpFormatException refused = Assert.Throws<OtlpFormatException>(() => LokiPush.FromJson(Encoding.UTF8.GetBytes(json)));

        Assert.Contains(place, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{a="\x1b[0m"}""", "\u001b[0m")]
    [InlineData("""{a="\a\b\f\n\r\t\v\\\"'"}""", "\a\b\f\n\r\t\v\\\"'")]
    [InlineData("""{a="\303\251\u00e9\U0001F600"}""", "éé😀")]
    [InlineData("""{a="\xff"}""", "\uFFFD")]
    [InlineData("""{a="\q"}""", null)]
    [InlineData("""{a="\x1"}""", null)]
    [InlineData("""{a="\ud800"}""", null)]
    [InlineData("""{a="\389"}""", null)]
    public void Escapes_of_labels_are_those_of_Go(string labels, string? value)
    {
        ReadOnlyMemory<byte> Push() => LokiPush.FromProtobuf(Encode(request => request.Message(1, stream =>
        {
            stream.Text(1, labels);
            stream.Message(2, entry => Time(entry, 1));
        })));
        if (value is null)
        {
            Assert.Contains("expected a quoted value", Assert.Throws<OtlpFormatException>(() => Push()).Message, StringComparison.Ordinal);
            return;
        }
        Assert.True(Push().Span.IndexOf(Encoding.UTF8.GetBytes(value)) >= 0);
    }

    [Theory]
    [InlineData("app=\"x\"", "character 1: expected '{'")]
    [InlineData("{app=x}", "character 6: expected '\"'")]
    [InlineData("{app=\"x\" b=\"y\"}", "character 10: expected ','")]
    [InlineData("{=\"x\"}", "a label's name")]
    [InlineData("{app=\"x", "expected '\"'")]
    public void Labels_that_do_not_read_are_refused_with_the_place(string labels, string expected)
    {
        OtlpFormatException refused = Assert.Throws<OtlpFormatException>(() =>
            LokiPush.FromProtobuf(Encode(request => request.Message(1, stream => stream.Text(1, labels)))));

        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    private static void Check(LogBlock block)
    {
        Assert.Equal(2, block.Count);
        Assert.Equal(["slow \"cart\"", "again"], new[] { 0, 1 }.Select(row => Encoding.UTF8.GetString(block.Bodies[row])));
        Assert.Equal([1_700_000_000_000_000_001, 1_700_000_000_000_000_002], block.TimeNanos.Values.ToArray());
        Assert.Equal([13, 13], block.Severities.Values.ToArray().Select(severity => (int)severity));
        Assert.True(block.Attributes.TryGet(0, "user"u8, out ReadOnlySpan<byte> user));
        Assert.Equal("u1", Encoding.UTF8.GetString(user));
        Assert.False(block.Attributes.TryGet(0, "trace_id"u8, out _));
    }

    private static LogBlock Decode(ReadOnlyMemory<byte> request)
    {
        var block = new LogBlock();
        var resources = new Resources();
        new LogsDecoder(resources, 7, TimeProvider.System).Decode(request.Span, block);
        Assert.Contains("service.name", resources.Text, StringComparison.Ordinal);
        Assert.Contains("shop", resources.Text, StringComparison.Ordinal);
        Assert.Contains("level", resources.Text, StringComparison.Ordinal);
        return block;
    }

    private static void Time(ProtobufWriter entry, ulong nanos) => entry.Message(1, time =>
    {
        time.Varint(1, 1_700_000_000);
        time.Varint(2, nanos);
    });

    private static void Pair(ProtobufWriter entry, string name, string value) => entry.Message(3, pair =>
    {
        pair.Text(1, name);
        pair.Text(2, value);
    });

    private sealed class Resources : IResourceIndex
    {
        public string Text { get; private set; } = "";

        public bool TryGet(UInt128 identity, out int resource)
        {
            resource = 0;
            return false;
        }

        public int Register(in RawResource resource, out string? rejection)
        {
            rejection = null;
            Text = Encoding.UTF8.GetString(resource.Resource);
            return 0;
        }
    }
}
