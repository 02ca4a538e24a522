using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Export;

/// <summary>Writes SLOs in SloEngine's own format, which has a field for all that the model can say and reads back to the same model.</summary>
public static partial class NativeSloWriter
{
    /// <summary>SLOs as documents of one file.</summary>
    /// <exception cref="SloExportException">What an SLO measures cannot be written.</exception>
    public static string Write(IEnumerable<ServiceLevelObjective> slos) => YamlDocuments.Write(slos.Select(Document));

    private static Dictionary<string, object> Document(ServiceLevelObjective slo)
    {
        var metadata = new Fields { ["name"] = slo.Id };
        metadata.AddUnless("displayName", slo.DisplayName, slo.DisplayName == slo.Id);
        metadata.AddUnless("labels", slo.Labels, slo.Labels.Count == 0);
        var spec = new Fields();
        spec.AddUnless("description", slo.Description, slo.Description.Length == 0);
        spec["service"] = slo.Service;
        spec.AddUnless("tenant", slo.Tenant!, slo.Tenant is null);
        spec.AddUnless("runbook", slo.Runbook!, slo.Runbook is null);
        spec["indicator"] = Indicator(slo, slo.Indicator);
        spec["window"] = Window(slo.BudgetWindow);
        spec["budgetingMethod"] = slo.Method.ToString();
        spec.AddUnless("lateness", WindowedQuery.DurationText(slo.Lateness ?? default), slo.Lateness is null);
        spec.AddUnless("groupBy", slo.GroupBy, slo.GroupBy.Count == 0);
        spec.AddUnless("maxGroups", slo.MaxGroups, slo.MaxGroups == ServiceLevelObjective.DefaultMaxGroups);
        spec.AddUnless("minimumEvents", slo.MinimumEvents, slo.MinimumEvents == ServiceLevelObjective.DefaultMinimumEvents);
        spec.AddUnless("minimumFailures", slo.MinimumFailures, slo.MinimumFailures == 0);
        spec.AddUnless("coverageFloor", slo.CoverageFloor, slo.CoverageFloor == 0);
        spec.AddUnless("trafficAware", true, !slo.IsTrafficAware);
        spec.AddUnless("exclusions", slo.Exclusions.Select(Exclusion).ToList(), slo.Exclusions.Count == 0);
        spec["objectives"] = slo.Objectives.Select(objective => Objective(slo, objective)).ToList();
        spec["alerts"] = slo.Policies.Select(Policy).ToList();
        spec.AddUnless("notifications", slo.Alerts.ToDictionary(static alert => alert.Key == Severity.Page ? "page" : "ticket", static alert => Template(alert.Value)), slo.Alerts.Count == 0);
        return new Fields { ["apiVersion"] = Native.NativeSloReader.Version, ["kind"] = "SLO", ["metadata"] = metadata, ["spec"] = spec };
    }

    private static Fields Template(AlertTemplate template)
    {
        var fields = new Fields();
        fields.AddUnless("name", template.Name!, template.Name is null);
        fields.AddUnless("labels", template.Labels, template.Labels.Count == 0);
        fields.AddUnless("annotations", template.Annotations, template.Annotations.Count == 0);
        return fields;
    }

    private static Fields Indicator(ServiceLevelObjective slo, Indicator indicator)
    {
        Fields fields = Measured(slo, indicator);
        if (indicator.ErrorRatio is { } ratio && !fields.ContainsKey("errorRatio") && !fields.ContainsKey("successRatio") && IsOwn(fields, indicator))
        {
            fields["errorRatio"] = ratio.Text;
        }
        return fields;
    }

    /// <summary>Whether an indicator's error ratio is another one than follows from what it counts.</summary>
    private static bool IsOwn(Fields fields, Indicator indicator) =>
        (fields.GetValueOrDefault(indicator.PartIsBad ? "bad" : "good"), fields.GetValueOrDefault("total")) is not (string part, string total)
        || IndicatorCompiler.Events(WindowedQuery.Parse(part), WindowedQuery.Parse(total), indicator.PartIsBad).ErrorRatio != indicator.ErrorRatio;

    private static Fields Measured(ServiceLevelObjective slo, Indicator indicator)
    {
        if (indicator.Total is CompositeMeasure composite)
        {
            return new() { ["composite"] = composite.Members.Select(member => new Fields { ["slo"] = member.Slo, ["weight"] = member.Weight }).ToList() };
        }
        if (indicator.Part is HeartbeatMeasure heartbeat)
        {
            return new() { ["heartbeat"] = SignalSource.Of(heartbeat) };
        }
        if (indicator.Part is MetricMeasure { Part: MetricPart.SamplesThatHold } held)
        {
            return Threshold(MeasureQuery.Selector(held.Metric, held.Matchers), held.Comparison, held.Threshold);
        }
        if (indicator is { Kind: "threshold", Part: QueryMeasure compared } && Comparison().Match(compared.Query.Text) is { Success: true } match)
        {
            string op = match.Groups["sign"].Value switch { "<" => "lt", ">" => "gt", ">=" => "gte", _ => "lte" };
            return Threshold(match.Groups["value"].Value, op, double.Parse(match.Groups["bound"].Value, CultureInfo.InvariantCulture));
        }
        if (indicator is { Kind: "raw", Part: QueryMeasure { Query.Text: var sum } })
        {
            return new() { [indicator.PartIsBad ? "errorRatio" : "successRatio"] = sum["sum(".Length..^1] };
        }
        return new() { [indicator.PartIsBad ? "bad" : "good"] = Measure(slo, indicator.Part), ["total"] = Measure(slo, indicator.Total) };
    }

    private static Fields Threshold(string query, string op, double value) => new() { ["threshold"] = new Fields { ["query"] = query, ["op"] = op, ["value"] = value } };

    private static object Measure(ServiceLevelObjective slo, Measure measure) => measure switch
    {
        SpanMeasure or LogMeasure => SignalSource.Of(measure)!,
        ForeignMeasure foreign => new Fields { ["type"] = foreign.System, ["query"] = foreign.Query },
        _ => MeasureQuery.Of(measure) ?? throw new SloExportException($"{slo.Id} ({slo.Source}) measures {measure.Describe()}, which this format has no words for"),
    };

    private static object Window(BudgetWindow window) => window is CalendarWindow calendar
        ? new Fields { ["calendar"] = OpenSloWindows.LengthText(calendar), ["start"] = Local(calendar.Start), ["timeZone"] = calendar.Zone.Id }
        : WindowedQuery.DurationText(window.Length);

    /// <summary>Fields of an exclusion.</summary>
    internal static object Exclusion(Exclusion exclusion)
    {
        Fields fields = exclusion switch
        {
            OneOffExclusion once => new() { ["from"] = Time(once.Start), ["to"] = Time(once.End) },
            RecurringExclusion recurring => new()
            {
                ["every"] = OpenSloWindows.LengthText(recurring.Every),
                ["from"] = Local(recurring.Every.Start),
                ["timeZone"] = recurring.Every.Zone.Id,
                ["duration"] = WindowedQuery.DurationText(recurring.Length),
            },
            _ => Scheduled((ScheduledExclusion)exclusion),
        };
        fields.AddUnless("reason", exclusion.Reason, exclusion.Reason.Length == 0);
        return fields;
    }

    private static Fields Scheduled(ScheduledExclusion exclusion) => new()
    {
        ["cron"] = exclusion.Schedule.Expression,
        ["timeZone"] = exclusion.Zone.Id,
        ["duration"] = WindowedQuery.DurationText(exclusion.Length),
    };

    private static Fields Objective(ServiceLevelObjective slo, Objective objective)
    {
        var fields = new Fields();
        fields.AddUnless("name", objective.Name, objective.Name.Length == 0);
        fields["target"] = objective.Target;
        fields.AddUnless("slice", WindowedQuery.DurationText(objective.Slice), objective.TimesliceWindow is null);
        fields.AddUnless("sliceTarget", objective.SliceTarget, objective.TimesliceTarget is null);
        fields.AddUnless("weight", objective.Weight ?? 0, objective.Weight is null);
        if (objective.Indicator is { } own && own != slo.Indicator)
        {
            fields["indicator"] = Indicator(slo, own);
        }
        if (objective.Policies is { } policies && (slo.IsMadeOfObjectives || !policies.SequenceEqual(slo.Policies)))
        {
            fields["alerts"] = policies.Select(Policy).ToList();
        }
        return fields;
    }

    private static Fields Policy(BurnPolicy policy)
    {
        var fields = new Fields
        {
            ["name"] = policy.Name,
            ["severity"] = policy.Severity == Severity.Page ? "page" : "ticket",
            ["long"] = WindowedQuery.DurationText(policy.Long),
            ["short"] = WindowedQuery.DurationText(policy.Short),
            ["factor"] = policy.Factor,
        };
        fields.AddUnless("for", WindowedQuery.DurationText(policy.For), policy.For == TimeSpan.Zero);
        fields.AddUnless("pausesReleases", true, !policy.PausesReleases);
        return fields;
    }

    private static string Local(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>What <see cref="IndicatorCompiler"/> makes of a threshold on a query.</summary>
    [GeneratedRegex(@"^sum\(\((?<value>.*)\) (?<sign><=|<|>=|>) bool (?<bound>\S+)\)$", RegexOptions.Singleline)]
    private static partial Regex Comparison();

    /// <summary>Fields of a mapping, in order.</summary>
    private sealed class Fields : Dictionary<string, object>
    {
        public void AddUnless(string key, object value, bool isDefault)
        {
            if (!isDefault)
            {
                this[key] = value;
            }
        }
    }
}
