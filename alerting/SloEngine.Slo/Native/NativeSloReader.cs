using System.Globalization;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Native;

/// <summary>Reads SloEngine's own files: SLOs with all that the model can say, and maintenance windows.</summary>
internal static class NativeSloReader
{
    /// <summary>The <c>apiVersion</c>.</summary>
    public const string Version = "sloengine/v1";

    private static readonly string[] IndicatorKeys = ["good", "bad", "total", "errorRatio", "successRatio", "threshold", "heartbeat", "composite"];

    /// <summary>Takes in a document.</summary>
    public static void Collect(YamlPlace document, SloDefinitions definitions)
    {
        YamlPlace kind = document.Required("kind");
        document.OnlyKeys("apiVersion", "kind", "metadata", "spec");
        YamlPlace name = OpenSloReader.Name(document.Required("metadata"));
        YamlPlace spec = document.Required("spec");
        switch (kind.Text)
        {
            case "SLO":
                definitions.Add(name, () => Slo(document, spec));
                break;
            case "MaintenanceWindow":
                definitions.Maintenance.Add(Maintenance(name.Text, spec));
                break;
            default:
                throw kind.Fail($"kind is '{kind.Text}', expected SLO, MaintenanceWindow or SliPlugin");
        }
    }

    private static MaintenanceWindow Maintenance(string name, YamlPlace spec)
    {
        spec.OnlyKeys("slos", "services", "exclusions");
        MaintenanceWindow window = new(name, Texts(spec.Optional("slos")), Texts(spec.Optional("services")), ExclusionReader.Read(spec.Required("exclusions"))) { Source = spec.Source };
        return window.Slos.Count + window.Services.Count > 0 ? window
            : throw spec.Fail($"{spec.Path}.slos or services is missing; expected names, in which * stands for any letters");
    }

    private static ServiceLevelObjective Slo(YamlPlace document, YamlPlace spec)
    {
        YamlPlace metadata = document.Required("metadata");
        metadata.OnlyKeys("name", "displayName", "labels");
        spec.OnlyKeys(
            "description", "service", "tenant", "runbook", "indicator", "window", "budgetingMethod", "lateness", "groupBy", "maxGroups", "minimumEvents", "minimumFailures",
            "coverageFloor", "trafficAware", "exclusions", "objectives", "alerts", "notifications");
        string name = metadata.Required("name").Text;
        BudgetingMethod method = OpenSloReader.Method(spec.Optional("budgetingMethod"));
        BudgetWindow window = Window(spec.Optional("window"));
        YamlPlace list = spec.Required("objectives");
        YamlPlace[] all = [.. list.Items];
        if (all.Length == 0)
        {
            throw list.Fail($"{list.Path} is empty, expected at least one");
        }
        Indicator? common = spec.Optional("indicator") is { } given ? Indicator(given) : null;
        bool isWhole = all.Length > 1 && all.Any(objective => objective.Optional("weight") is not null);
        Objective[] objectives = [.. all.Select(objective => Objective(objective, method, window, spec, common is not null, all.Length, isWhole))];
        if (isWhole)
        {
            OpenSloReader.CheckSlices(list, method, objectives);
        }
        if (objectives.GroupBy(objective => objective.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw list.Fail($"{list.Path} has '{twice.Key}' twice, expected a name of its own for each");
        }
        return new ServiceLevelObjective
        {
            Id = name,
            DisplayName = metadata.Optional("displayName")?.Text ?? name,
            Description = spec.Optional("description")?.Text ?? "",
            Service = spec.Required("service").Text,
            Tenant = spec.Optional("tenant")?.Text,
            Labels = OpenSloReader.Labels(metadata.Optional("labels")),
            Runbook = spec.Optional("runbook")?.Text,
            GroupBy = Texts(spec.Optional("groupBy")),
            MaxGroups = (int)Number(spec, "maxGroups", ServiceLevelObjective.DefaultMaxGroups, 1, 10_000),
            MinimumEvents = Number(spec, "minimumEvents", ServiceLevelObjective.DefaultMinimumEvents, 0, 1e12),
            MinimumFailures = Number(spec, "minimumFailures", 0, 0, 1e12),
            CoverageFloor = Number(spec, "coverageFloor", 0, 0, 1),
            IsTrafficAware = spec.Optional("trafficAware")?.Boolean ?? false,
            Lateness = OpenSloReader.Lateness(spec.Optional("lateness")),
            Exclusions = spec.Optional("exclusions") is { } exclusions ? ExclusionReader.Read(exclusions) : [],
            Method = method,
            BudgetWindow = window,
            Objectives = all.Length > 1 ? objectives : [objectives[0] with { Indicator = null, Policies = null }],
            Indicator = (all.Length == 1 ? objectives[0].Indicator : null) ?? common ?? objectives[0].Indicator!,
            Policies = isWhole ? Policies(spec.Optional("alerts"), objectives.Max(objective => objective.Target), window.Length) : objectives[0].Policies!,
            Alerts = Templates(spec.Optional("notifications")),
            Source = document.Source,
        };
    }

    private static Objective Objective(YamlPlace objective, BudgetingMethod method, BudgetWindow window, YamlPlace spec, bool hasIndicator, int count, bool isOfWhole)
    {
        objective.OnlyKeys("name", "target", "slice", "sliceTarget", "weight", "indicator", "alerts");
        YamlPlace? name = objective.Optional("name");
        if (name is null && count > 1)
        {
            throw objective.Fail($"{objective.Path}.name is missing; several objectives are told apart by it");
        }
        if (name is not null && !name.Text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_'))
        {
            throw name.Fail($"{name.Path} is '{name.Text}', expected letters, digits, '-', '.' and '_'");
        }
        YamlPlace? own = objective.Optional("indicator");
        if (own is null && !hasIndicator)
        {
            throw spec.Fail($"{spec.Path}.indicator is missing");
        }
        YamlPlace? sliceTarget = objective.Optional("sliceTarget");
        if (method == BudgetingMethod.Timeslices && sliceTarget is null)
        {
            throw objective.Fail($"{objective.Path}.sliceTarget is missing; budgetingMethod Timeslices needs it");
        }
        double target = Share(objective.Required("target"), most: 1 - 1e-12);
        return new Objective(
            name?.Text ?? "", target, sliceTarget is null ? null : Share(sliceTarget, most: 1), OpenSloReader.Slice(objective.Optional("slice")),
            OpenSloReader.Weight(objective.Optional("weight")))
        {
            Indicator = own is null ? null : Indicator(own),
            Policies = objective.Optional("alerts") is { } alerts ? Policies(alerts, target, window.Length) : isOfWhole ? null : Policies(spec.Optional("alerts"), target, window.Length),
        };
    }

    /// <summary>A share as a number, or in percent: 0.999 or 99.9%.</summary>
    private static double Share(YamlPlace place, double most)
    {
        bool isPercent = place.Text.EndsWith('%');
        double share = isPercent && decimal.TryParse(place.Text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out decimal percent) ? (double)(percent / 100)
            : isPercent ? double.NaN : place.Number;
        return share > 0 && share <= most ? share
            : throw place.Fail($"{place.Path} is {place.Text}, expected above 0 and {(most < 1 ? "below" : "up to")} 1, such as 0.999 or 99.9%");
    }

    private static double Number(YamlPlace spec, string key, double otherwise, double least, double most) => spec.Optional(key) is not { } given ? otherwise
        : given.Number >= least && given.Number <= most ? given.Number
        : throw given.Fail(string.Create(CultureInfo.InvariantCulture, $"{given.Path} is {given.Text}, expected {least} to {most}"));

    private static IReadOnlyList<string> Texts(YamlPlace? list) => [.. (list?.Items ?? []).Select(item => item.Text)];

    private static BudgetWindow Window(YamlPlace? window)
    {
        if (window is null)
        {
            return new RollingWindow(TimeSpan.FromDays(30));
        }
        if (window.IsScalar)
        {
            return OpenSloWindows.Rolling(window);
        }
        window.OnlyKeys("calendar", "start", "timeZone");
        return OpenSloWindows.Calendar(window.Required("calendar"), window.Required("start"), window.Required("timeZone"));
    }

    private static Indicator Indicator(YamlPlace indicator)
    {
        indicator.OnlyKeys(IndicatorKeys);
        if (indicator.Optional("composite") is { } composite)
        {
            return OpenSloIndicators.Composite(composite);
        }
        if (indicator.Optional("heartbeat") is { } heartbeat)
        {
            return HeartbeatReader.Read(heartbeat);
        }
        if (indicator.Optional("successRatio") is { } success)
        {
            return Raw(success, isBad: false);
        }
        YamlPlace? error = indicator.Optional("errorRatio");
        Indicator? read = null;
        if (indicator.Optional("threshold") is { } threshold)
        {
            threshold.OnlyKeys("query", "op", "value");
            read = OpenSloIndicators.Threshold(OpenSloIndicators.Query(threshold.Required("query")), threshold);
        }
        else if (indicator.Optional("total") is not null)
        {
            read = OpenSloIndicators.Ratio(indicator, Source);
        }
        return read is null ? Raw(error ?? throw indicator.Fail($"{indicator.Path} has none of {string.Join(", ", IndicatorKeys[2..])}"), isBad: true)
            : error is null ? read : read with { ErrorRatio = OpenSloIndicators.Query(error).Query };
    }

    private static Indicator Raw(YamlPlace ratio, bool isBad) =>
        OpenSloIndicators.Compile(ratio, () => Expressions.IndicatorCompiler.Raw(OpenSloIndicators.Query(ratio).Query!, isBad));

    /// <summary>PromQL as it is; other signals and systems by their fields.</summary>
    private static OpenSloIndicators.Source Source(YamlPlace measure) =>
        measure.IsScalar ? OpenSloIndicators.Query(measure) : OpenSloIndicators.Signal(measure, measure, measure.Optional("type")?.Text ?? "");

    /// <summary>Names, labels and annotations of alerts by severity.</summary>
    private static Dictionary<Severity, AlertTemplate> Templates(YamlPlace? notifications)
    {
        notifications?.OnlyKeys("page", "ticket");
        return (notifications?.Fields ?? []).ToDictionary(static field => field.Key == "page" ? Severity.Page : Severity.Ticket, static field =>
        {
            field.Value.OnlyKeys("name", "labels", "annotations");
            return new AlertTemplate
            {
                Name = field.Value.Optional("name")?.Text,
                Labels = OpenSloReader.Labels(field.Value.Optional("labels")),
                Annotations = OpenSloReader.Labels(field.Value.Optional("annotations")),
            };
        });
    }

    private static IReadOnlyList<BurnPolicy> Policies(YamlPlace? alerts, double target, TimeSpan window) => alerts is null || alerts.IsScalar
        ? BurnPresets.Of(OpenSloReader.Preset(alerts), target, window)
        : [.. alerts.Items.Select(alert => Policy(alert, target, window))];

    private static BurnPolicy Policy(YamlPlace alert, double target, TimeSpan window)
    {
        alert.OnlyKeys("name", "severity", "long", "short", "factor", "budgetShare", "exhaustion", "for", "pausesReleases");
        YamlPlace severity = alert.Required("severity");
        if (severity.Text is not ("page" or "ticket"))
        {
            throw severity.Fail($"{severity.Path} is '{severity.Text}', expected page or ticket");
        }
        TimeSpan longWindow = alert.Required("long").Duration;
        // The workbook's rule: the short window is a twelfth of the long one; the ledger resolves 10 seconds.
        TimeSpan shortWindow = alert.Optional("short")?.Duration ?? TimeSpan.FromSeconds(Math.Max(20, longWindow.TotalSeconds / 12));
        var policy = new BurnPolicy(
            alert.Required("name").Text, severity.Text == "page" ? Severity.Page : Severity.Ticket, longWindow, shortWindow, Factor(alert, longWindow, window),
            alert.Optional("for")?.Duration ?? TimeSpan.Zero)
        {
            PausesReleases = alert.Optional("pausesReleases")?.Boolean ?? false,
        };
        return policy.Refusal(target, window) is { } refusal ? throw alert.Fail($"{alert.Path}: {refusal}") : policy;
    }

    private static double Factor(YamlPlace alert, TimeSpan longWindow, TimeSpan window)
    {
        YamlPlace?[] given = [alert.Optional("factor"), alert.Optional("budgetShare"), alert.Optional("exhaustion")];
        if (given.Count(place => place is not null) != 1)
        {
            throw alert.Fail($"{alert.Path} is to have one of factor, budgetShare and exhaustion");
        }
        return given[0]?.Number
            ?? (given[1] is { } share ? BurnPolicy.FactorOfBudgetShare(Share(share, most: 1), longWindow, window) : BurnPolicy.FactorOfExhaustion(given[2]!.Duration, window));
    }
}
