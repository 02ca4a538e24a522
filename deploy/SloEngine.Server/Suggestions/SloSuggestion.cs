using System.Globalization;
using System.Text;
using SloEngine.Collector.Receivers;

namespace SloEngine.Server.Suggestions;

/// <summary>An SLO that a service's history bears.</summary>
internal sealed record SloSuggestion
{
    public required string Name { get; init; }

    public required string Service { get; init; }

    /// <summary>Whose history it is.</summary>
    public required string Tenant { get; init; }

    public required string Title { get; init; }

    public required double Objective { get; init; }

    /// <summary>Why it is proposed so.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>Metric sources of good (or bad) and all events, as lines of YAML.</summary>
    public required SuggestedIndicator Indicator { get; init; }

    /// <summary>The SLO as a document of OpenSLO v1, the reasons before it.</summary>
    public string Yaml
    {
        get
        {
            var text = new StringBuilder();
            foreach (string reason in Reasons)
            {
                text.Append("# ").AppendLine(reason.ReplaceLineEndings(" "));
            }
            text.AppendLine("apiVersion: openslo/v1").AppendLine("kind: SLO").AppendLine("metadata:");
            text.AppendLine(CultureInfo.InvariantCulture, $"  name: {Name}").AppendLine(CultureInfo.InvariantCulture, $"  displayName: {Quote(Title)}");
            if (Tenant != Tenants.Default)
            {
                // Without one it would count the telemetry of all.
                text.AppendLine("  annotations:").AppendLine(CultureInfo.InvariantCulture, $"    sloengine/tenant: {Quote(Tenant)}");
            }
            text.AppendLine("spec:").AppendLine(CultureInfo.InvariantCulture, $"  service: {Quote(Service)}").AppendLine("  indicator:").AppendLine("    metadata:");
            text.AppendLine(CultureInfo.InvariantCulture, $"      name: {Name}").AppendLine("    spec:").AppendLine("      ratioMetric:").AppendLine("        counter: true");
            Append(text, Indicator.PartIsBad ? "bad" : "good", Indicator.Part);
            Append(text, "total", Indicator.Total);
            text.AppendLine("  timeWindow:").AppendLine("    - duration: 30d").AppendLine("      isRolling: true").AppendLine("  budgetingMethod: Occurrences");
            text.AppendLine("  objectives:").AppendLine(CultureInfo.InvariantCulture, $"    - target: {Objective}");
            return text.ToString();
        }
    }

    /// <summary>A name for addresses and queries.</summary>
    public static string NameOf(string service, string what) =>
        string.Concat($"{service}-{what}".Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_' ? letter : '-'));

    /// <summary>A text in the quotes of YAML that know no escapes but that of the quote.</summary>
    public static string Quote(string text) => $"'{text.ReplaceLineEndings(" ").Replace("'", "''", StringComparison.Ordinal)}'";

    private static void Append(StringBuilder text, string part, SuggestedSource source)
    {
        text.AppendLine(CultureInfo.InvariantCulture, $"        {part}:").AppendLine("          metricSource:");
        text.AppendLine(CultureInfo.InvariantCulture, $"            type: {source.Type}").AppendLine("            spec:");
        foreach ((string key, string value) in source.Fields)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"              {key}: {Quote(value)}");
        }
    }
}

/// <summary>What a suggestion measures.</summary>
internal sealed record SuggestedIndicator(SuggestedSource Part, SuggestedSource Total, bool PartIsBad);

/// <summary>A metric source.</summary>
internal sealed record SuggestedSource(string Type, IReadOnlyList<(string Key, string Value)> Fields)
{
    public static SuggestedSource Query(string query) => new("Prometheus", [("query", query)]);

    public static SuggestedSource Spans(params (string Key, string Value)[] fields) => new("sloengine", [("signal", "spans"), .. fields]);
}

/// <summary>Something for which no SLO is proposed.</summary>
/// <param name="Service">The service.</param>
/// <param name="What">What would be measured.</param>
/// <param name="Reason">Why not.</param>
internal sealed record PassedOver(string Service, string What, string Reason);

/// <summary>What a tenant's history bears.</summary>
/// <param name="Suggestions">SLOs.</param>
/// <param name="PassedOver">What was looked at in vain.</param>
internal sealed record SloSuggestions(IReadOnlyList<SloSuggestion> Suggestions, IReadOnlyList<PassedOver> PassedOver);
