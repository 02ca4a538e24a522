using System.Runtime.InteropServices;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Traces;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Otlp.Tests.Traces;

public sealed class TracesDecoderTests : IDisposable
{
    private readonly ResourceLog _resources = new();
    private readonly SpanBlock _block = new();

    public void Dispose() => _block.Dispose();

    [Fact]
    public void A_span_keeps_everything_it_carries()
    {
        Assert.Equal(new DecodeResult(1, 0, null), Decode(RichSpans()));

        Assert.Equal(TraceId, MemoryMarshal.AsBytes(_block.TraceIds.Values).ToArray());
        Assert.Equal(SpanId, MemoryMarshal.AsBytes(_block.SpanIds.Values).ToArray());
        Assert.Equal([8, 7, 6, 5, 4, 3, 2, 1], MemoryMarshal.AsBytes(_block.ParentSpanIds.Values).ToArray());
        Assert.Equal(("GET /", "vendor=1", "timed out"), (_block.Names.Text(0), _block.TraceStates.Text(0), _block.StatusMessages.Text(0)));
        Assert.Equal((2, 2, 1u), (_block.Kinds[0], _block.StatusCodes[0], _block.Flags[0]));
        Assert.Equal(((long)Time, 250L), (_block.StartNanos[0], _block.DurationNanos[0]));
        Assert.Equal("GET", ColumnText.Row(_block.Attributes, 0)["http.request.method"]);
        Assert.Equal(("shop", "meter"), (_resources.Resources[_block.Resources[0]].Resource["service.name"], _resources.Resources[0].Scope));
    }

    [Fact]
    public void Events_and_links_belong_to_their_span()
    {
        Decode(RichSpans());
        Decode(Request(Minimal()));
        Decode(RichSpans());

        Assert.Equal([1, 1, 2], _block.EventEnds.Values.ToArray());
        Assert.Equal([1, 1, 2], _block.LinkEnds.Values.ToArray());
        Assert.Equal(("exception", (long)Time + 100), (_block.Events.Names.Text(1), _block.Events.TimeNanos[1]));
        Assert.Equal("Timeout", ColumnText.Row(_block.Events.Attributes, 1)["exception.type"]);
        Assert.Equal("linked=1", _block.Links.TraceStates.Text(0));
        Assert.Equal("retry", ColumnText.Row(_block.Links.Attributes, 0)["reason"]);
    }

    [Theory]
    [InlineData("trace", "trace_id is not 16 bytes with one that is not zero")]
    [InlineData("zero trace", "trace_id is not 16 bytes with one that is not zero")]
    [InlineData("span", "span_id is not 8 bytes with one that is not zero")]
    [InlineData("parent", "parent_span_id is not 8 bytes")]
    [InlineData("start", "start_time_unix_nano is missing")]
    public void A_span_that_makes_no_sense_is_rejected_and_leaves_nothing(string fault, string reason)
    {
        Action<ProtobufWriter> wrong = span =>
        {
            span.Attribute(9, "left", "behind");
            span.Message(11, spanEvent => spanEvent.Attribute(3, "left", "behind"));
            span.Message(13, link => link.Attribute(4, "left", "behind"));
            span.Bytes(1, fault == "trace" ? [1, 2] : fault == "zero trace" ? new byte[16] : TraceId);
            span.Bytes(2, fault == "span" ? new byte[8] : SpanId);
            span.Bytes(4, fault == "parent" ? [1] : []);
            span.Fixed64(7, fault == "start" ? 0 : Time);
        };

        DecodeResult result = Decode(Request(Minimal(), wrong, Minimal()));

        Assert.Equal(new DecodeResult(2, 1, $"resource_spans[0].scope_spans[0].spans[1]: {reason}"), result);
        Assert.Equal((2, 0, 0, 0), (_block.Count, _block.Events.Count, _block.Links.Count, _block.Attributes.Keys.Count));
        Assert.Equal(0, _block.Events.Attributes.Keys.Count + _block.Links.Attributes.Keys.Count);
    }

    [Theory]
    [InlineData(Time - 1)]
    [InlineData(0ul)]
    [InlineData(1ul << 63)]
    public void A_span_that_does_not_end_after_its_start_lasts_no_time(ulong end)
    {
        Decode(Request(span =>
        {
            Minimal()(span);
            span.Fixed64(8, end);
        }));

        Assert.Equal(0, _block.DurationNanos[0]);
    }

    [Fact]
    public void A_malformed_request_takes_everything_back()
    {
        Decode(RichSpans());
        byte[] request = Request(Minimal(), span =>
        {
            Minimal()(span);
            span.Message(11, spanEvent =>
            {
                spanEvent.Attribute(3, "half", "done");
                spanEvent.Varint(2, 1);
            });
        });

        OtlpFormatException malformed = Assert.Throws<OtlpFormatException>(() => Decode(request));

        Assert.StartsWith("resource_spans[0].scope_spans[0].spans[1]: field 2 has wire type Varint, expected LengthDelimited at byte ", malformed.Message, StringComparison.Ordinal);
        Assert.Equal((1, 1, 1), (_block.Count, _block.Events.Count, _block.Events.Attributes.Keys.Count));
        Decode(RichSpans());
        Assert.Equal("Timeout", ColumnText.Row(_block.Events.Attributes, 1)["exception.type"]);
    }

    [Fact]
    public void Blocks_append_with_events_and_links_moved()
    {
        using var all = new SpanBlock();
        Decode(RichSpans());

        all.Append(_block);
        all.Append(_block);

        Assert.Equal([1, 2], all.EventEnds.Values.ToArray());
        Assert.Equal([1, 2], all.LinkEnds.Values.ToArray());
        Assert.Equal("GET", ColumnText.Row(all.Attributes, 1)["http.request.method"]);
    }

    private static Action<ProtobufWriter> Minimal() => span =>
    {
        span.Bytes(1, TraceId);
        span.Bytes(2, SpanId);
        span.Fixed64(7, Time);
    };

    private DecodeResult Decode(byte[] request) => new TracesDecoder(_resources, 1).Decode(request, _block);
}
