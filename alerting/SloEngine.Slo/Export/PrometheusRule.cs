using YamlDotNet.Serialization;

namespace SloEngine.Slo.Export;

/// <summary>A recording or alerting rule of Prometheus.</summary>
/// <param name="Name">Name of the series, or of the alert.</param>
/// <param name="IsAlert">Whether it alerts.</param>
/// <param name="Expression">PromQL.</param>
/// <param name="Labels">Labels.</param>
public sealed record PrometheusRule(string Name, bool IsAlert, string Expression, IReadOnlyDictionary<string, string> Labels)
{
    /// <summary>How long an alert's condition has to hold.</summary>
    public TimeSpan For { get; init; }

    /// <summary>Annotations of an alert.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();
}

/// <summary>A group of rules.</summary>
/// <param name="Name">Name.</param>
/// <param name="Rules">Rules.</param>
public sealed record PrometheusRuleGroup(string Name, IReadOnlyList<PrometheusRule> Rules)
{
    /// <summary>Time between evaluations; null for Prometheus's own.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>Groups as a rule file.</summary>
    public static string Write(IEnumerable<PrometheusRuleGroup> groups) => new SerializerBuilder().DisableAliases().Build().Serialize(new Dictionary<string, object>
    {
        ["groups"] = groups.Select(static group => group.ToYaml()).ToList(),
    });

    private Dictionary<string, object> ToYaml()
    {
        var yaml = new Dictionary<string, object> { ["name"] = Name };
        if (Interval is { } interval)
        {
            yaml["interval"] = Model.WindowedQuery.DurationText(interval);
        }
        yaml["rules"] = Rules.Select(static rule =>
        {
            var fields = new Dictionary<string, object> { [rule.IsAlert ? "alert" : "record"] = rule.Name, ["expr"] = rule.Expression };
            if (rule.For > TimeSpan.Zero)
            {
                fields["for"] = Model.WindowedQuery.DurationText(rule.For);
            }
            fields["labels"] = rule.Labels;
            if (rule.Annotations.Count > 0)
            {
                fields["annotations"] = rule.Annotations;
            }
            return fields;
        }).ToList();
        return yaml;
    }
}

/// <summary>An SLO cannot be written in a format; the message says why.</summary>
public sealed class SloExportException(string message) : Exception(message);
