using SloEngine.Slo.Expressions;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>Reads what OpenSLO documents measure.</summary>
internal sealed class OpenSloIndicators(OpenSloObjects objects, OpenSloDialect dialect)
{
    /// <summary>Types of data sources that speak PromQL; a source without a type is taken for one.</summary>
    private static readonly HashSet<string> PromQLSources = new(StringComparer.OrdinalIgnoreCase)
    {
        "", "any", "prometheus", "promql", "thanos", "mimir", "cortex", "victoriametrics", "amp", "sloengine",
    };

    /// <summary>The indicator of an objective: its own, or that of its SLO.</summary>
    public Indicator Read(YamlPlace spec, YamlPlace objective)
    {
        if (dialect.IsAlpha && objective.Optional("ratioMetrics") is { } ratio)
        {
            return Ratio(ratio, AlphaSource);
        }
        YamlPlace indicator = Inline(objective) ?? Inline(spec)
            ?? throw spec.Fail($"spec.{dialect.Indicator} or spec.{dialect.IndicatorReference} is missing");
        YamlPlace metrics = dialect.IsAlpha ? indicator : indicator.Required("spec");
        Func<YamlPlace, Source> source = dialect.IsAlpha ? AlphaSource : place => V1Source(place);
        if (metrics.Optional("thresholdMetric") is { } threshold)
        {
            return Threshold(source(threshold), objective);
        }
        if (metrics.Optional("composite") is { } composite)
        {
            return Composite(composite);
        }
        if (metrics.Optional("heartbeat") is { } heartbeat)
        {
            return HeartbeatReader.Read(heartbeat);
        }
        return Ratio(metrics.Optional("ratioMetric") ?? throw metrics.Fail($"{metrics.Path}.ratioMetric or thresholdMetric is missing"), source);
    }

    /// <summary>Members of a composite, which OpenSLO has no field for: <c>composite: [{slo: name, weight: 2}]</c>.</summary>
    public static Indicator Composite(YamlPlace composite)
    {
        var members = new List<CompositeMember>();
        foreach (YamlPlace item in composite.Items)
        {
            item.OnlyKeys("slo", "weight");
            double weight = item.Optional("weight")?.Number ?? 1;
            members.Add(weight > 0 && double.IsFinite(weight) ? new CompositeMember(item.Required("slo").Text, weight)
                : throw item.Required("weight").Fail($"{item.Path}.weight is {weight}, expected above 0"));
        }
        var measure = new CompositeMeasure(members.Count > 0 ? members : throw composite.Fail($"{composite.Path} is empty, expected at least one member"));
        return new Indicator("composite", measure, measure, PartIsBad: false);
    }

    private YamlPlace? Inline(YamlPlace place) => place.Optional(dialect.Indicator)
        ?? (place.Optional(dialect.IndicatorReference) is { } reference ? objects.Get("SLI", reference) : null);

    /// <summary>Samples that hold the comparison with a threshold that a place names by <c>op</c> and <c>value</c>.</summary>
    public static Indicator Threshold(Source source, YamlPlace objective)
    {
        YamlPlace op = objective.Required("op");
        if (op.Text is not ("lte" or "lt" or "gte" or "gt"))
        {
            throw op.Fail($"op is '{op.Text}', expected lte, lt, gte or gt");
        }
        double value = objective.Required("value").Number;
        if (source.Foreign is { } foreign)
        {
            return new Indicator("foreign", foreign, foreign, PartIsBad: false);
        }
        return source.Query is { } query ? Compile(source.Place, () => IndicatorCompiler.Threshold(query, op.Text, value))
            : throw source.Place.Fail("thresholdMetric is to name a metric");
    }

    /// <summary>Good or bad events out of all, or a ratio given as such.</summary>
    public static Indicator Ratio(YamlPlace ratio, Func<YamlPlace, Source> read)
    {
        if (ratio.Optional("raw") is { } raw)
        {
            Source share = read(raw);
            string type = ratio.Optional("rawType")?.Text ?? "success";
            if (type is not ("success" or "failure"))
            {
                throw ratio.Required("rawType").Fail($"rawType is '{type}', expected success or failure");
            }
            return share.Foreign is { } elsewhere ? new Indicator("foreign", elsewhere, elsewhere, PartIsBad: false)
                : share.Query is { } query ? Compile(share.Place, () => IndicatorCompiler.Raw(query, type == "failure"))
                : throw share.Place.Fail($"{raw.Path} is to be a query");
        }
        Source total = read(ratio.Required("total"));
        YamlPlace? good = ratio.Optional("good");
        Source part = read(good ?? ratio.Optional("bad") ?? throw ratio.Fail($"{ratio.Path}.good or bad is missing"));
        bool isBad = good is null;
        if (total.Foreign is { } foreign)
        {
            return new Indicator("foreign", part.Foreign ?? foreign, foreign, isBad);
        }
        if (part.Query is { } counted && total.Query is { } all)
        {
            return Compile(part.Place, () => IndicatorCompiler.Events(counted, all, isBad));
        }
        return part.Spans is { } some && total.Spans is { } every ? new Indicator("spans", some, every, isBad)
            : part.Logs is { } someLogs && total.Logs is { } everyLog ? new Indicator("logs", someLogs, everyLog, isBad)
            : throw part.Place.Fail($"{part.Place.Path} and total are to be of one signal");
    }

    /// <summary>Compiles what a place says; what cannot be is an error there.</summary>
    public static Indicator Compile(YamlPlace place, Func<Indicator> compile)
    {
        try
        {
            return compile();
        }
        catch (FormatException unsupported)
        {
            throw place.Fail($"{place.Path}: {unsupported.Message}");
        }
    }

    private Source V1Source(YamlPlace metric)
    {
        // v2alpha has what v1 wraps in metricSource, and names the source's type in its own object only.
        YamlPlace source = metric.Optional("metricSource") ?? metric;
        YamlPlace? reference = source.Optional("metricSourceRef", "dataSourceRef");
        YamlPlace? declared = source.Optional("type") ?? source.Optional("dataSourceSpec")?.Optional("type")
            ?? (reference is null ? null : objects.Find("DataSource", reference.Text)?.Optional("spec")?.Optional("type"));
        return Signal(metric, source.Required("spec"), declared?.Text ?? "");
    }

    /// <summary>What a metric source's <c>spec</c> says.</summary>
    /// <param name="metric">Where an error is told.</param>
    /// <param name="spec">The <c>spec</c>.</param>
    /// <param name="type">Type of the data source.</param>
    public static Source Signal(YamlPlace metric, YamlPlace spec, string type)
    {
        string signal = spec.Optional("signal")?.Text ?? "metric";
        if (signal == "spans")
        {
            return new Source(metric) { Spans = SpanConditions.Read(spec) };
        }
        if (signal == "logs")
        {
            return new Source(metric) { Logs = LogConditions.Read(spec) };
        }
        if (signal != "metric")
        {
            throw spec.Required("signal").Fail($"signal is '{signal}', expected metric, spans or logs");
        }
        YamlPlace? expression = spec.Optional("query", "promql", "metric");
        if (!PromQLSources.Contains(type))
        {
            return new Source(metric) { Foreign = new ForeignMeasure(type, expression?.Text ?? string.Join(", ", spec.Fields.Select(field => field.Key))) };
        }
        return Query(expression ?? throw spec.Fail($"{spec.Path}.query is missing"));
    }

    private static Source AlphaSource(YamlPlace metric)
    {
        string type = metric.Optional("queryType")?.Text is "promql" ? "promql" : metric.Optional("source")?.Text ?? "";
        YamlPlace query = metric.Required("query");
        return PromQLSources.Contains(type) ? Query(query) : new Source(metric) { Foreign = new ForeignMeasure(type, query.Text) };
    }

    /// <summary>PromQL.</summary>
    public static Source Query(YamlPlace expression)
    {
        try
        {
            return new Source(expression) { Query = WindowedQuery.Parse(expression.Text) };
        }
        catch (FormatException wrong)
        {
            throw expression.Fail($"{expression.Path}: {wrong.Message}");
        }
    }

    /// <summary>One of the ways to count.</summary>
    public readonly record struct Source(YamlPlace Place)
    {
        public WindowedQuery? Query { get; init; }

        public SpanMeasure? Spans { get; init; }

        public LogMeasure? Logs { get; init; }

        public ForeignMeasure? Foreign { get; init; }
    }
}
