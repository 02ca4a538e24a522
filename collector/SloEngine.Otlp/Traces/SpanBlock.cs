using SloEngine.Otlp.Columns;

namespace SloEngine.Otlp.Traces;

/// <summary>
/// Spans of one or more requests, in columns (OTLP trace.proto, <c>Span</c>). Ids hold the wire's bytes in their order in memory:
/// reinterpret the value as bytes to read or print it.
/// </summary>
public sealed class SpanBlock : IDisposable
{
    /// <summary>Resource and scope, by their reference in the <see cref="Resources.IResourceIndex"/>.</summary>
    public ColumnBuffer<int> Resources { get; } = new();

    /// <summary>Trace id, 16 bytes a row.</summary>
    public ColumnBuffer<UInt128> TraceIds { get; } = new();

    /// <summary>Span id, 8 bytes a row.</summary>
    public ColumnBuffer<ulong> SpanIds { get; } = new();

    /// <summary>Parent span id; zero for a root.</summary>
    public ColumnBuffer<ulong> ParentSpanIds { get; } = new();

    /// <summary>W3C <c>tracestate</c>.</summary>
    public BytesColumn TraceStates { get; } = new();

    /// <summary>Span name.</summary>
    public BytesColumn Names { get; } = new();

    /// <summary><c>SpanKind</c>, 0 to 5.</summary>
    public ColumnBuffer<byte> Kinds { get; } = new();

    /// <summary><c>start_time_unix_nano</c>.</summary>
    public ColumnBuffer<long> StartNanos { get; } = new();

    /// <summary>End minus start, in nanoseconds; a span that ends before it starts has 0.</summary>
    public ColumnBuffer<long> DurationNanos { get; } = new();

    /// <summary><c>Status.code</c>: 0 unset, 1 ok, 2 error.</summary>
    public ColumnBuffer<byte> StatusCodes { get; } = new();

    /// <summary><c>Status.message</c>.</summary>
    public BytesColumn StatusMessages { get; } = new();

    /// <summary>Attributes of the span.</summary>
    public AttributesColumn Attributes { get; } = new();

    /// <summary><c>flags</c>.</summary>
    public ColumnBuffer<uint> Flags { get; } = new();

    /// <summary><c>dropped_attributes_count</c>.</summary>
    public ColumnBuffer<uint> DroppedAttributes { get; } = new();

    /// <summary><c>dropped_events_count</c>.</summary>
    public ColumnBuffer<uint> DroppedEvents { get; } = new();

    /// <summary><c>dropped_links_count</c>.</summary>
    public ColumnBuffer<uint> DroppedLinks { get; } = new();

    /// <summary>Events of all spans, one after the other.</summary>
    public SpanEvents Events { get; } = new();

    /// <summary>For each span, the index just past its last event.</summary>
    public ColumnBuffer<int> EventEnds { get; } = new();

    /// <summary>Links of all spans, one after the other.</summary>
    public SpanLinks Links { get; } = new();

    /// <summary>For each span, the index just past its last link.</summary>
    public ColumnBuffer<int> LinkEnds { get; } = new();

    /// <summary>Number of spans.</summary>
    public int Count => Resources.Count;

    /// <summary>Appends all spans of another block.</summary>
    public void Append(SpanBlock other)
    {
        Resources.Append(other.Resources.Values);
        TraceIds.Append(other.TraceIds.Values);
        SpanIds.Append(other.SpanIds.Values);
        ParentSpanIds.Append(other.ParentSpanIds.Values);
        TraceStates.Append(other.TraceStates);
        Names.Append(other.Names);
        Kinds.Append(other.Kinds.Values);
        StartNanos.Append(other.StartNanos.Values);
        DurationNanos.Append(other.DurationNanos.Values);
        StatusCodes.Append(other.StatusCodes.Values);
        StatusMessages.Append(other.StatusMessages);
        Attributes.Append(other.Attributes);
        Flags.Append(other.Flags.Values);
        DroppedAttributes.Append(other.DroppedAttributes.Values);
        DroppedEvents.Append(other.DroppedEvents.Values);
        DroppedLinks.Append(other.DroppedLinks.Values);
        EventEnds.AppendEnds(other.EventEnds, Events.Count);
        Events.Append(other.Events);
        LinkEnds.AppendEnds(other.LinkEnds, Links.Count);
        Links.Append(other.Links);
    }

    /// <summary>Appends one span of another block.</summary>
    /// <param name="other">The other block.</param>
    /// <param name="row">The span.</param>
    /// <param name="traceState">Its <c>tracestate</c> from now on.</param>
    public void AppendRow(SpanBlock other, int row, ReadOnlySpan<byte> traceState)
    {
        Resources.Append(other.Resources[row]);
        TraceIds.Append(other.TraceIds[row]);
        SpanIds.Append(other.SpanIds[row]);
        ParentSpanIds.Append(other.ParentSpanIds[row]);
        TraceStates.Append(traceState);
        Names.Append(other.Names[row]);
        Kinds.Append(other.Kinds[row]);
        StartNanos.Append(other.StartNanos[row]);
        DurationNanos.Append(other.DurationNanos[row]);
        StatusCodes.Append(other.StatusCodes[row]);
        StatusMessages.Append(other.StatusMessages[row]);
        Attributes.AppendRow(other.Attributes, row);
        Flags.Append(other.Flags[row]);
        DroppedAttributes.Append(other.DroppedAttributes[row]);
        DroppedEvents.Append(other.DroppedEvents[row]);
        DroppedLinks.Append(other.DroppedLinks[row]);
        for (int index = row == 0 ? 0 : other.EventEnds[row - 1]; index < other.EventEnds[row]; index++)
        {
            Events.AppendRow(other.Events, index);
        }
        EventEnds.Append(Events.Count);
        for (int index = row == 0 ? 0 : other.LinkEnds[row - 1]; index < other.LinkEnds[row]; index++)
        {
            Links.AppendRow(other.Links, index);
        }
        LinkEnds.Append(Links.Count);
    }

    /// <summary>Drops every span from <paramref name="count"/> on, and what was appended of a span not finished.</summary>
    public void Truncate(int count)
    {
        Events.Truncate(count == 0 ? 0 : EventEnds[count - 1]);
        Links.Truncate(count == 0 ? 0 : LinkEnds[count - 1]);
        EventEnds.Truncate(Math.Min(count, EventEnds.Count));
        LinkEnds.Truncate(Math.Min(count, LinkEnds.Count));
        Resources.Truncate(Math.Min(count, Resources.Count));
        TraceIds.Truncate(Math.Min(count, TraceIds.Count));
        SpanIds.Truncate(Math.Min(count, SpanIds.Count));
        ParentSpanIds.Truncate(Math.Min(count, ParentSpanIds.Count));
        TraceStates.Truncate(Math.Min(count, TraceStates.Count));
        Names.Truncate(Math.Min(count, Names.Count));
        Kinds.Truncate(Math.Min(count, Kinds.Count));
        StartNanos.Truncate(Math.Min(count, StartNanos.Count));
        DurationNanos.Truncate(Math.Min(count, DurationNanos.Count));
        StatusCodes.Truncate(Math.Min(count, StatusCodes.Count));
        StatusMessages.Truncate(Math.Min(count, StatusMessages.Count));
        Attributes.Truncate(Math.Min(count, Attributes.Count));
        Flags.Truncate(Math.Min(count, Flags.Count));
        DroppedAttributes.Truncate(Math.Min(count, DroppedAttributes.Count));
        DroppedEvents.Truncate(Math.Min(count, DroppedEvents.Count));
        DroppedLinks.Truncate(Math.Min(count, DroppedLinks.Count));
    }

    /// <summary>Empties the block and keeps its memory.</summary>
    public void Clear() => Truncate(0);

    /// <inheritdoc/>
    public void Dispose()
    {
        Resources.Dispose();
        TraceIds.Dispose();
        SpanIds.Dispose();
        ParentSpanIds.Dispose();
        TraceStates.Dispose();
        Names.Dispose();
        Kinds.Dispose();
        StartNanos.Dispose();
        DurationNanos.Dispose();
        StatusCodes.Dispose();
        StatusMessages.Dispose();
        Attributes.Dispose();
        Flags.Dispose();
        DroppedAttributes.Dispose();
        DroppedEvents.Dispose();
        DroppedLinks.Dispose();
        Events.Dispose();
        EventEnds.Dispose();
        Links.Dispose();
        LinkEnds.Dispose();
    }
}

/// <summary>Columns of span events.</summary>
public sealed class SpanEvents : IDisposable
{
    /// <summary><c>time_unix_nano</c>.</summary>
    public ColumnBuffer<long> TimeNanos { get; } = new();

    /// <summary>Event names.</summary>
    public BytesColumn Names { get; } = new();

    /// <summary>Attributes of the event.</summary>
    public AttributesColumn Attributes { get; } = new();

    /// <summary><c>dropped_attributes_count</c>.</summary>
    public ColumnBuffer<uint> DroppedAttributes { get; } = new();

    /// <summary>Number of events.</summary>
    public int Count => TimeNanos.Count;

    /// <summary>Appends all events of another table.</summary>
    internal void Append(SpanEvents other)
    {
        TimeNanos.Append(other.TimeNanos.Values);
        Names.Append(other.Names);
        Attributes.Append(other.Attributes);
        DroppedAttributes.Append(other.DroppedAttributes.Values);
    }

    internal void AppendRow(SpanEvents other, int row)
    {
        TimeNanos.Append(other.TimeNanos[row]);
        Names.Append(other.Names[row]);
        Attributes.AppendRow(other.Attributes, row);
        DroppedAttributes.Append(other.DroppedAttributes[row]);
    }

    internal void Truncate(int count)
    {
        TimeNanos.Truncate(Math.Min(count, TimeNanos.Count));
        Names.Truncate(Math.Min(count, Names.Count));
        Attributes.Truncate(Math.Min(count, Attributes.Count));
        DroppedAttributes.Truncate(Math.Min(count, DroppedAttributes.Count));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        TimeNanos.Dispose();
        Names.Dispose();
        Attributes.Dispose();
        DroppedAttributes.Dispose();
    }
}

/// <summary>Columns of span links.</summary>
public sealed class SpanLinks : IDisposable
{
    /// <summary>Linked trace id.</summary>
    public ColumnBuffer<UInt128> TraceIds { get; } = new();

    /// <summary>Linked span id.</summary>
    public ColumnBuffer<ulong> SpanIds { get; } = new();

    /// <summary>W3C <c>tracestate</c> of the linked span.</summary>
    public BytesColumn TraceStates { get; } = new();

    /// <summary>Attributes of the link.</summary>
    public AttributesColumn Attributes { get; } = new();

    /// <summary><c>dropped_attributes_count</c>.</summary>
    public ColumnBuffer<uint> DroppedAttributes { get; } = new();

    /// <summary><c>flags</c>.</summary>
    public ColumnBuffer<uint> Flags { get; } = new();

    /// <summary>Number of links.</summary>
    public int Count => TraceIds.Count;

    /// <summary>Appends all links of another table.</summary>
    internal void Append(SpanLinks other)
    {
        TraceIds.Append(other.TraceIds.Values);
        SpanIds.Append(other.SpanIds.Values);
        TraceStates.Append(other.TraceStates);
        Attributes.Append(other.Attributes);
        DroppedAttributes.Append(other.DroppedAttributes.Values);
        Flags.Append(other.Flags.Values);
    }

    internal void AppendRow(SpanLinks other, int row)
    {
        TraceIds.Append(other.TraceIds[row]);
        SpanIds.Append(other.SpanIds[row]);
        TraceStates.Append(other.TraceStates[row]);
        Attributes.AppendRow(other.Attributes, row);
        DroppedAttributes.Append(other.DroppedAttributes[row]);
        Flags.Append(other.Flags[row]);
    }

    internal void Truncate(int count)
    {
        TraceIds.Truncate(Math.Min(count, TraceIds.Count));
        SpanIds.Truncate(Math.Min(count, SpanIds.Count));
        TraceStates.Truncate(Math.Min(count, TraceStates.Count));
        Attributes.Truncate(Math.Min(count, Attributes.Count));
        DroppedAttributes.Truncate(Math.Min(count, DroppedAttributes.Count));
        Flags.Truncate(Math.Min(count, Flags.Count));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        TraceIds.Dispose();
        SpanIds.Dispose();
        TraceStates.Dispose();
        Attributes.Dispose();
        DroppedAttributes.Dispose();
        Flags.Dispose();
    }
}
