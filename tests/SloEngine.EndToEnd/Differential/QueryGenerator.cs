using System.Globalization;

namespace SloEngine.EndToEnd.Differential;

/// <summary>Random but repeatable queries over the series of a <see cref="SampleSet"/>.</summary>
internal sealed class QueryGenerator(int seed, SampleSet samples)
{
    private static readonly string[] Counters =
    [
        "http_requests_total", "http_requests_total{code=\"200\"}", "http_requests_total{code!=\"404\"}", "http_requests_total{code=~\"4..|5..\"}",
        "http_requests_total{instance!~\"a|b\"}", "latency_count", "latency_sum", "latency_bucket{le=\"1.0\"}", "{__name__=~\"latency_(count|sum)\"}",
    ];

    private static readonly string[] Gauges =
    [
        "temperature", "temperature{room=\"attic\"}", "temperature{room!=\"cellar\"}", "humidity", "sparse", "nothing", "{room=~\".+\",floor!=\"\"}",
        "temperature{floor=~\"[45]\"}", "temperature{room=\"cellar\"}", "{__name__=\"humidity\",room=~\"a.*\"}",
    ];

    /// <summary>Vectors without equal values.</summary>
    private static readonly string[] Distinct =
        ["humidity", "http_requests_total", "temperature{room!=\"cellar\"}", "rate(http_requests_total[5m])", "avg_over_time(humidity[2m])", "http_requests_total{code=\"500\"}"];

    private static readonly string[] Arithmetic = ["+", "-", "*", "/", "%", "^", "atan2"];

    private static readonly string[] Histograms = ["size", "size{path=\"/\"}", "size{path=\"/cart\"}"];

    private static readonly string[] Ranges = ["45s", "1m", "2m30s", "5m", "17m", "1h"];

    private static readonly string[] CounterFunctions = ["rate", "increase", "irate", "resets", "changes"];

    private static readonly string[] GaugeFunctions =
    [
        "delta", "idelta", "deriv", "avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time", "last_over_time",
        "stddev_over_time", "stdvar_over_time", "present_over_time", "changes", "absent_over_time",
    ];

    private static readonly string[] Maths =
    [
        "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
        "acosh", "atanh", "deg", "rad", "timestamp", "absent",
    ];

    private static readonly string[] Dates = ["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"];

    private static readonly string[] Aggregations = ["sum", "avg", "min", "max", "count", "stddev", "stdvar", "group"];

    private static readonly string[] Groupings =
        ["", " by (code)", " by (room)", " by (instance, job)", " without (instance)", " without (room, floor)", " by (nothing)", " by (path)", " by (__name__)"];

    private static readonly string[] Operators = ["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "atan2"];

    private static readonly string[] Numbers = ["0", "1", "2", "-3", "0.5", "1e3", "NaN", "Inf", "-Inf", "0.1", "time()", "scalar(sparse)"];

    private readonly Random _random = new(seed);

    /// <summary>A query.</summary>
    public string Next() => _random.Next(22) switch
    {
        0 => Selector(),
        1 or 2 => $"{Pick(CounterFunctions)}({Pick(Counters)}[{Pick(Ranges)}]{Modifier()})",
        3 or 4 => $"{Pick(GaugeFunctions)}({Pick(Gauges)}[{Pick(Ranges)}]{Modifier()})",
        5 => $"{Pick(Maths)}({Vector()})",
        6 or 7 => Aggregated(),
        8 => $"{Pick(["topk", "bottomk"])}{Pick(Groupings)} ({Pick(["1", "2", "3", "-1"])}, {Pick(Distinct)})",
        9 => $"quantile{Pick(Groupings)} ({Pick(["0", "0.25", "0.5", "0.99", "1", "-1", "2"])}, {Vector()})",
        10 => $"{Vector()} {Operator()} {Pick(Numbers)}",
        11 => $"{Pick(Numbers)} {Operator()} {Vector()}",
        12 => Matched(),
        13 => $"{Vector()} {Pick(["and", "or", "unless"])}{Pick(["", " on (job)", " on (room)", " ignoring (code)", " on ()"])} {Vector()}",
        // last_over_time brings dropped names back in Prometheus, see docs/promql.md.
        14 => $"{Pick(GaugeFunctions).Replace("last_", "max_", StringComparison.Ordinal)}({Vector()}[{Pick(["3m", "10m", "30m"])}:{Pick(["", "30s", "1m", "47s"])}]{Modifier()})",
        15 => $"histogram_quantile({Pick(["0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "1.5"])}, {OfHistogram()})",
        16 => $"{Pick(["histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar"])}({NativeHistogram()})",
        17 => NativeHistogram(),
        // From 0 on Prometheus 3.5 gives NaN for classic histograms: a fault of its own.
        18 => $"histogram_fraction({Pick(["0.1", "0.5", "-Inf"])}, {Pick(["1", "2", "+Inf"])}, {OfHistogram()})",
        19 => Pick(
        [
            $"label_replace({Vector()}, \"new\", \"$1-x\", \"room\", \"(.).*\")", $"label_join({Vector()}, \"new\", \"/\", \"room\", \"code\")",
            $"count_values{Pick(Groupings)} (\"value\", {Pick(["humidity", "http_requests_total > 100", "sparse"])})",
            $"clamp({Vector()}, {Pick(Numbers)}, {Pick(Numbers)})", $"clamp_min({Vector()}, {Pick(Numbers)})", $"clamp_max({Vector()}, {Pick(Numbers)})",
            $"round({Vector()}, {Pick(["0.1", "5", "1e-4"])})", $"round({Vector()})", $"scalar({Vector()})", $"vector({Pick(Numbers)})", $"-({Vector()})",
            // Infinite dates are another matter: see docs/promql.md.
            $"{Pick(Dates)}(humidity * 1e8)", $"{Pick(Dates)}(timestamp({Vector()}) * {Pick(["1", "2", "-1", "10"])})", $"{Pick(Dates)}()",
        ]),
        20 => $"quantile_over_time({Pick(["0", "0.3", "0.95", "1", "7"])}, {Pick(Gauges)}[{Pick(Ranges)}])",
        _ => $"predict_linear({Pick(Gauges)}[{Pick(Ranges)}], {Pick(["0", "60", "-3600"])})",
    };

    private string Matched() => Pick(
    [
        $"http_requests_total{{code=\"500\"}} {Operator()} ignoring (code) http_requests_total{{code=\"200\"}}",
        $"http_requests_total {Operator()} ignoring (code) group_left sum without (code) (http_requests_total)",
        $"sum without (code) (http_requests_total) {Operator()} ignoring (code) group_right http_requests_total",
        "temperature * on (room) group_left (owner) room_info",
        $"temperature {Operator()} on (room) humidity",
        $"temperature {Pick(Operators)} on (job) humidity",
        $"rate(http_requests_total[{Pick(Ranges)}]) {Pick(Arithmetic)} rate(http_requests_total[{Pick(Ranges)}] offset 2m)",
        $"latency_sum {Pick(Operators)} latency_count",
        $"size {Pick(["+", "-", "==", "!=", "*", "/"])} {Pick(["size", "2", "latency_count"])}",
    ]);

    private string OfHistogram() => Pick(
    [
        "latency_bucket", $"rate(latency_bucket[{Pick(Ranges)}])", $"sum by (le) (rate(latency_bucket[{Pick(Ranges)}]))", NativeHistogram(), NativeHistogram(),
        "sum by (le, path) (latency_bucket)", "sum by (path) (latency_bucket)",
    ]);

    private string NativeHistogram() => Pick(
    [
        Pick(Histograms), $"rate({Pick(Histograms)}[{Pick(Ranges)}])", $"increase({Pick(Histograms)}[{Pick(Ranges)}]{Modifier()})", $"sum(rate({Pick(Histograms)}[{Pick(Ranges)}]))",
        $"sum({Pick(Histograms)})", $"avg({Pick(Histograms)})", $"{Pick(Histograms)} * 2", $"irate({Pick(Histograms)}[{Pick(Ranges)}])", $"delta({Pick(Histograms)}[{Pick(Ranges)}])",
        $"{Pick(["sum_over_time", "avg_over_time", "last_over_time", "count_over_time", "resets", "changes"])}({Pick(Histograms)}[{Pick(Ranges)}])",
    ]);

    private string Aggregated() => $"{Pick(Aggregations)}{Pick(Groupings)} ({Vector()})";

    private string Vector() => _random.Next(6) switch
    {
        0 => $"rate({Pick(Counters)}[{Pick(Ranges)}])",
        1 => Pick(Counters),
        2 => $"avg_over_time({Pick(Gauges)}[{Pick(Ranges)}])",
        3 => "http_requests_total",
        _ => Pick(Gauges),
    };

    private string Selector() => Pick([.. Counters, .. Gauges, .. Histograms]) + Modifier();

    private string Modifier() => _random.Next(5) switch
    {
        0 => " offset " + Pick(["1m", "7m30s", "-2m", "1h"]),
        1 => " @ " + Pick(["start()", "end()", Seconds(samples.StartMs + 1_800_000), Seconds(samples.EndMs) + " offset 5m"]),
        _ => "",
    };

    private string Operator()
    {
        string chosen = Pick(Operators);
        return chosen is "==" or "!=" or ">" or "<" or ">=" or "<=" && _random.Next(3) == 0 ? chosen + " bool" : chosen;
    }

    private T Pick<T>(T[] choices) => choices[_random.Next(choices.Length)];

    private static string Seconds(long timeMs) => (timeMs / 1000m).ToString(CultureInfo.InvariantCulture);
}
