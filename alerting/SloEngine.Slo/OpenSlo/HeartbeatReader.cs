using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>Reads a heartbeat, which OpenSLO has no field for: <c>heartbeat: {metric: 'backup_done{db="a"}', interval: 1h, op: gte, value: 1}</c>.</summary>
internal static class HeartbeatReader
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <summary>Reads the indicator.</summary>
    public static Indicator Read(YamlPlace heartbeat)
    {
        heartbeat.OnlyKeys("metric", "interval", "op", "value");
        (string metric, List<Matcher> matchers) = Selector(heartbeat.Required("metric"));
        TimeSpan interval = Interval(heartbeat.Required("interval"));
        YamlPlace? op = heartbeat.Optional("op");
        if (op?.Text is not (null or "lte" or "lt" or "gte" or "gt"))
        {
            throw op.Fail($"{op.Path} is '{op.Text}', expected lte, lt, gte or gt");
        }
        double? value = op is null ? heartbeat.Optional("value")?.Number : heartbeat.Required("value").Number;
        return new Indicator(
            "heartbeat", new HeartbeatMeasure(metric, matchers, interval, op?.Text ?? "gte", value), new IntervalMeasure(interval), PartIsBad: false);
    }

    private static (string Metric, List<Matcher> Matchers) Selector(YamlPlace place)
    {
        try
        {
            return PromQLParser.Parse(place.Text) is VectorSelector selector && TapCompiler.Selector(selector) is { } read ? read
                : throw place.Fail($"{place.Path} is to name a metric, with or without conditions on its labels, such as up{{job=\"db\"}}");
        }
        catch (PromQLParseException wrong)
        {
            throw place.Fail($"{place.Path}: not PromQL: {wrong.Message}");
        }
    }

    private static TimeSpan Interval(YamlPlace place)
    {
        TimeSpan interval = place.Duration;
        bool fits = interval < QueryMeasure.Interval
            ? interval >= Shortest && QueryMeasure.Interval.Ticks % interval.Ticks == 0
            : interval <= Longest && interval.Ticks % QueryMeasure.Interval.Ticks == 0;
        return fits ? interval : throw place.Fail($"{place.Path} is {place.Text}, expected whole minutes of up to 7d, or seconds from 10s on that divide a minute");
    }
}
