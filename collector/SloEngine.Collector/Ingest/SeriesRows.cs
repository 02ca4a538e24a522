using SloEngine.Collector.Resources;
using SloEngine.Collector.Taps;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Collector.Ingest;

/// <summary>Encodes rows of the tables <c>series</c> and <c>resources</c>.</summary>
internal static class SeriesRows
{
    public static NativeBlock Encode(List<SeriesDescriptor> series, DateTimeOffset now, NativeWriter writer) => SeriesRow.Encode(
        [
            .. series.Select(static one => new SeriesRow(one.Tenant, one.Metric, one.Kind, one.Temporality, one.Labels, one.Bounds)
            {
                Unit = one.Unit, Help = one.Help, OtelName = one.OtelName,
            }),
        ],
        now, writer);

    public static NativeBlock Encode(List<ResourceRow> resources, DateTimeOffset now, NativeWriter writer)
    {
        writer.Start("resources", 12, resources.Count);
        Text(writer, "tenant", resources, row => row.Descriptor.Tenant);
        writer.Fixed<UInt128>("id", "UInt128", [.. resources.Select(row => row.Descriptor.Id)]);
        Text(writer, "service", resources, row => row.Descriptor.Service);
        writer.Map("attributes", resources.Select(row => row.Descriptor.Attributes));
        Text(writer, "attribute_types", resources, row => row.Types);
        Text(writer, "scope_name", resources, row => row.ScopeName);
        Text(writer, "scope_version", resources, row => row.ScopeVersion);
        writer.Map("scope_attributes", resources.Select(row => row.ScopeAttributes));
        Text(writer, "scope_attribute_types", resources, row => row.ScopeTypes);
        writer.Fixed<uint>("dropped_attributes_count", "UInt32", [.. resources.Select(row => row.DroppedAttributes)]);
        writer.Fixed<uint>("scope_dropped_attributes_count", "UInt32", [.. resources.Select(row => row.ScopeDroppedAttributes)]);
        writer.Fixed<uint>("last_seen", "DateTime").Fill((uint)now.ToUnixTimeSeconds());
        return writer.Finish();
    }

    private static void Text<T>(NativeWriter writer, string column, List<T> rows, Func<T, string> value)
    {
        writer.BeginText(column);
        foreach (T row in rows)
        {
            writer.String(value(row));
        }
    }
}
