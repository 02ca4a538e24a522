using System.Runtime.InteropServices;
using System.Text;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage.Native;

namespace SloEngine.Storage.Tables;

/// <summary>A row of table <c>series</c>: what the samples of a series mean.</summary>
/// <param name="Tenant">Owner.</param>
/// <param name="Metric">Prometheus name; of histograms the base name.</param>
/// <param name="Kind">Kind.</param>
/// <param name="Temporality">Temporality.</param>
/// <param name="Labels">Labels sorted by name, without <c>__name__</c>.</param>
/// <param name="Bounds">Histogram bounds, ascending.</param>
public sealed record SeriesRow(
    string Tenant, string Metric, MetricKind Kind, Temporality Temporality, IReadOnlyList<KeyValuePair<string, string>> Labels, double[] Bounds)
{
    /// <summary>Bits of an id that tell a series from the others of its metric.</summary>
    private const int OwnBits = 96;

    private static readonly UInt128 OwnPart = (UInt128.One << OwnBits) - 1;

    /// <summary>Id in the store: equal for equal series in every process and at every time, whoever writes them.</summary>
    public UInt128 Id { get; } = IdOf(Tenant, Metric, Kind, Temporality, Labels, Bounds);

    /// <summary>Unit; may be empty.</summary>
    public string Unit { get; init; } = "";

    /// <summary>Description; may be empty.</summary>
    public string Help { get; init; } = "";

    /// <summary>Name as it came.</summary>
    public string OtelName { get; init; } = Metric;

    /// <summary>Encodes rows; <paramref name="now"/> is when the series were seen.</summary>
    public static NativeBlock Encode(IReadOnlyList<SeriesRow> series, DateTimeOffset now, NativeWriter writer)
    {
        writer.Start("series", 12, series.Count);
        Text("tenant", static row => row.Tenant);
        Text("metric", static row => row.Metric);
        writer.Fixed<UInt128>("id", "UInt128", [.. series.Select(static row => row.Id)]);
        writer.Fixed<byte>("kind", "UInt8", [.. series.Select(static row => (byte)row.Kind)]);
        writer.Fixed<byte>("temporality", "UInt8", [.. series.Select(static row => (byte)row.Temporality)]);
        Text("unit", static row => row.Unit);
        Text("help", static row => row.Help);
        Text("otel_name", static row => row.OtelName);
        writer.Map("labels", series.Select(static row => row.Labels));
        int end = 0;
        int[] ends = [.. series.Select(row => end += row.Bounds.Length)];
        writer.Array<double>("bounds", "Float64", ends, [.. series.SelectMany(static row => row.Bounds)]);
        uint seconds = (uint)now.ToUnixTimeSeconds();
        writer.Fixed<uint>("first_seen", "DateTime").Fill(seconds);
        writer.Fixed<uint>("last_seen", "DateTime").Fill(seconds);
        return writer.Finish();

        void Text(string column, Func<SeriesRow, string> value)
        {
            writer.BeginText(column);
            foreach (SeriesRow row in series)
            {
                writer.String(value(row));
            }
        }
    }

    /// <summary>The part of an id that the series of one metric share.</summary>
    public static UInt128 FamilyOf(UInt128 id) => id >> OwnBits;

    /// <summary>The first and the last id that a series of a metric can have.</summary>
    public static (UInt128 First, UInt128 Last) IdsOf(string tenant, string metric)
    {
        UInt128 first = FamilyOf(SipHash128.Hash(Encoding.UTF8.GetBytes($"{tenant}\0{metric}"), 0)) << OwnBits;
        return (first, first | OwnPart);
    }

    /// <summary>
    /// The id of a series with these properties. Its first 32 bits follow from tenant and name alone: the tables of points are sorted by id, so that
    /// the series of a metric, which queries ask for together, lie side by side and are read without what lies between them.
    /// </summary>
    public static UInt128 IdOf(
        string tenant, string metric, MetricKind kind, Temporality temporality, IReadOnlyList<KeyValuePair<string, string>> labels, ReadOnlySpan<double> bounds)
    {
        var text = new StringBuilder(256);
        text.Append(tenant).Append('\0').Append(metric).Append('\0').Append((char)kind).Append((char)temporality);
        foreach ((string name, string value) in labels)
        {
            text.Append('\0').Append(name).Append('\0').Append(value);
        }
        UInt128 hash = SipHash128.Hash(Encoding.UTF8.GetBytes(text.ToString()), 0);
        hash = SipHash128.Hash(MemoryMarshal.AsBytes(bounds), hash);
        return IdsOf(tenant, metric).First | (hash & OwnPart);
    }
}
