using System.Globalization;
using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.Native;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Pyrra;

/// <summary>Reads Pyrra's resources (pyrra-dev/pyrra, kubernetes/api/v1alpha1).</summary>
internal static class PyrraReader
{
    private const string LabelPrefix = "pyrra.dev/";

    /// <summary>Takes in a resource.</summary>
    public static void Collect(YamlPlace document, SloDefinitions definitions)
    {
        YamlPlace kind = document.Required("kind");
        if (kind.Text != "ServiceLevelObjective")
        {
            throw kind.Fail($"kind is '{kind.Text}', expected ServiceLevelObjective");
        }
        YamlPlace name = document.Required("metadata").Required("name");
        definitions.Add(name, () => Slo(document));
    }

    private static ServiceLevelObjective Slo(YamlPlace document)
    {
        YamlPlace metadata = document.Required("metadata");
        YamlPlace spec = document.Required("spec");
        spec.OnlyKeys("description", "target", "window", "serviceLevel", "indicator", "alerting", "performanceOverAccuracy", "partialResponseStrategy", "ruleOutput");
        string name = metadata.Required("name").Text;
        string? space = metadata.Optional("namespace")?.Text;
        YamlPlace target = spec.Required("target");
        if (target.Number is not (> 0 and < 100))
        {
            throw target.Fail($"{target.Path} is {target.Text}, expected above 0 and below 100");
        }
        YamlPlace window = spec.Required("window");
        if (window.Duration < TimeSpan.FromDays(1) || window.Duration > BudgetWindow.Longest)
        {
            throw window.Fail($"{window.Path} is {window.Text}, expected 1d to 366d");
        }
        (Indicator indicator, IReadOnlyList<string> grouping) = Indicator(spec.Required("indicator"));
        // 99.9 / 100 is not 0.999 in doubles, which is what the number would be printed as.
        double share = (double)(decimal.Parse(target.Text, NumberStyles.Float, CultureInfo.InvariantCulture) / 100);
        Dictionary<string, string> labels = Propagated(metadata.Optional("labels"));
        if (space is not null)
        {
            labels["namespace"] = space;
        }
        YamlPlace? alerting = spec.Optional("alerting");
        alerting?.OnlyKeys("disabled", "name", "burnrates", "absent", "absentName", "severities");
        PyrraRuleSettings settings = Settings(spec, alerting);
        AlertTemplate Alert(string policy, string severity) => new()
        {
            Name = alerting?.Optional("name")?.Text ?? "ErrorBudgetBurn",
            Labels = new Dictionary<string, string> { ["severity"] = settings.Severities.GetValueOrDefault(policy, severity) },
            Annotations = Propagated(metadata.Optional("annotations")),
        };
        return new ServiceLevelObjective
        {
            // The same name may stand in several namespaces.
            Id = space is null ? name : $"{space}.{name}",
            DisplayName = name,
            Description = spec.Optional("description")?.Text ?? "",
            Service = labels.GetValueOrDefault("service") ?? labels.GetValueOrDefault("team") ?? space ?? name,
            Labels = labels,
            Runbook = metadata.Optional("annotations")?.Optional("pyrra.dev/runbook_url", "pyrra.dev/runbook")?.Text,
            Objective = share,
            Window = window.Duration,
            GroupBy = grouping,
            Exclusions = ExclusionReader.OfAnnotation(metadata.Optional("annotations")),
            Indicator = indicator,
            Policies = Policies(alerting, share, window.Duration),
            // An alert here is for all policies of a severity: the more urgent one says how urgent.
            Alerts = new Dictionary<Severity, AlertTemplate> { [Severity.Page] = Alert("fast-burn", "critical"), [Severity.Ticket] = Alert("slow-burn", "warning") },
            Pyrra = settings,
            Source = document.Source,
        };
    }

    private static IReadOnlyList<BurnPolicy> Policies(YamlPlace? alerting, double target, TimeSpan window) =>
        alerting?.Optional("disabled")?.Boolean == true || alerting?.Optional("burnrates")?.Boolean == false ? []
            : BurnPresets.Of(BurnPreset.Pyrra, target, window);

    private static PyrraRuleSettings Settings(YamlPlace spec, YamlPlace? alerting)
    {
        YamlPlace? severities = alerting?.Optional("severities");
        severities?.OnlyKeys("fastBurn", "mediumBurn", "slowBurn", "longTermBurn", "absent");
        YamlPlace? output = spec.Optional("ruleOutput");
        PyrraRuleSettings none = PyrraRuleSettings.Default;
        return new PyrraRuleSettings
        {
            Absent = alerting?.Optional("absent")?.Boolean ?? none.Absent,
            AbsentName = alerting?.Optional("absentName")?.Text ?? none.AbsentName,
            AbsentSeverity = severities?.Optional("absent")?.Text ?? none.AbsentSeverity,
            Severities = (((string Policy, string Key)[])[("fast-burn", "fastBurn"), ("burn", "mediumBurn"), ("slow-burn", "slowBurn"), ("creep", "longTermBurn")])
                .Select(tier => (tier.Policy, severities?.Optional(tier.Key)?.Text)).Where(tier => tier.Text is not null).ToDictionary(tier => tier.Policy, tier => tier.Text!),
            InSteps = spec.Optional("performanceOverAccuracy")?.Boolean ?? none.InSteps,
            DescriptionAsLabel = output?.Optional("enableDescriptionAsLabel")?.Boolean ?? none.DescriptionAsLabel,
        };
    }

    /// <summary>Labels or annotations that go to rules: the others are those of the Kubernetes resource.</summary>
    private static Dictionary<string, string> Propagated(YamlPlace? fields) => (fields?.Fields ?? [])
        .Where(field => field.Key.StartsWith(LabelPrefix, StringComparison.Ordinal))
        .ToDictionary(field => field.Key[LabelPrefix.Length..], field => field.Value.Text, StringComparer.Ordinal);

    private static (Indicator Indicator, IReadOnlyList<string> Grouping) Indicator(YamlPlace indicator)
    {
        indicator.OnlyKeys("ratio", "latency", "latencyNative", "bool_gauge", "boolGauge");
        (string Key, YamlPlace Spec)[] given = [.. indicator.Fields.Select(field => (field.Key, field.Value))];
        if (given.Length != 1)
        {
            throw indicator.Fail($"{indicator.Path} has {given.Length} indicators, expected one");
        }
        (string key, YamlPlace spec) = given[0];
        IReadOnlyList<string> grouping = [.. (spec.Optional("grouping")?.Items ?? []).Select(label => label.Text)];
        string sum = grouping.Count == 0 ? "sum" : $"sum by ({string.Join(", ", grouping.Order(StringComparer.Ordinal))}) ";
        return (key switch
        {
            "ratio" => Ratio(spec, sum),
            "latency" => Latency(spec, sum),
            "latencyNative" => LatencyNative(spec, sum),
            _ => BoolGauge(spec, sum),
        }, grouping);
    }

    private static Indicator Ratio(YamlPlace spec, string sum)
    {
        Metric errors = Read(spec.Required("errors"));
        Metric total = Read(spec.Required("total"));
        return new Indicator("ratio", errors.Counted, total.Counted, PartIsBad: true)
        {
            ErrorRatio = WindowedQuery.Parse($"{sum}({errors.Rate}) / {sum}({total.Rate})"),
        };
    }

    private static Indicator Latency(YamlPlace spec, string sum)
    {
        YamlPlace success = spec.Required("success");
        Metric fast = Read(success);
        if (fast.Counted.Part != MetricPart.AtOrBelow)
        {
            throw success.Required("metric").Fail($"{success.Path}.metric is to be a histogram's _bucket with a matcher le=\"<bound>\"");
        }
        Metric total = Read(spec.Required("total"));
        return new Indicator("latency", fast.Counted, total.Counted, PartIsBad: false)
        {
            ErrorRatio = WindowedQuery.Parse($"({sum}({total.Rate}) - {sum}({fast.Rate})) / {sum}({total.Rate})"),
        };
    }

    private static Indicator LatencyNative(YamlPlace spec, string sum)
    {
        YamlPlace bound = spec.Required("latency");
        if (!PromQLParser.TryParseDuration(bound.Text, out long milliseconds) || milliseconds <= 0)
        {
            throw bound.Fail($"{bound.Path} is '{bound.Text}', expected a duration such as 250ms or 1s");
        }
        double seconds = milliseconds / 1000d;
        Metric total = Read(spec.Required("total"));
        var all = total.Counted with { Part = MetricPart.Count };
        return new Indicator("latency", all with { Part = MetricPart.AtOrBelow, Threshold = seconds }, all, PartIsBad: false)
        {
            ErrorRatio = WindowedQuery.Parse(string.Create(CultureInfo.InvariantCulture, $"1 - histogram_fraction(0, {seconds:R}, {sum}({total.Rate}))")),
        };
    }

    private static Indicator BoolGauge(YamlPlace spec, string sum)
    {
        // The metric stands in the indicator itself, beside the grouping.
        Metric gauge = Read(spec);
        var samples = gauge.Counted with { Metric = gauge.Name, Part = MetricPart.Samples };
        string count = $"{sum}(count_over_time({gauge.Selector}[{{{{.window}}}}]))";
        return new Indicator("threshold", samples with { Part = MetricPart.SamplesThatHold, Threshold = 1, Comparison = "gte" }, samples, PartIsBad: false)
        {
            ErrorRatio = WindowedQuery.Parse($"({count} - {sum}(sum_over_time({gauge.Selector}[{{{{.window}}}}]))) / {count}"),
        };
    }

    private static Metric Read(YamlPlace place)
    {
        YamlPlace metric = place.Required("metric");
        try
        {
            if (PromQLParser.Parse(metric.Text) is VectorSelector selector && TapCompiler.Selector(selector) is var (name, matchers)
                && TapCompiler.Compile(selector) is { } counted)
            {
                return new Metric(name, MeasureQuery.Selector(name, [.. matchers.OrderBy(matcher => matcher.Label, StringComparer.Ordinal)]), counted);
            }
        }
        catch (PromQLParseException wrong)
        {
            throw metric.Fail($"{metric.Path}: not PromQL: {wrong.Message}");
        }
        throw metric.Fail($"{metric.Path} is '{metric.Text}', expected a selector such as http_requests_total{{job=\"web\"}}");
    }

    /// <summary>A metric of an indicator.</summary>
    /// <param name="Name">Its full name.</param>
    /// <param name="Selector">Selector, with matchers by name, as Pyrra prints it.</param>
    /// <param name="Counted">What of it is counted as telemetry passes.</param>
    private readonly record struct Metric(string Name, string Selector, MetricMeasure Counted)
    {
        public string Rate => $"rate({Selector}[{{{{.window}}}}])";
    }
}
