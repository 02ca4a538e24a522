using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Naming;

namespace SloEngine.Query.Metrics;

/// <summary>A metric as it is stored, and the name it came by.</summary>
internal readonly record struct MetricOrigin(string Metric, string OtelName);

/// <summary>What the store has under a metric name of OpenTelemetry that is none of Prometheus: OTLP's metrics are stored by translated names.</summary>
/// <param name="Origins">The metrics.</param>
/// <param name="Names">The names of their series that are asked for; those of histograms with explicit bounds have the suffixes of classic series.</param>
internal sealed record OtelMetric(MetricOrigin[] Origins, string[] Names)
{
    public static readonly string[] ClassicSuffixes = ["_bucket", "_count", "_sum"];

    /// <summary>Chooses what a name stands for among stored metrics.</summary>
    public static OtelMetric Of(string asked, IEnumerable<(MetricOrigin Origin, byte Kind)> stored)
    {
        string translated = PrometheusName.Of(asked, unit: "", isCounter: false, isGauge: false);
        var origins = new HashSet<MetricOrigin>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach ((MetricOrigin origin, byte kind) in stored)
        {
            string[] suffixes = kind == StoredSeries.Histogram ? ClassicSuffixes : [""];
            foreach (string suffix in suffixes)
            {
                string name = origin.Metric + suffix;
                // As it is stored; as NoTranslation names it; as NoUTF8EscapingWithSuffixes does, by unit and type.
                if (asked == name || asked == origin.OtelName + PartOf(origin, kind) + suffix
                    || (translated == name && asked.StartsWith(origin.OtelName, StringComparison.Ordinal)))
                {
                    origins.Add(origin);
                    names.Add(name);
                }
            }
        }
        return new OtelMetric([.. origins], [.. names]);
    }

    /// <summary>The suffix of a summary's sum or count, which are counters without <c>_total</c> and came by the summary's name.</summary>
    private static string PartOf(MetricOrigin origin, byte kind) =>
        kind != (byte)MetricKind.Counter || origin.Metric == origin.OtelName ? ""
        : origin.Metric.EndsWith("_sum", StringComparison.Ordinal) ? "_sum"
        : origin.Metric.EndsWith("_count", StringComparison.Ordinal) ? "_count"
        : "";
}
