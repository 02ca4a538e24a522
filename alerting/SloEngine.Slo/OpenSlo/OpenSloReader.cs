using System.Globalization;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.Native;

namespace SloEngine.Slo.OpenSlo;

/// <summary>Reads OpenSLO documents (OpenSLO/OpenSLO README; v1alpha as slogen and Sloth have it; v2alpha as in its enhancement).</summary>
internal sealed class OpenSloReader(SloDefinitions definitions, OpenSloDialect dialect)
{
    private readonly OpenSloIndicators _indicators = new(definitions.Objects, dialect);

    /// <summary>Takes in a document.</summary>
    public void Collect(YamlPlace document)
    {
        YamlPlace kind = document.Required("kind");
        if (!dialect.Kinds.Contains(kind.Text))
        {
            throw kind.Fail($"kind is '{kind.Text}', expected one of {string.Join(", ", dialect.Kinds)}");
        }
        if (!dialect.IsAlpha)
        {
            document.OnlyKeys("apiVersion", "kind", "metadata", "spec");
        }
        YamlPlace metadata = document.Required("metadata");
        metadata.OnlyKeys("name", "displayName", "labels", "annotations");
        YamlPlace name = Name(metadata);
        if (kind.Text == "SLO")
        {
            definitions.Add(name, () => Slo(document));
            return;
        }
        if (kind.Text == "Service")
        {
            // Nothing refers to a service but by its name, so that it may be described in several places.
            document.Optional("spec")?.OnlyKeys("description");
            return;
        }
        definitions.Objects.Add(kind.Text, name, document);
        definitions.AddCheck(() => Check(kind.Text, document.Required("spec")));
    }

    /// <summary>A name that may stand in addresses and queries.</summary>
    public static YamlPlace Name(YamlPlace metadata)
    {
        YamlPlace name = metadata.Required("name");
        return name.Text.Length <= 253 && name.Text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_')
            ? name : throw name.Fail($"metadata.name is '{name.Text}', expected letters, digits, '-', '.' and '_'");
    }

    /// <summary>What an object needs whether or not an SLO uses it.</summary>
    private void Check(string kind, YamlPlace spec)
    {
        switch (kind)
        {
            case "SLI":
                spec.OnlyKeys("description", "thresholdMetric", "ratioMetric", "heartbeat");
                if (spec.Optional("thresholdMetric", "ratioMetric", "heartbeat") is null)
                {
                    throw spec.Fail($"{spec.Path}.ratioMetric or thresholdMetric is missing");
                }
                break;
            case "DataSource":
                spec.OnlyKeys("description", "type", "connectionDetails");
                spec.Required("type");
                break;
            case "AlertPolicy":
                CheckPolicy(spec, isUsed: false);
                break;
            case "AlertCondition":
                CheckCondition(spec);
                break;
            case "AlertNotificationTarget":
                spec.OnlyKeys("description", "target");
                spec.Required("target");
                break;
        }
    }

    /// <summary>Checks a policy with what it refers to. What an SLO uses has to be there; what none does may stand in files that are read elsewhere.</summary>
    private void CheckPolicy(YamlPlace spec, bool isUsed)
    {
        spec.OnlyKeys("description", "alertWhenNoData", "alertWhenBreaching", "alertWhenResolved", "conditions", "notificationTargets");
        foreach (YamlPlace entry in spec.Required("conditions").Items)
        {
            if (Resolve(entry, "AlertCondition", "conditionRef", isUsed) is { } condition)
            {
                CheckCondition(condition.Required("spec"));
            }
        }
        foreach (YamlPlace target in spec.Optional("notificationTargets")?.Items ?? [])
        {
            Resolve(target, "AlertNotificationTarget", "targetRef", isUsed)?.Required("spec").Required("target");
        }
    }

    /// <summary>An object that stands inline or is referred to; null, with a warning, when it stands nowhere and is not used.</summary>
    private YamlPlace? Resolve(YamlPlace place, string kind, string referenceKey, bool isUsed)
    {
        if (!isUsed && OpenSloObjects.Reference(place, referenceKey) is { } reference && definitions.Objects.Find(kind, reference.Text) is null)
        {
            definitions.Warnings.Add(OpenSloObjects.Missing(kind, reference).Error);
            return null;
        }
        return definitions.Objects.Resolve(place, kind, referenceKey);
    }

    private static void CheckCondition(YamlPlace spec)
    {
        spec.OnlyKeys("description", "severity", "condition");
        spec.Required("severity");
        YamlPlace burn = spec.Required("condition");
        burn.OnlyKeys("kind", "op", "threshold", "lookbackWindow", "alertAfter");
        YamlPlace kind = burn.Required("kind");
        if (kind.Text != "burnrate")
        {
            throw kind.Fail($"condition.kind is '{kind.Text}', expected burnrate");
        }
        _ = burn.Required("threshold").Number;
        _ = OpenSloWindows.Lookback(burn.Required("lookbackWindow"));
        _ = burn.Optional("alertAfter")?.Duration;
    }

    private ServiceLevelObjective Slo(YamlPlace document)
    {
        YamlPlace metadata = document.Required("metadata");
        YamlPlace spec = document.Required("spec");
        string name = metadata.Required("name").Text;
        YamlPlace service = spec.Optional(dialect.Service) ?? spec.Required(dialect.Service[0]);
        BudgetingMethod method = Method(spec.Optional("budgetingMethod"));
        BudgetWindow window = OpenSloWindows.Read(spec.Optional(dialect.TimeWindow), dialect.IsAlpha);
        YamlPlace objectives = spec.Required("objectives");
        YamlPlace[] all = [.. objectives.Items];
        if (all.Length == 0)
        {
            throw objectives.Fail("spec.objectives is empty, expected at least one");
        }
        YamlPlace? alerts = spec.Optional("alertPolicies");
        YamlPlace? annotations = metadata.Optional("annotations");
        BurnPreset preset = Preset(annotations?.Optional("sloengine/alerts"));
        foreach (YamlPlace policy in alerts?.Items ?? [])
        {
            CheckPolicy(definitions.Objects.Resolve(policy, "AlertPolicy", "alertPolicyRef").Required("spec"), isUsed: true);
        }
        Objective[] read = [.. all.Select((objective, index) => Objective(objective, index, all, spec, method))];
        bool isComposite = all.Length > 1 && !dialect.IsAlpha && all.Any(IsOfComposite);
        if (isComposite)
        {
            CheckSlices(objectives, method, read);
        }
        IReadOnlyList<BurnPolicy> Of(double target) => Policies(alerts, preset, target, window.Length);
        if (read.GroupBy(objective => objective.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw objectives.Fail($"spec.objectives has '{twice.Key}' twice, expected a displayName of its own for each");
        }
        if (!dialect.IsAlpha)
        {
            spec.OnlyKeys("description", "service", "serviceRef", dialect.Indicator, dialect.IndicatorReference, "timeWindow", "budgetingMethod", "objectives", "alertPolicies");
        }
        return new ServiceLevelObjective
        {
            Id = name,
            DisplayName = metadata.Optional("displayName")?.Text ?? name,
            Description = spec.Optional("description")?.Text ?? "",
            Service = service.Text,
            Labels = Labels(metadata.Optional("labels")),
            Runbook = annotations?.Optional("sloengine/runbook")?.Text,
            Tenant = annotations?.Optional("sloengine/tenant")?.Text,
            GroupBy = annotations?.Optional("sloengine/group-by")?.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
            MaxGroups = (int)Number(annotations, "sloengine/max-groups", ServiceLevelObjective.DefaultMaxGroups, 1, 10_000),
            MinimumEvents = Number(annotations, "sloengine/minimum-events", ServiceLevelObjective.DefaultMinimumEvents, 0, 1e12),
            MinimumFailures = Number(annotations, "sloengine/minimum-failures", 0, 0, 1e12),
            CoverageFloor = Number(annotations, "sloengine/coverage-floor", 0, 0, 1),
            IsTrafficAware = annotations?.Optional("sloengine/traffic-aware")?.Boolean ?? false,
            Exclusions = ExclusionReader.OfAnnotation(annotations),
            Lateness = Lateness(annotations?.Optional("sloengine/lateness")),
            Objectives = read.Length == 1 ? [read[0] with { Indicator = null }]
                : [.. read.Select(objective => objective with { Policies = isComposite ? null : Of(objective.Target), Weight = isComposite ? objective.Weight ?? 1 : null })],
            Method = method,
            BudgetWindow = window,
            Indicator = read[0].Indicator!,
            Policies = Of(isComposite ? read.Max(objective => objective.Target) : read[0].Target),
            Source = document.Source,
        };
    }

    /// <summary>A number in an annotation, where OpenSLO has no field for it.</summary>
    private static double Number(YamlPlace? annotations, string key, double otherwise, double least, double most) =>
        annotations?.Optional(key) is not { } given ? otherwise
        : given.Number >= least && given.Number <= most ? given.Number
        : throw given.Fail(string.Create(CultureInfo.InvariantCulture, $"{given.Path} is {given.Text}, expected {least} to {most}"));

    /// <summary>Policies of an SLO that names none.</summary>
    public static BurnPreset Preset(YamlPlace? preset) => preset?.Text switch
    {
        null or "sloth" => BurnPreset.Sloth,
        "workbook" => BurnPreset.Workbook,
        "pyrra" => BurnPreset.Pyrra,
        "datadog" => BurnPreset.Datadog,
        { } other => throw preset!.Fail($"{preset!.Path} is '{other}', expected sloth, workbook, pyrra or datadog"),
    };

    /// <summary>A budgeting method.</summary>
    public static BudgetingMethod Method(YamlPlace? method) => method?.Text switch
    {
        null or "Occurrences" => BudgetingMethod.Occurrences,
        "Timeslices" => BudgetingMethod.Timeslices,
        "RatioTimeslices" => BudgetingMethod.RatioTimeslices,
        { } other => throw method!.Fail($"budgetingMethod is '{other}', expected Occurrences, Timeslices or RatioTimeslices"),
    };

    /// <summary>Whether what an objective says makes its SLO a composite.</summary>
    private bool IsOfComposite(YamlPlace objective) => objective.Optional(dialect.Indicator, dialect.IndicatorReference, "compositeWeight") is not null;

    /// <summary>Of slices that are good or bad, those of a whole are of one length.</summary>
    public static void CheckSlices(YamlPlace list, BudgetingMethod method, IReadOnlyList<Objective> objectives)
    {
        if (method == BudgetingMethod.Timeslices && objectives.Select(objective => objective.Slice).Distinct().Count() > 1)
        {
            throw list.Fail($"{list.Path} have slices of different lengths, expected one: they make up a whole, whose slices are bad where one of theirs is");
        }
    }

    /// <summary>Weight of an objective in the whole.</summary>
    public static double? Weight(YamlPlace? weight) => weight is null ? null
        : weight.Number is > 0 and < double.PositiveInfinity ? weight.Number
        : throw weight.Fail($"{weight.Path} is {weight.Text}, expected above 0");

    private Objective Objective(YamlPlace objective, int index, YamlPlace[] all, YamlPlace spec, BudgetingMethod method)
    {
        double target = Target(objective);
        Indicator indicator = _indicators.Read(spec, objective);
        YamlPlace? sliceTarget = objective.Optional("timeSliceTarget");
        YamlPlace? sliceWindow = objective.Optional("timeSliceWindow");
        if (method == BudgetingMethod.Timeslices && sliceTarget is null)
        {
            throw objective.Fail($"{objective.Path}.timeSliceTarget is missing; budgetingMethod Timeslices needs it");
        }
        if (sliceTarget is { Number: <= 0 or > 1 })
        {
            throw sliceTarget.Fail($"{sliceTarget.Path} is {sliceTarget.Text}, expected above 0 and up to 1");
        }
        return new Objective(Name(objective, index, all.Length), target, sliceTarget?.Number, Slice(sliceWindow), Weight(objective.Optional("compositeWeight"))) { Indicator = indicator };
    }

    /// <summary>Length of a slice.</summary>
    public static TimeSpan? Slice(YamlPlace? slice) =>
        slice?.Duration is { } length && (length < Model.Objective.Minute || length.Ticks % TimeSpan.TicksPerMinute != 0 || TimeSpan.TicksPerDay % length.Ticks != 0)
            ? throw slice.Fail($"{slice.Path} is {slice.Text}, expected whole minutes that divide a day, such as 1m, 5m or 1h")
            : slice?.Duration;

    /// <summary>How late an event may come: the ledger keeps minutes.</summary>
    public static TimeSpan? Lateness(YamlPlace? place) => place?.Duration is { } lateness && lateness < Model.Objective.Minute
        ? throw place.Fail($"{place.Path} is {place.Text}, expected at least 1m") : place?.Duration;

    /// <summary>Name of an objective among others: its display name as an address holds it, or its number.</summary>
    private static string Name(YamlPlace objective, int index, int count)
    {
        string given = objective.Optional("displayName")?.Text ?? "";
        return count == 1 ? given
            : given.Length == 0 ? index.ToString(CultureInfo.InvariantCulture)
            : string.Concat(given.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_' ? letter : '-'));
    }

    private static double Target(YamlPlace objective)
    {
        YamlPlace? target = objective.Optional("target");
        YamlPlace? percent = objective.Optional("targetPercent");
        YamlPlace given = target ?? percent ?? throw objective.Fail($"{objective.Path}.target or targetPercent is missing");
        double value = target is not null ? target.Number : percent!.Number / 100;
        return value is > 0 and < 1 ? value
            : throw given.Fail($"{given.Path} is {given.Text}, expected {(target is null ? "above 0 and below 100" : "above 0 and below 1")}");
    }

    /// <summary>Labels.</summary>
    public static Dictionary<string, string> Labels(YamlPlace? labels)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, YamlPlace value) in labels?.Fields ?? [])
        {
            // A label may have several values in OpenSLO.
            all[key] = value.IsList ? string.Join(",", value.Items.Select(item => item.Text)) : value.Text;
        }
        return all;
    }

    private IReadOnlyList<BurnPolicy> Policies(YamlPlace? given, BurnPreset preset, double target, TimeSpan window)
    {
        if (given is null)
        {
            return BurnPresets.Of(preset, target, window);
        }
        var policies = new List<BurnPolicy>();
        foreach (YamlPlace item in given.Items)
        {
            YamlPlace policy = definitions.Objects.Resolve(item, "AlertPolicy", "alertPolicyRef");
            string name = policy.Required("metadata").Required("name").Text;
            YamlPlace spec = policy.Required("spec");
            YamlPlace[] conditions = [.. spec.Required("conditions").Items];
            foreach ((int index, YamlPlace entry) in conditions.Index())
            {
                YamlPlace condition = definitions.Objects.Resolve(entry, "AlertCondition", "conditionRef");
                policies.Add(Policy(condition, conditions.Length == 1 ? name : $"{name}-{index + 1}", target, window));
            }
        }
        return policies;
    }

    private static BurnPolicy Policy(YamlPlace condition, string name, double target, TimeSpan window)
    {
        YamlPlace spec = condition.Required("spec");
        YamlPlace burn = spec.Required("condition");
        YamlPlace threshold = burn.Required("threshold");
        double factor = threshold.Number;
        double highest = BurnPolicy.HighestBurn(target);
        if (factor <= 0 || factor > highest)
        {
            throw threshold.Fail(string.Create(
                CultureInfo.InvariantCulture, $"threshold is {factor}; even a total outage burns at {highest:0.##}, so it could never be reached"));
        }
        TimeSpan longWindow = OpenSloWindows.Lookback(burn.Required("lookbackWindow"));
        if (longWindow > window)
        {
            throw burn.Required("lookbackWindow").Fail("lookbackWindow is longer than the SLO's window");
        }
        // The workbook's rule: the short window is a twelfth of the long one; the ledger resolves 10 seconds.
        TimeSpan shortWindow = condition.Optional("metadata")?.Optional("annotations")?.Optional(OpenSloWindows.ShortWindow)?.Duration
            ?? TimeSpan.FromSeconds(Math.Max(20, longWindow.TotalSeconds / 12));
        return new BurnPolicy(
            name, spec.Required("severity").Text is "page" or "critical" ? Severity.Page : Severity.Ticket, longWindow, shortWindow, factor,
            burn.Optional("alertAfter")?.Duration ?? TimeSpan.Zero);
    }
}
