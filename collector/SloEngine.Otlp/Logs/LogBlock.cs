using SloEngine.Otlp.Columns;

namespace SloEngine.Otlp.Logs;

/// <summary>Log records of one or more requests, in columns (OTLP logs.proto, <c>LogRecord</c>).</summary>
public sealed class LogBlock : IDisposable
{
    /// <summary>Resource and scope, by their reference in the <see cref="Resources.IResourceIndex"/>.</summary>
    public ColumnBuffer<int> Resources { get; } = new();

    /// <summary><c>time_unix_nano</c>, or the observed time where that is 0.</summary>
    public ColumnBuffer<long> TimeNanos { get; } = new();

    /// <summary><c>observed_time_unix_nano</c>; 0 when not given.</summary>
    public ColumnBuffer<long> ObservedNanos { get; } = new();

    /// <summary><c>severity_number</c>, 0 to 24.</summary>
    public ColumnBuffer<byte> Severities { get; } = new();

    /// <summary><c>severity_text</c>.</summary>
    public BytesColumn SeverityTexts { get; } = new();

    /// <summary>Body as text: a string as it is, structures as plain JSON.</summary>
    public BytesColumn Bodies { get; } = new();

    /// <summary>Type of each body (an <see cref="AttributeType"/>).</summary>
    public ColumnBuffer<byte> BodyTypes { get; } = new();

    /// <summary><c>event_name</c>.</summary>
    public BytesColumn EventNames { get; } = new();

    /// <summary>Attributes of the record.</summary>
    public AttributesColumn Attributes { get; } = new();

    /// <summary>Trace id, 16 bytes a row; zeros when not given.</summary>
    public ColumnBuffer<UInt128> TraceIds { get; } = new();

    /// <summary>Span id, 8 bytes a row as they stood on the wire; zero when not given.</summary>
    public ColumnBuffer<ulong> SpanIds { get; } = new();

    /// <summary><c>flags</c>.</summary>
    public ColumnBuffer<uint> Flags { get; } = new();

    /// <summary><c>dropped_attributes_count</c>.</summary>
    public ColumnBuffer<uint> DroppedAttributes { get; } = new();

    /// <summary>Number of records.</summary>
    public int Count => Resources.Count;

    /// <summary>Name of the event that a record tells of: its <c>event_name</c>, or the attribute <c>event.name</c>, which came before the field; empty for none.</summary>
    public ReadOnlySpan<byte> EventName(int row) =>
        EventNames[row] is { IsEmpty: false } name ? name : Attributes.TryGet(row, "event.name"u8, out ReadOnlySpan<byte> earlier) ? earlier : default;

    /// <summary>Appends all records of another block.</summary>
    public void Append(LogBlock other)
    {
        Resources.Append(other.Resources.Values);
        TimeNanos.Append(other.TimeNanos.Values);
        ObservedNanos.Append(other.ObservedNanos.Values);
        Severities.Append(other.Severities.Values);
        SeverityTexts.Append(other.SeverityTexts);
        Bodies.Append(other.Bodies);
        BodyTypes.Append(other.BodyTypes.Values);
        EventNames.Append(other.EventNames);
        Attributes.Append(other.Attributes);
        TraceIds.Append(other.TraceIds.Values);
        SpanIds.Append(other.SpanIds.Values);
        Flags.Append(other.Flags.Values);
        DroppedAttributes.Append(other.DroppedAttributes.Values);
    }

    /// <summary>Appends one record of another block.</summary>
    public void AppendRow(LogBlock other, int row)
    {
        Resources.Append(other.Resources[row]);
        TimeNanos.Append(other.TimeNanos[row]);
        ObservedNanos.Append(other.ObservedNanos[row]);
        Severities.Append(other.Severities[row]);
        SeverityTexts.Append(other.SeverityTexts[row]);
        Bodies.Append(other.Bodies[row]);
        BodyTypes.Append(other.BodyTypes[row]);
        EventNames.Append(other.EventNames[row]);
        Attributes.AppendRow(other.Attributes, row);
        TraceIds.Append(other.TraceIds[row]);
        SpanIds.Append(other.SpanIds[row]);
        Flags.Append(other.Flags[row]);
        DroppedAttributes.Append(other.DroppedAttributes[row]);
    }

    /// <summary>Drops every record from <paramref name="count"/> on, and what was appended of a record not finished.</summary>
    public void Truncate(int count)
    {
        Resources.Truncate(Math.Min(count, Resources.Count));
        TimeNanos.Truncate(Math.Min(count, TimeNanos.Count));
        ObservedNanos.Truncate(Math.Min(count, ObservedNanos.Count));
        Severities.Truncate(Math.Min(count, Severities.Count));
        SeverityTexts.Truncate(Math.Min(count, SeverityTexts.Count));
        Bodies.Truncate(Math.Min(count, Bodies.Count));
        BodyTypes.Truncate(Math.Min(count, BodyTypes.Count));
        EventNames.Truncate(Math.Min(count, EventNames.Count));
        Attributes.Truncate(Math.Min(count, Attributes.Count));
        TraceIds.Truncate(Math.Min(count, TraceIds.Count));
        SpanIds.Truncate(Math.Min(count, SpanIds.Count));
        Flags.Truncate(Math.Min(count, Flags.Count));
        DroppedAttributes.Truncate(Math.Min(count, DroppedAttributes.Count));
    }

    /// <summary>Empties the block and keeps its memory.</summary>
    public void Clear() => Truncate(0);

    /// <inheritdoc/>
    public void Dispose()
    {
        Resources.Dispose();
        TimeNanos.Dispose();
        ObservedNanos.Dispose();
        Severities.Dispose();
        SeverityTexts.Dispose();
        Bodies.Dispose();
        BodyTypes.Dispose();
        EventNames.Dispose();
        Attributes.Dispose();
        TraceIds.Dispose();
        SpanIds.Dispose();
        Flags.Dispose();
        DroppedAttributes.Dispose();
    }
}
