using SloEngine.Otlp.Naming;

namespace SloEngine.Server.Configuration;

/// <summary>Reads which resource attributes become labels of series.</summary>
internal static class PromotedAttributesText
{
    /// <summary>Labels that tell the parts of a histogram or summary apart, and the metric's name.</summary>
    private static readonly string[] Reserved = ["", "__name__", "le", "quantile"];

    public static IReadOnlyList<string> Parse(SettingText value)
    {
        if (value.Text.Length == 0)
        {
            return [];
        }
        var byLabel = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string attribute in value.Text.Split(',', StringSplitOptions.TrimEntries))
        {
            string label = PrometheusName.Label(attribute);
            if (Reserved.Contains(label))
            {
                throw Bad(attribute, $"names of resource attributes, separated by commas, such as service.version,cloud.zone; none that becomes the label {string.Join(", ", Reserved[1..])}");
            }
            if (!byLabel.TryAdd(label, attribute))
            {
                throw Bad(attribute, $"each label once; {byLabel[label]} becomes {label}, too");
            }
        }
        return [.. byLabel.Values];

        ConfigurationException Bad(string attribute, string expected) => ServerOptions.Bad(Setting.PromoteResourceAttributes, value with { Text = attribute }, expected);
    }
}
