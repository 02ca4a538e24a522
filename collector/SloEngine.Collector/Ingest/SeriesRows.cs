using SloEngine.Collector.Resources;
using SloEngine.Collector.Taps;
using SloEngine.Storage.Native;

namespace SloEngine.Collector.Ingest;

/// <summary>Encodes rows of the tables <c>series</c> and <c>resources</c>.</summary>
internal static class SeriesRows
{
    public static NativeBlock Encode(List<SeriesDescriptor> series, DateTimeOffset now, NativeWriter writer)
    {
        writer.Start("series", 12, series.Count);
        Text(writer, "tenant", series, row => row.Tenant);
        Text(writer, "metric", series, row => row.Metric);
        writer.Fixed<UInt128>("id", "UInt128", [.. series.Select(row => row.Id)]);
        writer.Fixed<byte>("kind", "UInt8", [.. series.Select(row => (byte)row.Kind)]);
        writer.Fixed<byte>("temporality", "UInt8", [.. series.Select(row => (byte)row.Temporality)]);
        Text(writer, "unit", series, row => row.Unit);
        Text(writer, "help", series, row => row.Help);
        Text(writer, "otel_name", series, row => row.OtelName);
        writer.Map("labels", series.Select(row => row.Labels));
        int end = 0;
        int[] ends = [.. series.Select(row => end += row.Bounds.Length)];
        writer.Array<double>("bounds", "Float64", ends, [.. series.SelectMany(row => row.Bounds)]);
        uint seconds = (uint)now.ToUnixTimeSeconds();
        writer.Fixed<uint>("first_seen", "DateTime").Fill(seconds);
        writer.Fixed<uint>("last_seen", "DateTime").Fill(seconds);
        return writer.Finish();
    }

    public static NativeBlock Encode(List<ResourceRow> resources, DateTimeOffset now, NativeWriter writer)
    {
        writer.Start("resources", 10, resources.Count);
        Text(writer, "tenant", resources, row => row.Descriptor.Tenant);
        writer.Fixed<UInt128>("id", "UInt128", [.. resources.Select(row => row.Descriptor.Id)]);
        Text(writer, "service", resources, row => row.Descriptor.Service);
        writer.Map("attributes", resources.Select(row => row.Descriptor.Attributes));
        Text(writer, "attribute_types", resources, row => row.Types);
        Text(writer, "scope_name", resources, row => row.ScopeName);
        Text(writer, "scope_version", resources, row => row.ScopeVersion);
        writer.Map("scope_attributes", resources.Select(row => row.ScopeAttributes));
        Text(writer, "scope_attribute_types", resources, row => row.ScopeTypes);
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
