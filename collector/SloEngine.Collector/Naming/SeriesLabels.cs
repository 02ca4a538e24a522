using System.Globalization;
using System.Text;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Naming;

namespace SloEngine.Collector.Naming;

/// <summary>Turns the raw parts of a series into its Prometheus name and labels.</summary>
internal static class SeriesLabels
{
    private const string ScopePrefix = "otel_scope_";
    private const string ScopeName = ScopePrefix + "name";
    private const string ScopeVersion = ScopePrefix + "version";
    private const string ScopeSchemaUrl = ScopePrefix + "schema_url";

    /// <summary>Number of the attributes of <c>InstrumentationScope</c>.</summary>
    private const int ScopeAttributesField = 3;

    /// <summary>Prometheus name of a series; histograms and summary quantiles have the base name.</summary>
    public static string Metric(in RawSeries series)
    {
        string name = Encoding.UTF8.GetString(series.Name);
        string unit = Encoding.UTF8.GetString(series.Unit);
        string metric = PrometheusName.Of(name, unit, series.Kind == MetricKind.Counter, series.Kind == MetricKind.Gauge);
        return series.Part switch
        {
            SeriesPart.Sum => metric + "_sum",
            SeriesPart.Count => metric + "_count",
            _ => metric,
        };
    }

    /// <summary>Labels sorted by name; attributes that collide after sanitising are joined by a semicolon, as the specification asks; one without a key, or named as the metric's own name, is left out.</summary>
    public static List<KeyValuePair<string, string>> Of(in RawSeries series, IReadOnlyDictionary<string, string> resource, IReadOnlyList<string> promoted)
    {
        SortedDictionary<string, string> labels = Sanitised(Attributes(series.Point, series.AttributesField));
        if (series.Part == SeriesPart.Quantile)
        {
            labels["quantile"] = series.Quantile.ToString("R", CultureInfo.InvariantCulture);
        }
        SetScope(labels, series);
        foreach (string attribute in promoted)
        {
            if (resource.TryGetValue(attribute, out string? value))
            {
                // What a point says of itself tells its series apart from others of its resource.
                labels.TryAdd(PrometheusName.Label(attribute), value);
            }
        }
        SetIfGiven(labels, "job", Job(resource));
        SetIfGiven(labels, "instance", resource.GetValueOrDefault("service.instance.id", ""));
        return [.. labels.Where(label => label.Value.Length > 0)];
    }

    /// <summary>Labels of <c>target_info</c>: every resource attribute beside job and instance.</summary>
    public static List<KeyValuePair<string, string>> Target(IReadOnlyDictionary<string, string> resource)
    {
        SortedDictionary<string, string> labels = Sanitised(
            resource.Where(attribute => attribute.Key is not ("service.name" or "service.namespace" or "service.instance.id")));
        SetIfGiven(labels, "job", Job(resource));
        SetIfGiven(labels, "instance", resource.GetValueOrDefault("service.instance.id", ""));
        return [.. labels.Where(label => label.Value.Length > 0)];
    }

    /// <summary>service.namespace/service.name, or the name alone.</summary>
    public static string Job(IReadOnlyDictionary<string, string> resource)
    {
        string name = resource.GetValueOrDefault("service.name", "");
        return resource.TryGetValue("service.namespace", out string? space) && space.Length > 0 && name.Length > 0 ? $"{space}/{name}" : name;
    }

    /// <summary>
    /// Labels of a scope: name, version, address of the schema, and attributes, of which none stands in for these (OpenTelemetry specification, "Prometheus and
    /// OpenMetrics Compatibility", "Instrumentation Scope").
    /// </summary>
    private static void SetScope(SortedDictionary<string, string> labels, in RawSeries series)
    {
        (string name, string version) = AttributeSet.Scope(series.Scope);
        SetIfGiven(labels, ScopeName, name);
        SetIfGiven(labels, ScopeVersion, version);
        SetIfGiven(labels, ScopeSchemaUrl, Encoding.UTF8.GetString(series.SchemaUrl));
        IEnumerable<KeyValuePair<string, string>> attributes = Attributes(series.Scope, ScopeAttributesField).Where(static attribute => attribute.Key.Length > 0);
        foreach ((string label, string value) in Sanitised(attributes.Select(static attribute => KeyValuePair.Create(ScopePrefix + attribute.Key, attribute.Value))))
        {
            if (label is not (ScopeName or ScopeVersion or ScopeSchemaUrl))
            {
                SetIfGiven(labels, label, value);
            }
        }
    }

    private static List<KeyValuePair<string, string>> Attributes(ReadOnlySpan<byte> message, int field)
    {
        var given = new List<KeyValuePair<string, string>>();
        if (!AttributeSet.Has(message, field))
        {
            return given;
        }
        using AttributesColumn attributes = AttributeSet.Decode(message, field);
        for (int entry = 0; entry < attributes.Keys.Count; entry++)
        {
            given.Add(new(Encoding.UTF8.GetString(attributes.Keys[entry]), Encoding.UTF8.GetString(attributes.Values[entry])));
        }
        return given;
    }

    private static void SetIfGiven(SortedDictionary<string, string> labels, string name, string value)
    {
        if (value.Length > 0)
        {
            labels[name] = value;
        }
    }

    /// <summary>Labels of attributes; those that collide are joined in the order of their keys, so that the order they came in makes no other series.</summary>
    private static SortedDictionary<string, string> Sanitised(IEnumerable<KeyValuePair<string, string>> attributes)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string attribute, string value) in attributes.OrderBy(attribute => attribute.Key, StringComparer.Ordinal))
        {
            string name = PrometheusName.Label(attribute);
            if (name is not ("" or "__name__"))
            {
                labels[name] = labels.TryGetValue(name, out string? other) ? $"{other};{value}" : value;
            }
        }
        return labels;
    }
}
