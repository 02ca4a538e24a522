using System.Runtime.InteropServices;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Otlp.Tests.Logs;

public sealed class LogsDecoderTests : IDisposable
{
    private readonly ResourceLog _resources = new();
    private readonly LogBlock _block = new();

    public void Dispose() => _block.Dispose();

    [Fact]
    public void A_record_keeps_everything_it_carries()
    {
        Assert.Equal(new DecodeResult(1, 0, null), Decode(RichLogs()));

        Assert.Equal(((long)Time, (long)Time + 5), (_block.TimeNanos[0], _block.ObservedNanos[0]));
        Assert.Equal((17, "ERROR", "payment.refused"), (_block.Severities[0], _block.SeverityTexts.Text(0), _block.EventNames.Text(0)));
        Assert.Equal("""{"message":"card refused"}""", _block.Bodies.Text(0));
        Assert.Equal((byte)AttributeType.KeyValues, _block.BodyTypes[0]);
        Assert.Equal("42", ColumnText.Row(_block.Attributes, 0)["order"]);
        Assert.Equal(TraceId, MemoryMarshal.AsBytes(_block.TraceIds.Values).ToArray());
        Assert.Equal(SpanId, MemoryMarshal.AsBytes(_block.SpanIds.Values).ToArray());
        Assert.Equal(1u, _block.Flags[0]);
        Assert.Equal("shop", _resources.Resources[_block.Resources[0]].Resource["service.name"]);
    }

    [Fact]
    public void A_record_without_time_has_the_observed_one_and_else_the_clock()
    {
        Decode(Request(record => record.Fixed64(11, Time), _ => { }));

        Assert.Equal([(long)Time, Now.ToUnixTimeMilliseconds() * 1_000_000], _block.TimeNanos.Values.ToArray());
        Assert.Equal((byte)AttributeType.Empty, _block.BodyTypes[1]);
    }

    [Theory]
    [InlineData("severity", "severity_number 25 is outside 0..24")]
    [InlineData("trace", "trace_id has 3 bytes, expected 16")]
    [InlineData("span", "span_id has 3 bytes, expected 8")]
    [InlineData("time", "time_unix_nano is past the year 2262")]
    public void A_record_that_makes_no_sense_is_rejected_and_leaves_nothing(string fault, string reason)
    {
        Action<ProtobufWriter> good = record => record.Message(5, body => body.Text(1, "good"));
        Action<ProtobufWriter> wrong = record =>
        {
            record.Message(5, body => body.Text(1, "left behind"));
            record.Attribute(6, "left", "behind");
            record.Fixed64(1, fault == "time" ? ulong.MaxValue : Time);
            record.Varint(2, fault == "severity" ? 25u : 9);
            record.Bytes(9, fault == "trace" ? [1, 2, 3] : TraceId);
            record.Bytes(10, fault == "span" ? [1, 2, 3] : SpanId);
        };

        DecodeResult result = Decode(Request(good, wrong, good));

        Assert.Equal(new DecodeResult(2, 1, $"resource_logs[0].scope_logs[0].log_records[1]: {reason}"), result);
        Assert.Equal((2, 2, 0), (_block.Count, _block.Bodies.Count, _block.Attributes.Keys.Count));
        Assert.Equal("good", _block.Bodies.Text(1));
    }

    [Fact]
    public void A_malformed_request_takes_everything_back()
    {
        Decode(RichLogs());
        byte[] request = Request(record => record.Fixed64(1, Time), record =>
        {
            record.Message(5, body => body.Text(1, "half"));
            record.Attribute(6, "half", "done");
            record.Fixed32(1, 0);
        });

        OtlpFormatException malformed = Assert.Throws<OtlpFormatException>(() => Decode(request));

        Assert.StartsWith("resource_logs[0].scope_logs[0].log_records[1]: field 1 has wire type Fixed32, expected Fixed64 at byte ", malformed.Message, StringComparison.Ordinal);
        Assert.Equal((1, 1, 1), (_block.Count, _block.Bodies.Count, _block.Attributes.Keys.Count));
    }

    [Fact]
    public void Blocks_append_with_attributes_moved()
    {
        using var all = new LogBlock();
        Decode(RichLogs());

        all.Append(_block);
        all.Append(_block);

        Assert.Equal("42", ColumnText.Row(all.Attributes, 1)["order"]);
        Assert.Equal(_block.Bodies.Text(0), all.Bodies.Text(1));
    }

    [Theory]
    [InlineData("short enough", "short enough", null)]
    [InlineData("a line that is far too long", "a line that ", "27")]
    [InlineData("eleven then\u20AC\u20AC", "eleven then", "17")]
    public void A_body_over_the_limit_is_cut_between_characters_and_says_how_long_it_was(string body, string kept, string? cutFrom)
    {
        byte[] request = Request(record =>
        {
            record.Fixed64(1, Time);
            record.Message(5, value => value.Text(1, body));
            record.Attribute(6, "order", "42");
        });

        DecodeResult result = new LogsDecoder(_resources, 1, new FixedClock(), maxBodyBytes: 12).Decode(request, _block);

        Assert.Equal((1, 0), (result.Accepted, result.Rejected));
        Assert.Equal(kept, _block.Bodies.Text(0));
        Assert.Equal(cutFrom, ColumnText.Row(_block.Attributes, 0).GetValueOrDefault(LogsDecoder.CutFrom));
    }

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_750_000_000);

    private DecodeResult Decode(byte[] request) => new LogsDecoder(_resources, 1, new FixedClock()).Decode(request, _block);

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }
}
