using System.Buffers;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Traces;
using SloEngine.Storage.Native;

namespace SloEngine.Storage.Tables;

/// <summary>What rows of spans and logs say of their resource.</summary>
/// <param name="Id">Id in table <c>resources</c>.</param>
/// <param name="Tenant">Owner, UTF-8.</param>
/// <param name="Service">Service, UTF-8.</param>
public readonly record struct ResourceKey(UInt128 Id, byte[] Tenant, byte[] Service);

/// <summary>Encodes spans and logs for their tables. <c>resources</c> gives the key of each resource reference.</summary>
public static class EventTables
{
    private const string Nanoseconds = "DateTime64(9, 'UTC')";
    private const long NanosPerSecond = 1_000_000_000;

    /// <summary>Rows for <c>spans</c>.</summary>
    public static NativeBlock Encode(SpanBlock spans, ReadOnlySpan<ResourceKey> resources, NativeWriter writer)
    {
        writer.Start("spans", 31, spans.Count);
        Order(spans.Resources.Values, spans.StartNanos.Values, resources, writer.Order);
        Resource(spans.Resources.Values, resources, writer);
        writer.Fixed("ts", Nanoseconds, spans.StartNanos.Values);
        writer.Fixed("duration", "UInt64", MemoryMarshal.Cast<long, ulong>(spans.DurationNanos.Values));
        writer.Fixed("trace_id", "FixedString(16)", spans.TraceIds.Values);
        writer.Fixed("span_id", "FixedString(8)", spans.SpanIds.Values);
        writer.Fixed("parent_span_id", "FixedString(8)", spans.ParentSpanIds.Values);
        writer.Text("trace_state", spans.TraceStates);
        writer.LowCardinality("name", spans.Names);
        writer.Fixed("kind", "UInt8", spans.Kinds.Values);
        writer.Fixed("status_code", "UInt8", spans.StatusCodes.Values);
        writer.Text("status_message", spans.StatusMessages);
        writer.Fixed("flags", "UInt32", spans.Flags.Values);
        writer.Fixed("dropped_attributes_count", "UInt32", spans.DroppedAttributes.Values);
        writer.Fixed("dropped_events_count", "UInt32", spans.DroppedEvents.Values);
        writer.Fixed("dropped_links_count", "UInt32", spans.DroppedLinks.Values);
        writer.Attributes("attributes", "attribute_types", spans.Attributes);

        ReadOnlySpan<int> events = spans.EventEnds.Values;
        writer.Array("events.ts", Nanoseconds, events, spans.Events.TimeNanos.Values);
        writer.TextArray("events.name", events, spans.Events.Names);
        writer.AttributesArray("events.attributes", "events.attribute_types", events, spans.Events.Attributes);
        writer.Array("events.dropped_attributes_count", "UInt32", events, spans.Events.DroppedAttributes.Values);

        ReadOnlySpan<int> links = spans.LinkEnds.Values;
        writer.Array("links.trace_id", "FixedString(16)", links, spans.Links.TraceIds.Values);
        writer.Array("links.span_id", "FixedString(8)", links, spans.Links.SpanIds.Values);
        writer.TextArray("links.trace_state", links, spans.Links.TraceStates);
        writer.AttributesArray("links.attributes", "links.attribute_types", links, spans.Links.Attributes);
        writer.Array("links.dropped_attributes_count", "UInt32", links, spans.Links.DroppedAttributes.Values);
        writer.Array("links.flags", "UInt32", links, spans.Links.Flags.Values);
        return writer.Finish();
    }

    /// <summary>Rows for <c>logs</c>.</summary>
    public static NativeBlock Encode(LogBlock logs, ReadOnlySpan<ResourceKey> resources, NativeWriter writer)
    {
        writer.Start("logs", 16, logs.Count);
        Order(logs.Resources.Values, logs.TimeNanos.Values, resources, writer.Order);
        Resource(logs.Resources.Values, resources, writer);
        writer.Fixed("ts", Nanoseconds, logs.TimeNanos.Values);
        writer.Fixed("observed", Nanoseconds, logs.ObservedNanos.Values);
        writer.Fixed("severity", "UInt8", logs.Severities.Values);
        writer.LowCardinality("severity_text", logs.SeverityTexts);
        writer.Text("body", logs.Bodies);
        writer.BeginLowCardinality("body_type");
        for (int position = 0; position < logs.Count; position++)
        {
            writer.LowCardinality([logs.BodyTypes[writer.Order[position]]]);
        }
        writer.EndLowCardinality();
        writer.LowCardinality("event_name", logs.EventNames);
        writer.Fixed("trace_id", "FixedString(16)", logs.TraceIds.Values);
        writer.Fixed("span_id", "FixedString(8)", logs.SpanIds.Values);
        writer.Fixed("flags", "UInt32", logs.Flags.Values);
        writer.Fixed("dropped_attributes_count", "UInt32", logs.DroppedAttributes.Values);
        writer.Attributes("attributes", "attribute_types", logs.Attributes);
        return writer.Finish();
    }

    /// <summary>The tables' order, by tenant, service and second.</summary>
    private static void Order(ReadOnlySpan<int> rows, ReadOnlySpan<long> nanos, ReadOnlySpan<ResourceKey> resources, RowOrder order)
    {
        int[] ranks = ArrayPool<int>.Shared.Rent(resources.Length);
        RowOrder.Rank(rows, resources, ranks, Compare);
        Span<ulong> keys = order.Keys(rows.Length);
        for (int row = 0; row < keys.Length; row++)
        {
            keys[row] = ((ulong)ranks[rows[row]] << 32) | (uint)(nanos[row] / NanosPerSecond);
        }
        ArrayPool<int>.Shared.Return(ranks);
        order.Sort();
    }

    private static int Compare(ResourceKey left, ResourceKey right)
    {
        int tenants = left.Tenant.AsSpan().SequenceCompareTo(right.Tenant);
        return tenants != 0 ? tenants : left.Service.AsSpan().SequenceCompareTo(right.Service);
    }

    private static void Resource(ReadOnlySpan<int> rows, ReadOnlySpan<ResourceKey> resources, NativeWriter writer)
    {
        writer.BeginLowCardinality("tenant");
        for (int position = 0; position < rows.Length; position++)
        {
            writer.LowCardinality(resources[rows[writer.Order[position]]].Tenant);
        }
        writer.EndLowCardinality();
        writer.BeginLowCardinality("service");
        for (int position = 0; position < rows.Length; position++)
        {
            writer.LowCardinality(resources[rows[writer.Order[position]]].Service);
        }
        writer.EndLowCardinality();
        Span<UInt128> ids = writer.Fixed<UInt128>("resource", "UInt128");
        for (int position = 0; position < ids.Length; position++)
        {
            ids[position] = resources[rows[writer.Order[position]]].Id;
        }
    }
}
