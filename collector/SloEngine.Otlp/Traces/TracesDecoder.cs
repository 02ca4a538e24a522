using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Resources;

namespace SloEngine.Otlp.Traces;

/// <summary>Decodes <c>ExportTraceServiceRequest</c> (trace_service.proto, trace.proto) into columns. Reusable, not thread-safe.</summary>
/// <param name="index">Gives out resource references.</param>
/// <param name="hashKey">Key of the raw identities.</param>
public sealed class TracesDecoder(IResourceIndex index, UInt128 hashKey)
    : ResourceItemsDecoder(index, hashKey, "resource_spans", "scope_spans", "spans")
{
    private SpanBlock _block = null!;

    /// <summary>Decodes a request into <paramref name="block"/>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="block">Takes its items.</param>
    /// <param name="rejected">What was rejected when it was decoded before, and is passed over (<see cref="ResourceItemsDecoder.RejectedItems"/>).</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message; the block is as it was.</exception>
    public DecodeResult Decode(ReadOnlySpan<byte> request, SpanBlock block, ReadOnlyMemory<byte> rejected = default)
    {
        _block = block;
        int before = block.Count;
        try
        {
            return DecodeRequest(request, rejected);
        }
        catch (OtlpFormatException)
        {
            block.Truncate(before);
            throw;
        }
    }

    private protected override string? Item(ProtobufReader span, int resource)
    {
        SpanBlock block = _block;
        int row = block.Count;
        UInt128 traceId = default;
        ulong spanId = 0;
        ulong parent = 0;
        bool hasTrace = false;
        bool hasSpan = false;
        bool validParent = true;
        ReadOnlySpan<byte> traceState = default;
        ReadOnlySpan<byte> name = default;
        ReadOnlySpan<byte> statusMessage = default;
        byte kind = 0;
        byte status = 0;
        long start = 0;
        long end = 0;
        uint flags = 0;
        uint droppedAttributes = 0;
        uint droppedEvents = 0;
        uint droppedLinks = 0;
        while (span.Next())
        {
            switch (span.Field)
            {
                case 1:
                    traceId = TraceId(span.BytesField(), out hasTrace);
                    break;
                case 2:
                    spanId = SpanId(span.BytesField(), out hasSpan);
                    break;
                case 3:
                    traceState = AttributeReader.ValidText(span.BytesField());
                    break;
                case 4:
                    ReadOnlySpan<byte> bytes = span.BytesField();
                    parent = SpanId(bytes, out validParent);
                    validParent |= bytes.IsEmpty;
                    break;
                case 5:
                    name = AttributeReader.ValidText(span.BytesField());
                    break;
                case 6:
                    kind = (byte)Math.Min(span.VarintField(), byte.MaxValue);
                    break;
                case 7:
                    start = (long)span.Fixed64Field();
                    break;
                case 8:
                    end = (long)span.Fixed64Field();
                    break;
                case 9:
                    Attributes.Read(span.MessageField(), block.Attributes);
                    break;
                case 10:
                    droppedAttributes = (uint)span.VarintField();
                    break;
                case 11:
                    Event(span.MessageField());
                    break;
                case 12:
                    droppedEvents = (uint)span.VarintField();
                    break;
                case 13:
                    Link(span.MessageField());
                    break;
                case 14:
                    droppedLinks = (uint)span.VarintField();
                    break;
                case 15:
                    Status(span.MessageField(), ref statusMessage, ref status);
                    break;
                case 16:
                    flags = span.Fixed32Field();
                    break;
                default:
                    span.Skip();
                    break;
            }
        }
        string? rejection = !hasTrace || traceId == 0 ? "trace_id is not 16 bytes with one that is not zero"
            : !hasSpan || spanId == 0 ? "span_id is not 8 bytes with one that is not zero"
            : !validParent ? "parent_span_id is not 8 bytes"
            : !Window.Contains(start) ? Window.Refusal("start_time_unix_nano", start)
            : null;
        if (rejection is not null)
        {
            block.Truncate(row);
            return rejection;
        }
        block.Attributes.EndRow();
        block.Resources.Append(resource);
        block.TraceIds.Append(traceId);
        block.SpanIds.Append(spanId);
        block.ParentSpanIds.Append(parent);
        block.TraceStates.Append(traceState);
        block.Names.Append(name);
        block.Kinds.Append(kind <= 5 ? kind : (byte)0);
        block.StartNanos.Append(start);
        block.DurationNanos.Append(end > start ? end - start : 0);
        block.StatusCodes.Append(status);
        block.StatusMessages.Append(statusMessage);
        block.Flags.Append(flags);
        block.DroppedAttributes.Append(droppedAttributes);
        block.DroppedEvents.Append(droppedEvents);
        block.DroppedLinks.Append(droppedLinks);
        block.EventEnds.Append(block.Events.Count);
        block.LinkEnds.Append(block.Links.Count);
        return null;
    }

    /// <summary><c>Span.Event</c></summary>
    private void Event(ProtobufReader message)
    {
        SpanEvents events = _block.Events;
        long timeNanos = 0;
        uint droppedAttributes = 0;
        ReadOnlySpan<byte> name = default;
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1:
                    timeNanos = (long)message.Fixed64Field();
                    break;
                case 2:
                    name = AttributeReader.ValidText(message.BytesField());
                    break;
                case 3:
                    Attributes.Read(message.MessageField(), events.Attributes);
                    break;
                case 4:
                    droppedAttributes = (uint)message.VarintField();
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
        events.TimeNanos.Append(timeNanos);
        events.Names.Append(name);
        events.Attributes.EndRow();
        events.DroppedAttributes.Append(droppedAttributes);
    }

    /// <summary><c>Span.Link</c></summary>
    private void Link(ProtobufReader message)
    {
        SpanLinks links = _block.Links;
        UInt128 traceId = default;
        ulong spanId = 0;
        uint droppedAttributes = 0;
        uint flags = 0;
        ReadOnlySpan<byte> traceState = default;
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1:
                    traceId = TraceId(message.BytesField(), out _);
                    break;
                case 2:
                    spanId = SpanId(message.BytesField(), out _);
                    break;
                case 3:
                    traceState = AttributeReader.ValidText(message.BytesField());
                    break;
                case 4:
                    Attributes.Read(message.MessageField(), links.Attributes);
                    break;
                case 5:
                    droppedAttributes = (uint)message.VarintField();
                    break;
                case 6:
                    flags = message.Fixed32Field();
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
        links.TraceIds.Append(traceId);
        links.SpanIds.Append(spanId);
        links.TraceStates.Append(traceState);
        links.Attributes.EndRow();
        links.DroppedAttributes.Append(droppedAttributes);
        links.Flags.Append(flags);
    }

    private static void Status(ProtobufReader message, ref ReadOnlySpan<byte> text, ref byte code)
    {
        while (message.Next())
        {
            switch (message.Field)
            {
                case 2:
                    text = AttributeReader.ValidText(message.BytesField());
                    break;
                case 3:
                    ulong value = message.VarintField();
                    code = value <= 2 ? (byte)value : (byte)0;
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
    }
}
