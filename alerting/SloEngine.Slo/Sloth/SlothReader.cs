using SloEngine.Slo.Burn;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.Native;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Sloth;

/// <summary>Reads Sloth's files: <c>prometheus/v1</c>, and the Kubernetes resource, which has the same fields in another spelling.</summary>
internal static class SlothReader
{
    /// <summary>The version of a file.</summary>
    public const string Version = "prometheus/v1";

    /// <summary>Takes in a Kubernetes resource.</summary>
    public static void CollectResource(YamlPlace document, SloDefinitions definitions)
    {
        YamlPlace kind = document.Required("kind");
        switch (kind.Text)
        {
            case "PrometheusServiceLevel":
                document.Required("metadata").Required("name");
                Collect(document, document.Required("spec"), definitions);
                break;
            case "AlertWindows":
                definitions.Windows.Add(document);
                break;
            default:
                throw kind.Fail($"kind is '{kind.Text}', expected PrometheusServiceLevel or AlertWindows");
        }
    }

    /// <summary>Takes in the SLOs of a service.</summary>
    /// <param name="document">The document.</param>
    /// <param name="spec">What has the fields.</param>
    /// <param name="definitions">Receives them.</param>
    public static void Collect(YamlPlace document, YamlPlace spec, SloDefinitions definitions)
    {
        spec.OnlyKeys("version", "service", "labels", "slos", "slo_plugins", "sloPlugins");
        YamlPlace service = spec.Required("service");
        CheckName(service);
        YamlPlace slos = spec.Required("slos");
        Dictionary<string, string> labels = Labels(spec.Optional("labels"));
        foreach (YamlPlace slo in slos.Items)
        {
            definitions.Try(() =>
            {
                YamlPlace name = slo.Required("name");
                CheckName(name);
                // Only the resource has annotations.
                definitions.Add(name, () => Slo(slo, service.Text, labels, definitions) with
                {
                    Exclusions = ReferenceEquals(document, spec) ? [] : ExclusionReader.OfAnnotation(document.Required("metadata").Optional("annotations")),
                });
            });
        }
    }

    private static ServiceLevelObjective Slo(YamlPlace slo, string service, Dictionary<string, string> common, SloDefinitions definitions)
    {
        slo.OnlyKeys("name", "description", "objective", "labels", "sli", "alerting", "plugins");
        string name = slo.Required("name").Text;
        YamlPlace objective = slo.Required("objective");
        if (objective.Number is not (> 0 and < 100))
        {
            throw objective.Fail($"{objective.Path} is {objective.Text}, expected above 0 and below 100");
        }
        Dictionary<string, string> labels = Over(common, Labels(slo.Optional("labels")));
        TimeSpan period = definitions.Windows.Period;
        double target = objective.Number / 100;
        YamlPlace? alerting = slo.Optional("alerting");
        return new ServiceLevelObjective
        {
            Id = $"{service}-{name}",
            DisplayName = name,
            Description = slo.Optional("description")?.Text ?? "",
            Service = service,
            Labels = labels,
            Runbook = alerting?.Optional("annotations")?.Optional("runbook_url", "runbook")?.Text,
            Alerts = new Dictionary<Severity, AlertTemplate>
            {
                [Severity.Page] = Alert(service, name, "page", alerting, alerting?.Optional("page_alert", "pageAlert")),
                [Severity.Ticket] = Alert(service, name, "ticket", alerting, alerting?.Optional("ticket_alert", "ticketAlert")),
            },
            Objective = target,
            Window = period,
            Indicator = Indicator(slo.Required("sli"), definitions.Plugins),
            Policies = Policies(alerting, definitions.Windows.For(period), target),
            Source = slo.Source,
        };
    }

    private static Indicator Indicator(YamlPlace sli, SliPlugins plugins)
    {
        sli.OnlyKeys("events", "raw", "plugin");
        YamlPlace[] given = [.. sli.Fields.Select(field => field.Value).Where(value => !value.IsEmpty)];
        if (given.Length != 1)
        {
            throw sli.Fail($"{sli.Path} has {given.Length} kinds of indicator, expected one of events, raw and plugin");
        }
        YamlPlace kind = given[0];
        try
        {
            return sli.Optional("plugin") is { } plugin ? IndicatorCompiler.Raw(WithWindow(plugins.ErrorRatio(plugin)), isBad: true)
                : sli.Optional("raw") is { } raw ? IndicatorCompiler.Raw(Query(raw, "error_ratio_query", "errorRatioQuery"), isBad: true)
                : IndicatorCompiler.Events(Query(kind, "error_query", "errorQuery"), Query(kind, "total_query", "totalQuery"), partIsBad: true);
        }
        catch (FormatException unsupported)
        {
            throw kind.Fail($"{kind.Path}: {unsupported.Message}");
        }
    }

    private static WindowedQuery Query(YamlPlace sli, string key, string resourceKey)
    {
        YamlPlace expression = sli.Optional(key, resourceKey) ?? sli.Required(key);
        try
        {
            return WithWindow(expression.Text);
        }
        catch (FormatException wrong)
        {
            throw expression.Fail($"{expression.Path}: {wrong.Message}");
        }
    }

    private static WindowedQuery WithWindow(string text)
    {
        WindowedQuery query = WindowedQuery.Parse(text);
        return query.IsOpen ? query : throw new FormatException("the window is missing; expected a range [{{.window}}]");
    }

    private static IReadOnlyList<BurnPolicy> Policies(YamlPlace? alerting, IReadOnlyList<BurnPolicy> windows, double target)
    {
        alerting?.OnlyKeys("name", "labels", "annotations", "page_alert", "pageAlert", "ticket_alert", "ticketAlert");
        bool page = IsOn(alerting?.Optional("page_alert", "pageAlert"));
        bool ticket = IsOn(alerting?.Optional("ticket_alert", "ticketAlert"));
        // A burn that even a total outage does not reach can only be kept silent.
        return [.. windows.Where(policy => (policy.Severity == Severity.Page ? page : ticket) && policy.Factor <= BurnPolicy.HighestBurn(target))];
    }

    /// <summary>What holds for both alerts, and what for one of them; with the labels that Sloth's alerts have, by which they are routed.</summary>
    private static AlertTemplate Alert(string service, string name, string severity, YamlPlace? alerting, YamlPlace? alert) => new()
    {
        Name = alerting?.Optional("name")?.Text,
        Labels = Over(
            new() { ["sloth_id"] = $"{service}-{name}", ["sloth_service"] = service, ["sloth_slo"] = name, ["sloth_severity"] = severity },
            Over(Labels(alerting?.Optional("labels")), Labels(alert?.Optional("labels")))),
        Annotations = Over(Labels(alerting?.Optional("annotations")), Labels(alert?.Optional("annotations"))),
    };

    private static bool IsOn(YamlPlace? alert)
    {
        alert?.OnlyKeys("disable", "labels", "annotations");
        return alert?.Optional("disable")?.Boolean != true;
    }

    private static Dictionary<string, string> Labels(YamlPlace? labels) =>
        (labels?.Fields ?? []).ToDictionary(field => field.Key, field => field.Value.Text, StringComparer.Ordinal);

    /// <summary>Labels, and those that stand above them.</summary>
    private static Dictionary<string, string> Over(Dictionary<string, string> labels, Dictionary<string, string> above) =>
        above.Concat(labels).DistinctBy(label => label.Key).ToDictionary(StringComparer.Ordinal);

    /// <summary>Sloth makes an id of both, which also names rules and label values.</summary>
    private static void CheckName(YamlPlace name)
    {
        if (name.Text.Length > 100 || !name.Text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_'))
        {
            throw name.Fail($"{name.Path} is '{name.Text}', expected letters, digits, '-', '.' and '_', up to 100");
        }
    }
}
