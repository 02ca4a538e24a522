using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Export;

/// <summary>Writes the rules of one objective as Pyrra does.</summary>
internal sealed class PyrraRuleWriter
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Step = TimeSpan.FromMinutes(5);

    private readonly ServiceLevelObjective _slo;
    private readonly PyrraRuleOptions _options;
    private readonly PyrraRuleSettings _settings;
    private readonly WindowedQuery _ratio;
    private readonly VectorSelector _total;

    /// <summary>Bad or good events; the same as all where one metric tells both.</summary>
    private readonly VectorSelector _part;
    private readonly Form _form;

    public PyrraRuleWriter(ServiceLevelObjective slo, PyrraRuleOptions options)
    {
        if (slo.Indicator is not { ErrorRatio: { } ratio, Total: MetricMeasure })
        {
            throw new SloExportException($"{slo.Id} is not measured by a metric's events");
        }
        (_slo, _options, _ratio, _settings) = (slo, options, ratio, slo.Pyrra ?? PyrraRuleSettings.Default);
        IReadOnlyList<VectorSelector> selectors = Selectors.In(ratio.Tree);
        _total = selectors[^1];
        _part = selectors.FirstOrDefault(selector => Printer.Print(selector) != Printer.Print(_total)) ?? _total;
        _form = slo.Indicator.Kind switch
        {
            "threshold" => Form.Gauge,
            "latency" when ReferenceEquals(_part, _total) => Form.NativeLatency,
            "latency" when !slo.Indicator.PartIsBad => Form.Latency,
            _ => Form.Ratio,
        };
    }

    /// <summary>What an indicator is, in Pyrra's words.</summary>
    private enum Form
    {
        Ratio,
        Latency,
        NativeLatency,
        Gauge,
    }

    private string Name => _slo.DisplayName;

    private string Objective => _slo.Objective.ToString("R", CultureInfo.InvariantCulture);

    public IEnumerable<PrometheusRuleGroup> Groups()
    {
        yield return new PrometheusRuleGroup(Name, [.. BurnRates(), .. _slo.Policies.Select(Alert)]) { Interval = Interval };
        yield return new PrometheusRuleGroup($"{Name}-increase", [.. Increases(), .. Absences()]) { Interval = IncreaseInterval };
        // Pyrra has no generic rules for objectives with grouping.
        if (_slo.GroupBy.Count == 0)
        {
            yield return new PrometheusRuleGroup($"{Name}-generic", [.. Generic()]) { Interval = Interval };
        }
    }

    private IEnumerable<PrometheusRule> BurnRates()
    {
        Dictionary<string, string> labels = Labels(_slo.GroupBy);
        IReadOnlyList<BurnPolicy> policies = _slo.Policies.Count > 0 ? _slo.Policies : BurnPresets.Of(BurnPreset.Pyrra, _slo.Objective, _slo.Window);
        return policies.SelectMany(policy => (TimeSpan[])[policy.Short, policy.Long]).Distinct().Order()
            .Select(window => Record(BurnRate(window), Printer.Print(Bounds(PromQLParser.Parse(_ratio.At(window)))), labels));
    }

    private PrometheusRule Alert(BurnPolicy policy)
    {
        AlertTemplate template = _slo.AlertOf(policy.Severity);
        // Conditions that are not on equality select no series that is labelled so, but for those of groups.
        LabelMatcher[] matchers = [.. _total.Matchers.Where(matcher => matcher.Kind is MatchKind.Equal or MatchKind.NotEqual || _slo.GroupBy.Contains(matcher.Label)), Slo()];
        string bound = string.Create(CultureInfo.InvariantCulture, $"({policy.Factor:R} * (1-{Objective}))");
        return new PrometheusRule(
            template.Name ?? "ErrorBudgetBurn",
            IsAlert: true,
            $"{Select(BurnRate(policy.Short), matchers)} > {bound} and {Select(BurnRate(policy.Long), matchers)} > {bound}",
            new Dictionary<string, string>(Labels(_slo.GroupBy))
            {
                ["severity"] = _settings.Severities.GetValueOrDefault(policy.Name, policy.Severity == Severity.Page ? "critical" : "warning"),
                ["short"] = WindowedQuery.DurationText(policy.Short),
                ["long"] = WindowedQuery.DurationText(policy.Long),
                ["exhaustion"] = WindowedQuery.DurationText(_slo.Window / policy.Factor),
            })
        {
            For = policy.For,
            Annotations = _options.ExternalUrl is { } url ? new Dictionary<string, string>(template.Annotations) { ["pyrra_url"] = Link(url) } : template.Annotations,
        };
    }

    /// <summary>Pyrra's page of the objective, of the group that alerts where there are groups.</summary>
    private string Link(Uri pyrra)
    {
        string grouping = string.Join("%2C", _slo.GroupBy.Select(label => $"{label}%3D%22{{{{$labels.{label}}}}}%22"));
        return new Uri(pyrra, "/objectives").ToString() + $"?expr=%7B__name__%3D%22{Uri.EscapeDataString(Name)}%22%7D&from=now-1h&to=now"
            + (grouping.Length > 0 ? $"&grouping=%7B{grouping}%7D" : "");
    }

    private IEnumerable<PrometheusRule> Increases()
    {
        string[] grouping = Grouping();
        Dictionary<string, string> labels = Labels(grouping);
        string window = WindowedQuery.DurationText(_slo.Window);
        switch (_form)
        {
            case Form.Gauge:
                return [.. Sums("count", "count_over_time", _total), .. Sums("sum", "sum_over_time", _total)];
            case Form.NativeLatency:
                string increase = $"sum{By(grouping)}(increase({Select(_total.Name, _total.Matchers)}[{window}]))";
                string bound = Number(((MetricMeasure)_slo.Indicator.Part).Threshold);
                string name = Recorded(_total.Name, "increase", _slo.Window);
                return
                [
                    Record(name, $"histogram_count({increase})", labels),
                    Record(name, $"histogram_fraction(0, {bound}, {increase}) * histogram_count({increase})", new(labels) { ["le"] = bound }),
                ];
            default:
                return _part.Name == _total.Name ? Sums("increase", "increase", _total)
                    : [.. Sums("increase", "increase", _total), .. Sums("increase", "increase", _part)];
        }

        // The sum over the window, at once or of steps that are recorded.
        IEnumerable<PrometheusRule> Sums(string kind, string function, VectorSelector of)
        {
            Dictionary<string, string> ofAll = WithBound(labels, of);
            string Over(TimeSpan range) => $"sum{By(grouping)}({function}({Select(of.Name, of.Matchers)}[{WindowedQuery.DurationText(range)}]))";
            if (!_settings.InSteps)
            {
                return [Record(Recorded(of.Name, kind, _slo.Window), Over(_slo.Window), ofAll)];
            }
            string step = Recorded(of.Name, kind, Step);
            // Steps of all observations and of the fast ones have one name: the former have no bound.
            IEnumerable<LabelMatcher> matchers = _form == Form.Latency && ReferenceEquals(of, _total) ? of.Matchers.Append(new LabelMatcher("le", MatchKind.Equal, "")) : of.Matchers;
            return
            [
                Record(step, Over(Step), ofAll),
                Record(
                    Recorded(of.Name, kind, _slo.Window), $"sum{By(grouping)}(sum_over_time({Select(step, matchers)}[{window}:{WindowedQuery.DurationText(Step)}]))", ofAll),
            ];
        }
    }

    private IEnumerable<PrometheusRule> Absences()
    {
        if (!_settings.Absent || _form == Form.NativeLatency)
        {
            return [];
        }
        Dictionary<string, string> labels = Labels(Grouping());
        return ((VectorSelector[])[_total, _part]).DistinctBy(selector => selector.Name).Select(selector =>
            new PrometheusRule(
                _settings.AbsentName, IsAlert: true, $"absent({Select(selector.Name, selector.Matchers)}) == 1",
                new Dictionary<string, string>(WithBound(labels, selector)) { ["severity"] = _settings.AbsentSeverity })
            {
                For = AbsentFor,
                Annotations = _slo.AlertOf(Severity.Page).Annotations,
            });
    }

    private IEnumerable<PrometheusRule> Generic()
    {
        Dictionary<string, string> labels = Common();
        if (_settings.DescriptionAsLabel)
        {
            labels["description"] = _slo.Description;
        }
        yield return Record("pyrra_objective", Objective, labels);
        yield return Record("pyrra_window", _slo.Window.TotalSeconds.ToString(CultureInfo.InvariantCulture), labels);
        if (_form == Form.Gauge)
        {
            string count = $"sum({Whole(_total, "count")})";
            string sum = $"sum({Whole(_total, "sum")})";
            yield return Record("pyrra_availability", $"{sum} / {count}", labels);
            yield return Record("pyrra_requests:rate5m", count, labels);
            yield return Record("pyrra_errors:rate5m", $"{count} - {sum}", labels);
            yield break;
        }
        bool hasBounds = _form is Form.Latency or Form.NativeLatency;
        string all = $"sum({Whole(_total, "increase", hasBounds ? "" : null)})";
        string part = $"sum({Whole(_part, "increase", _form == Form.NativeLatency ? Number(((MetricMeasure)_slo.Indicator.Part).Threshold) : null)} or vector(0))";
        yield return Record("pyrra_availability", _slo.Indicator.PartIsBad ? $"1 - {part} / {all}" : $"{part} / {all}", labels);
        if (_form == Form.NativeLatency)
        {
            yield break;
        }
        string requests = $"sum(rate({Select(_total.Name, _total.Matchers)}[5m]))";
        string parts = $"sum(rate({Select(_part.Name, _part.Matchers)}[5m]))";
        yield return Record("pyrra_requests:rate5m", requests, labels);
        yield return Record("pyrra_errors:rate5m", _slo.Indicator.PartIsBad ? $"{parts} or vector(0)" : $"{requests} - {parts}", labels);

        // What is recorded of a metric over the whole window.
        string Whole(VectorSelector of, string kind, string? bound = null)
        {
            IEnumerable<LabelMatcher> matchers = of.Matchers.Append(Slo());
            return Select(Recorded(of.Name, kind, _slo.Window), bound is null ? matchers : matchers.Append(new LabelMatcher("le", MatchKind.Equal, bound)));
        }
    }

    /// <summary>How long a metric is to be absent: as long as a total outage takes to raise the fastest alert.</summary>
    private TimeSpan AbsentFor
    {
        get
        {
            BurnPolicy fastest = BurnPresets.Of(BurnPreset.Pyrra, 0.9999, _slo.Window)[0];
            TimeSpan time = TimeSpan.FromSeconds(Math.Floor(fastest.Factor * (1 - _slo.Objective) * fastest.Long.TotalSeconds)) + fastest.For;
            return TimeSpan.FromMinutes(Math.Round(time.TotalMinutes, MidpointRounding.AwayFromZero));
        }
    }

    private TimeSpan IncreaseInterval => TimeSpan.FromSeconds(_slo.Window.TotalDays < 49 ? 30 * (1 + Math.Floor(_slo.Window.TotalDays / 7)) : 240);

    /// <summary>
    /// Labels that increases are summed up by: those of groups, those that only bad or good events are told by, and those that more than one
    /// value is asked of.
    /// </summary>
    private string[] Grouping()
    {
        IEnumerable<string> all = _form switch
        {
            Form.NativeLatency => _slo.GroupBy,
            Form.Gauge => _slo.GroupBy.Concat(_total.Matchers.Select(matcher => matcher.Label)),
            _ => _slo.GroupBy
                .Concat(_part.Matchers.Select(matcher => matcher.Label).Except(_total.Matchers.Select(matcher => matcher.Label)))
                .Concat(_total.Matchers.Where(matcher => matcher.Kind is MatchKind.Regex or MatchKind.NotRegex).Select(matcher => matcher.Label)),
        };
        return [.. all.Where(label => label is not ("le" or "__name__")).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Labels of rules: only conditions of equality have one value that a rule may be labelled with; grouping keeps the labels of the events.</summary>
    private Dictionary<string, string> Labels(IReadOnlyCollection<string> grouping)
    {
        Dictionary<string, string> labels = Common();
        foreach (LabelMatcher matcher in _total.Matchers.Where(matcher => matcher.Kind == MatchKind.Equal && matcher.Label != "__name__"))
        {
            labels[matcher.Label] = matcher.Value;
        }
        foreach (string label in grouping)
        {
            labels.Remove(label);
        }
        return labels;
    }

    private Dictionary<string, string> Common()
    {
        Dictionary<string, string> labels = new() { ["slo"] = Name };
        foreach ((string key, string value) in _slo.Labels.Where(label => label.Key != "namespace"))
        {
            labels[key] = value;
        }
        return labels;
    }

    private static Dictionary<string, string> WithBound(Dictionary<string, string> labels, VectorSelector selector) =>
        selector.Matchers.FirstOrDefault(matcher => matcher.Label == "le") is { } bound ? new(labels) { ["le"] = bound.Value } : labels;

    /// <summary>A selector with other name, and matchers in order.</summary>
    private string Select(string name, IEnumerable<LabelMatcher> matchers) => Printer.Print(Bounds(new VectorSelector(
        name,
        [.. matchers.Where(matcher => matcher.Label != "__name__").OrderBy(matcher => matcher.Label, StringComparer.Ordinal), new LabelMatcher("__name__", MatchKind.Equal, name)],
        TimeModifier.None)));

    /// <summary>An expression that selects bounds in both spellings, where that is asked for.</summary>
    private Expr Bounds(Expr expression) => !_options.BothBounds ? expression : TreeRewriter.Rewrite(expression, static node => node is not VectorSelector selector ? node : selector with
    {
        Matchers =
        [
            .. selector.Matchers.Select(static matcher =>
                matcher is { Label: "le", Kind: MatchKind.Equal } && matcher.Value.Length > 0 && matcher.Value.All(char.IsAsciiDigit)
                    ? new LabelMatcher("le", MatchKind.Regex, matcher.Value + @"(\.0)?") : matcher),
        ],
    });

    private LabelMatcher Slo() => new("slo", MatchKind.Equal, Name);

    private string BurnRate(TimeSpan window) => $"{WithoutSuffix(_total.Name, "_total", "_count")}:burnrate{WindowedQuery.DurationText(window)}";

    private static string Recorded(string metric, string kind, TimeSpan window) =>
        $"{(kind == "increase" ? WithoutSuffix(metric, "_total", "_count", "_bucket") : metric)}:{kind}{WindowedQuery.DurationText(window)}";

    private static string WithoutSuffix(string name, params ReadOnlySpan<string> suffixes)
    {
        foreach (string suffix in suffixes)
        {
            name = name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : name;
        }
        return name;
    }

    private static string By(string[] grouping) => grouping.Length == 0 ? "" : $" by ({string.Join(", ", grouping)}) ";

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static PrometheusRule Record(string name, string expression, Dictionary<string, string> labels) => new(name, IsAlert: false, expression, labels);
}
