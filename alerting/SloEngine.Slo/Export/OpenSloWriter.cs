using System.Globalization;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Export;

/// <summary>Writes SLOs as OpenSLO v1, which reads back to the same model.</summary>
public static class OpenSloWriter
{
    /// <summary>SLOs as documents of one file.</summary>
    /// <exception cref="SloExportException">What an SLO measures has no PromQL.</exception>
    public static string Write(IEnumerable<ServiceLevelObjective> slos) => YamlDocuments.Write(slos.Select(Document));

    private static Dictionary<string, object> Document(ServiceLevelObjective slo)
    {
        var metadata = new Dictionary<string, object> { ["name"] = slo.Id, ["displayName"] = slo.DisplayName };
        if (slo.Labels.Count > 0)
        {
            metadata["labels"] = slo.Labels;
        }
        Dictionary<string, string> annotations = Annotations(slo);
        if (annotations.Count > 0)
        {
            metadata["annotations"] = annotations;
        }
        var spec = new Dictionary<string, object>();
        if (slo.Description.Length > 0)
        {
            spec["description"] = slo.Description;
        }
        spec["service"] = slo.Service;
        if (!slo.IsMadeOfObjectives)
        {
            spec["indicator"] = Inline(slo.Id, CommonIndicator(slo));
        }
        spec["timeWindow"] = new[] { Window(slo.BudgetWindow) };
        spec["budgetingMethod"] = slo.Method.ToString();
        spec["objectives"] = slo.Objectives.Select(objective => Objective(slo, objective)).ToList();
        spec["alertPolicies"] = slo.Policies.Select(Policy).ToList();
        return new Dictionary<string, object> { ["apiVersion"] = "openslo/v1", ["kind"] = "SLO", ["metadata"] = metadata, ["spec"] = spec };
    }

    /// <summary>What all objectives measure: only thresholds may differ.</summary>
    private static Dictionary<string, object> CommonIndicator(ServiceLevelObjective slo)
    {
        Dictionary<string, object> common = Indicator(slo, slo.Indicator);
        string text = YamlDocuments.Write([common]);
        return slo.Objectives.All(objective => objective.Indicator is not { } own || YamlDocuments.Write([Indicator(slo, own)]) == text) ? common
            : throw new SloExportException($"{slo.Id} ({slo.Source}) has objectives that measure different things, which OpenSLO has for composites alone: give them weights");
    }

    private static Dictionary<string, object> Inline(string name, Dictionary<string, object> indicator) =>
        new() { ["metadata"] = new Dictionary<string, object> { ["name"] = name }, ["spec"] = indicator };

    /// <summary>What OpenSLO has no field for.</summary>
    private static Dictionary<string, string> Annotations(ServiceLevelObjective slo)
    {
        var annotations = new Dictionary<string, string>();
        Add("runbook", slo.Runbook, slo.Runbook is null);
        Add("tenant", slo.Tenant, slo.Tenant is null);
        Add("group-by", string.Join(",", slo.GroupBy), slo.GroupBy.Count == 0);
        Add("max-groups", slo.MaxGroups, slo.MaxGroups == ServiceLevelObjective.DefaultMaxGroups);
        Add("minimum-events", slo.MinimumEvents, slo.MinimumEvents == ServiceLevelObjective.DefaultMinimumEvents);
        Add("minimum-failures", slo.MinimumFailures, slo.MinimumFailures == 0);
        Add("coverage-floor", slo.CoverageFloor, slo.CoverageFloor == 0);
        Add("traffic-aware", "true", !slo.IsTrafficAware);
        Add("lateness", WindowedQuery.DurationText(slo.Lateness ?? default), slo.Lateness is null);
        Add("exclusions", YamlDocuments.Write([slo.Exclusions.Select(NativeSloWriter.Exclusion).ToList()]), slo.Exclusions.Count == 0);
        return annotations;

        void Add(string key, object? value, bool isDefault)
        {
            if (!isDefault)
            {
                annotations["sloengine/" + key] = Convert.ToString(value, CultureInfo.InvariantCulture)!;
            }
        }
    }

    private static Dictionary<string, object> Indicator(ServiceLevelObjective slo, Indicator indicator)
    {
        if (indicator is { Part: MetricMeasure { Part: MetricPart.SamplesThatHold } held })
        {
            return new() { ["thresholdMetric"] = Source(MeasureQuery.Selector(held.Metric, held.Matchers)) };
        }
        if (indicator is { Kind: "raw", ErrorRatio: { } ratio })
        {
            return new() { ["ratioMetric"] = new Dictionary<string, object> { ["rawType"] = "failure", ["raw"] = Source(ratio.Text) } };
        }
        if (indicator.Kind != "threshold" && MeasureQuery.Of(indicator.Part) is { } part && MeasureQuery.Of(indicator.Total) is { } total)
        {
            return new()
            {
                ["ratioMetric"] = new Dictionary<string, object> { ["counter"] = true, [indicator.PartIsBad ? "bad" : "good"] = Source(part), ["total"] = Source(total) },
            };
        }
        if (indicator.Part is HeartbeatMeasure heartbeat)
        {
            return new() { ["heartbeat"] = SignalSource.Of(heartbeat) };
        }
        if (SignalSource.Of(indicator.Part) is { } signal && SignalSource.Of(indicator.Total) is { } signals)
        {
            return new() { ["ratioMetric"] = new Dictionary<string, object> { [indicator.PartIsBad ? "bad" : "good"] = Source(signal), ["total"] = Source(signals) } };
        }
        if (indicator.Total is CompositeMeasure composite)
        {
            return new() { ["composite"] = composite.Members.Select(member => new Dictionary<string, object> { ["slo"] = member.Slo, ["weight"] = member.Weight }).ToList() };
        }
        throw new SloExportException($"{slo.Id} ({slo.Source}) measures {indicator.Total.Describe()}, which is not written as PromQL");
    }

    private static Dictionary<string, object> Source(string query) => new()
    {
        ["metricSource"] = new Dictionary<string, object> { ["type"] = "Prometheus", ["spec"] = new Dictionary<string, object> { ["query"] = query } },
    };

    private static Dictionary<string, object> Source(IReadOnlyDictionary<string, object> signal) => new()
    {
        ["metricSource"] = new Dictionary<string, object> { ["type"] = "sloengine", ["spec"] = signal },
    };

    private static Dictionary<string, object> Window(BudgetWindow window)
    {
        if (window is not CalendarWindow calendar)
        {
            return new() { ["duration"] = WindowedQuery.DurationText(window.Length), ["isRolling"] = true };
        }
        return new()
        {
            ["duration"] = OpenSloWindows.LengthText(calendar),
            ["isRolling"] = false,
            ["calendar"] = new Dictionary<string, object>
            {
                ["startTime"] = calendar.Start.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                ["timeZone"] = calendar.Zone.Id,
            },
        };
    }

    private static Dictionary<string, object> Objective(ServiceLevelObjective slo, Objective objective)
    {
        Indicator indicator = objective.Indicator ?? slo.Indicator;
        var fields = new Dictionary<string, object>();
        if (objective.Name.Length > 0)
        {
            fields["displayName"] = objective.Name;
        }
        if (indicator.Part is MetricMeasure { Part: MetricPart.SamplesThatHold } held)
        {
            fields["op"] = held.Comparison;
            fields["value"] = held.Threshold;
        }
        fields["target"] = objective.Target;
        if (objective.TimesliceTarget is { } target)
        {
            fields["timeSliceTarget"] = target;
        }
        if (objective.TimesliceWindow is { } slice)
        {
            fields["timeSliceWindow"] = WindowedQuery.DurationText(slice);
        }
        if (slo.IsMadeOfObjectives)
        {
            fields["indicator"] = Inline(objective.Name, Indicator(slo, indicator));
        }
        if (objective.Weight is { } weight)
        {
            fields["compositeWeight"] = weight;
        }
        return fields;
    }

    private static Dictionary<string, object> Policy(BurnPolicy policy)
    {
        var condition = new Dictionary<string, object> { ["name"] = policy.Name };
        if (policy.Short * 12 != policy.Long)
        {
            condition["annotations"] = new Dictionary<string, string> { [OpenSloWindows.ShortWindow] = WindowedQuery.DurationText(policy.Short) };
        }
        return new()
        {
            ["kind"] = "AlertPolicy",
            ["metadata"] = new Dictionary<string, object> { ["name"] = policy.Name },
            ["spec"] = new Dictionary<string, object>
            {
                ["conditions"] = new[]
                {
                    new Dictionary<string, object>
                    {
                        ["kind"] = "AlertCondition",
                        ["metadata"] = condition,
                        ["spec"] = new Dictionary<string, object>
                        {
                            ["severity"] = policy.Severity == Severity.Page ? "page" : "ticket",
                            ["condition"] = new Dictionary<string, object>
                            {
                                ["kind"] = "burnrate",
                                ["op"] = "gte",
                                ["threshold"] = policy.Factor,
                                ["lookbackWindow"] = WindowedQuery.DurationText(policy.Long),
                                ["alertAfter"] = WindowedQuery.DurationText(policy.For),
                            },
                        },
                    },
                },
            },
        };
    }
}
