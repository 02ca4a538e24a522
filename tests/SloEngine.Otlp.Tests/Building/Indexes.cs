using System.Text;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Resources;

namespace SloEngine.Otlp.Tests.Building;

/// <summary>A series as the decoder presented it, decoded.</summary>
internal sealed record SeenSeries(
    string Name, string Unit, MetricKind Kind, Temporality Temporality, SeriesPart Part, double Quantile, double[] Bounds,
    string Service, string Scope, Dictionary<string, string> Attributes);

/// <summary>Numbers series as they come and remembers what was said of them.</summary>
internal sealed class SeriesLog : ISeriesIndex
{
    private readonly Dictionary<UInt128, int> _byIdentity = [];

    public List<SeenSeries> Series { get; } = [];

    /// <summary>Says why a series is refused, or null.</summary>
    public Func<SeenSeries, string?> Refuse { get; init; } = _ => null;

    public bool TryGet(UInt128 identity, out int series) => _byIdentity.TryGetValue(identity, out series);

    public int Register(in RawSeries series, out string? rejection)
    {
        using AttributesColumn resource = AttributeSet.Decode(series.Resource, 1);
        using AttributesColumn attributes = AttributeSet.Decode(series.Point, series.AttributesField);
        var seen = new SeenSeries(
            Encoding.UTF8.GetString(series.Name), Encoding.UTF8.GetString(series.Unit), series.Kind, series.Temporality, series.Part,
            series.Quantile, series.Bounds.ToArray(), Row(resource).GetValueOrDefault("service.name", ""),
            AttributeSet.Scope(series.Scope).Name, Row(attributes));
        rejection = Refuse(seen);
        if (rejection is not null)
        {
            return -1;
        }
        Series.Add(seen);
        _byIdentity.Add(series.Identity, Series.Count - 1);
        return Series.Count - 1;
    }

    private static Dictionary<string, string> Row(AttributesColumn row) => ColumnText.Row(row, 0);
}

/// <summary>Numbers resources as they come.</summary>
internal sealed class ResourceLog : IResourceIndex
{
    private readonly Dictionary<UInt128, int> _byIdentity = [];

    public int Limit { get; init; } = int.MaxValue;

    public List<(Dictionary<string, string> Resource, string Scope)> Resources { get; } = [];

    public bool TryGet(UInt128 identity, out int resource) => _byIdentity.TryGetValue(identity, out resource);

    public int Register(in RawResource resource, out string? rejection)
    {
        rejection = Resources.Count < Limit ? null : "there are too many resources";
        if (rejection is not null)
        {
            return -1;
        }
        using AttributesColumn attributes = AttributeSet.Decode(resource.Resource, 1);
        Resources.Add((ColumnText.Row(attributes, 0), AttributeSet.Scope(resource.Scope).Name));
        _byIdentity.Add(resource.Identity, Resources.Count - 1);
        return Resources.Count - 1;
    }
}

/// <summary>Columns as test code reads them.</summary>
internal static class ColumnText
{
    public static Dictionary<string, string> Row(AttributesColumn column, int row)
    {
        var entries = new Dictionary<string, string>();
        (int start, int length) = column.Row(row);
        for (int entry = start; entry < start + length; entry++)
        {
            entries.Add(Encoding.UTF8.GetString(column.Keys[entry]), Encoding.UTF8.GetString(column.Values[entry]));
        }
        return entries;
    }

    public static string Text(this BytesColumn column, int row) => Encoding.UTF8.GetString(column[row]);
}
