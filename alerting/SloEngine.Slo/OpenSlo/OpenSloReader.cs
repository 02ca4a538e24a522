using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>
/// Reads OpenSLO v1 documents (OpenSLO/OpenSLO README): SLO, SLI, AlertPolicy and AlertCondition are used, the other kinds are passed over.
/// References go across all files that are read together.
/// </summary>
internal sealed class OpenSloReader
{
    private static readonly string[] KnownKinds = ["SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"];

    private readonly List<YamlPlace> _slos = [];
    private readonly Dictionary<(string Kind, string Name), YamlPlace> _objects = [];
    private readonly List<SloFileError> _errors = [];

    /// <summary>Reads files, by name and text, into SLOs and errors.</summary>
    public static (IReadOnlyList<ServiceLevelObjective> Slos, IReadOnlyList<SloFileError> Errors) Read(IEnumerable<(string Name, string Text)> files)
    {
        var reader = new OpenSloReader();
        foreach ((string name, string text) in files)
        {
            reader.Collect(name, text);
        }
        var slos = new Dictionary<string, ServiceLevelObjective>(StringComparer.Ordinal);
        foreach (YamlPlace place in reader._slos)
        {
            try
            {
                ServiceLevelObjective slo = reader.Slo(place);
                if (!slos.TryAdd(slo.Id, slo))
                {
                    throw place.Fail($"metadata.name '{slo.Id}' is taken by {slos[slo.Id].Source}");
                }
            }
            catch (SloFileException failure)
            {
                reader._errors.Add(failure.Error);
            }
        }
        return ([.. slos.Values], reader._errors);
    }

    private void Collect(string file, string text)
    {
        IReadOnlyList<YamlPlace> documents;
        try
        {
            documents = YamlPlace.Documents(file, text);
        }
        catch (SloFileException malformed)
        {
            _errors.Add(malformed.Error);
            return;
        }
        foreach (YamlPlace place in documents)
        {
            try
            {
                Collect(place);
            }
            catch (SloFileException failure)
            {
                _errors.Add(failure.Error);
            }
        }
    }

    private void Collect(YamlPlace place)
    {
        YamlPlace version = place.Required("apiVersion");
        if (version.Text != "openslo/v1")
        {
            throw version.Fail($"apiVersion is '{version.Text}', expected openslo/v1");
        }
        YamlPlace kind = place.Required("kind");
        if (!KnownKinds.Contains(kind.Text))
        {
            throw kind.Fail($"kind is '{kind.Text}', expected one of {string.Join(", ", KnownKinds)}");
        }
        if (kind.Text == "SLO")
        {
            _slos.Add(place);
            return;
        }
        YamlPlace name = place.Required("metadata").Required("name");
        if (!_objects.TryAdd((kind.Text, name.Text), place))
        {
            throw name.Fail($"{kind.Text} '{name.Text}' is defined twice");
        }
    }

    private ServiceLevelObjective Slo(YamlPlace place)
    {
        YamlPlace metadata = place.Required("metadata");
        YamlPlace spec = place.Required("spec");
        YamlPlace name = metadata.Required("name");
        if (name.Text.Length > 253 || !name.Text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_'))
        {
            throw name.Fail($"metadata.name is '{name.Text}', expected letters, digits, '-', '.' and '_'");
        }
        YamlPlace method = spec.Required("budgetingMethod");
        if (method.Text is not "Occurrences")
        {
            throw method.Fail(method.Text is "Timeslices" or "RatioTimeslices"
                ? $"budgetingMethod {method.Text} is not supported yet; expected Occurrences"
                : $"budgetingMethod is '{method.Text}', expected Occurrences");
        }
        TimeSpan window = Window(spec.Required("timeWindow"));
        YamlPlace[] objectives = [.. spec.Required("objectives").Items];
        if (objectives.Length != 1)
        {
            throw spec.Required("objectives").Fail($"spec.objectives has {objectives.Length} entries; one is supported");
        }
        double target = Target(objectives[0]);
        YamlPlace? indicator = spec.Optional("indicator");
        if (indicator is null)
        {
            YamlPlace reference = spec.Optional("indicatorRef") ?? throw spec.Fail("spec.indicator or spec.indicatorRef is missing");
            indicator = _objects.GetValueOrDefault(("SLI", reference.Text)) ?? throw reference.Fail($"there is no SLI '{reference.Text}'");
        }
        YamlPlace? annotations = metadata.Optional("annotations");
        return new ServiceLevelObjective
        {
            Id = name.Text,
            DisplayName = metadata.Optional("displayName")?.Text ?? name.Text,
            Description = spec.Optional("description")?.Text ?? "",
            Service = spec.Required("service").Text,
            Labels = Labels(metadata.Optional("labels")),
            Runbook = annotations?.Optional("sloengine/runbook")?.Text,
            Objective = target,
            Window = window,
            Indicator = Indicator(indicator.Required("spec"), objectives[0]),
            Policies = Policies(spec.Optional("alertPolicies"), target, window),
            Source = place.Source,
        };
    }

    private static Dictionary<string, string> Labels(YamlPlace? labels)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, YamlPlace value) in labels?.Fields ?? [])
        {
            // A label may have several values in OpenSLO.
            all[key] = value.IsList ? string.Join(",", value.Items.Select(item => item.Text)) : value.Text;
        }
        return all;
    }

    private static TimeSpan Window(YamlPlace windows)
    {
        YamlPlace[] all = [.. windows.Items];
        if (all.Length != 1)
        {
            throw windows.Fail($"spec.timeWindow has {all.Length} entries, expected one");
        }
        if (all[0].Optional("isRolling")?.Boolean != true)
        {
            throw all[0].Fail("calendar windows are not supported yet; expected isRolling: true");
        }
        YamlPlace duration = all[0].Required("duration");
        TimeSpan window = duration.Duration;
        return window >= TimeSpan.FromHours(1) && window <= TimeSpan.FromDays(90) ? window
            : throw duration.Fail($"duration is {duration.Text}, expected 1h to 90d");
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

    private static Indicator Indicator(YamlPlace spec, YamlPlace objective)
    {
        if (spec.Optional("thresholdMetric") is { } threshold)
        {
            YamlPlace op = objective.Required("op");
            if (op.Text is not ("lte" or "lt" or "gte" or "gt"))
            {
                throw op.Fail($"op is '{op.Text}', expected lte, lt, gte or gt");
            }
            Measure measure = Source(threshold);
            if (measure is not MetricMeasure metric)
            {
                throw threshold.Fail("thresholdMetric is to name a metric");
            }
            var part = metric with { Part = MetricPart.SamplesThatHold, Threshold = objective.Required("value").Number, Comparison = op.Text };
            return new Indicator("threshold", part, metric with { Part = MetricPart.Samples }, PartIsBad: false);
        }
        YamlPlace ratio = spec.Optional("ratioMetric") ?? throw spec.Fail($"{spec.Path}.ratioMetric or thresholdMetric is missing");
        Measure total = Source(ratio.Required("total"));
        YamlPlace? good = ratio.Optional("good");
        YamlPlace share = good ?? ratio.Optional("bad") ?? throw ratio.Fail($"{ratio.Path}.good or bad is missing");
        Measure counted = Source(share);
        if (counted.GetType() != total.GetType())
        {
            throw share.Fail($"{share.Path} and total are to be of one signal");
        }
        string kind = counted is SpanMeasure ? "spans" : counted is MetricMeasure { Part: MetricPart.AtOrBelow } ? "latency" : "ratio";
        return new Indicator(kind, counted, total, PartIsBad: good is null);
    }

    private static Measure Source(YamlPlace metric)
    {
        YamlPlace spec = metric.Required("metricSource").Required("spec");
        string signal = spec.Optional("signal")?.Text ?? "metric";
        if (signal == "spans")
        {
            return Spans(spec);
        }
        if (signal != "metric")
        {
            throw spec.Required("signal").Fail($"signal is '{signal}', expected metric or spans");
        }
        YamlPlace expression = spec.Optional("query") ?? spec.Optional("promql") ?? spec.Optional("metric")
            ?? throw spec.Fail($"{spec.Path}.query is missing");
        try
        {
            return SelectorExpression.Parse(expression.Text);
        }
        catch (FormatException unsupported)
        {
            throw expression.Fail($"{expression.Path}: {unsupported.Message}");
        }
    }

    private static SpanMeasure Spans(YamlPlace spec)
    {
        int? kind = null;
        if (spec.Optional("kind") is { } kindPlace)
        {
            kind = Array.IndexOf(["unspecified", "internal", "server", "client", "producer", "consumer"], kindPlace.Text);
            if (kind < 0)
            {
                throw kindPlace.Fail($"kind is '{kindPlace.Text}', expected internal, server, client, producer or consumer");
            }
        }
        bool? isError = null;
        if (spec.Optional("status") is { } status)
        {
            isError = status.Text switch
            {
                "error" => true,
                "!error" => false,
                _ => throw status.Fail($"status is '{status.Text}', expected error or \"!error\""),
            };
        }
        TimeSpan? longest = null;
        if (spec.Optional("maxDurationMs") is { } duration)
        {
            longest = TimeSpan.FromMilliseconds(duration.Number);
        }
        IReadOnlyList<Matcher> attributes = [.. (spec.Optional("attributes")?.Fields ?? []).Select(field => new Matcher(field.Key, "=", field.Value.Text))];
        return new SpanMeasure(spec.Optional("service")?.Text, spec.Optional("name")?.Text, kind, isError, longest, attributes);
    }

    private IReadOnlyList<BurnPolicy> Policies(YamlPlace? given, double target, TimeSpan window)
    {
        if (given is null)
        {
            return BurnPolicy.Default(target, window);
        }
        var policies = new List<BurnPolicy>();
        foreach (YamlPlace item in given.Items)
        {
            YamlPlace policy = Resolve(item, "AlertPolicy", "alertPolicyRef");
            string name = policy.Required("metadata").Required("name").Text;
            foreach (YamlPlace entry in policy.Required("spec").Required("conditions").Items)
            {
                policies.Add(Policy(Resolve(entry, "AlertCondition", "conditionRef"), name, target, window));
            }
        }
        return policies;
    }

    /// <summary>An object that stands inline or is referred to by name.</summary>
    private YamlPlace Resolve(YamlPlace place, string kind, string referenceKey)
    {
        string? reference = place.IsScalar ? place.Text : place.Optional(referenceKey)?.Text;
        return reference is null ? place
            : _objects.GetValueOrDefault((kind, reference)) ?? throw place.Fail($"there is no {kind} '{reference}'");
    }

    private static BurnPolicy Policy(YamlPlace condition, string name, double target, TimeSpan window)
    {
        YamlPlace spec = condition.Required("spec");
        YamlPlace severity = spec.Required("severity");
        YamlPlace burn = spec.Required("condition");
        YamlPlace kind = burn.Required("kind");
        if (kind.Text != "burnrate")
        {
            throw kind.Fail($"condition.kind is '{kind.Text}', expected burnrate");
        }
        YamlPlace threshold = burn.Required("threshold");
        double factor = threshold.Number;
        double highest = BurnPolicy.HighestBurn(target);
        if (factor <= 0 || factor > highest)
        {
            throw threshold.Fail(string.Create(
                System.Globalization.CultureInfo.InvariantCulture, $"threshold is {factor}; even a total outage burns at {highest:0.##}, so it could never be reached"));
        }
        TimeSpan longWindow = burn.Required("lookbackWindow").Duration;
        if (longWindow > window)
        {
            throw burn.Required("lookbackWindow").Fail("lookbackWindow is longer than the SLO's window");
        }
        // The workbook's rule: the short window is a twelfth of the long one; the ledger resolves 10 seconds.
        var shortWindow = TimeSpan.FromSeconds(Math.Max(20, longWindow.TotalSeconds / 12));
        return new BurnPolicy(
            name, severity.Text is "page" or "critical" ? Severity.Page : Severity.Ticket, longWindow, shortWindow, factor,
            burn.Optional("alertAfter")?.Duration ?? TimeSpan.Zero);
    }
}
