using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using SloEngine.Otlp.Naming;

namespace SloEngine.Server.SelfObservation;

/// <summary>
/// Renders the OpenTelemetry SDK's metrics in Prometheus' text format 0.0.4 when it is asked to: the scrape at <c>/metrics</c>.
/// It stands in for OpenTelemetry.Exporter.Prometheus.AspNetCore (docs/decisions).
/// </summary>
[ExportModes(ExportModes.Push | ExportModes.Pull)]
internal sealed class PrometheusText : BaseExporter<Metric>
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();
    private readonly Lock _scraping = new();

    /// <summary>Collects from <paramref name="reader"/>, which owns this exporter, and returns the exposition.</summary>
    public string Scrape(MetricReader reader)
    {
        lock (_scraping)
        {
            _text.Clear();
            reader.Collect();
            return _text.ToString();
        }
    }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        foreach (Metric metric in batch)
        {
            Write(metric);
        }
        return ExportResult.Success;
    }

    private void Write(Metric metric)
    {
        bool monotonic = metric.MetricType is MetricType.LongSum or MetricType.DoubleSum;
        string name = PrometheusName.Of(metric.Name, metric.Unit, monotonic, isGauge: metric.MetricType is MetricType.LongGauge or MetricType.DoubleGauge);
        string type = metric.MetricType switch
        {
            MetricType.LongSum or MetricType.DoubleSum => "counter",
            MetricType.Histogram => "histogram",
            _ => "gauge",
        };
        _text.Append("# HELP ").Append(name).Append(' ').Append(metric.Description.Replace("\\", @"\\").Replace("\n", @"\n")).Append('\n');
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        foreach (ref readonly MetricPoint point in metric.GetMetricPoints())
        {
            string labels = Labels(point.Tags);
            switch (metric.MetricType)
            {
                case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                    Sample(name, "", labels, point.GetSumLong());
                    break;
                case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                    Sample(name, "", labels, point.GetSumDouble());
                    break;
                case MetricType.LongGauge:
                    Sample(name, "", labels, point.GetGaugeLastValueLong());
                    break;
                case MetricType.DoubleGauge:
                    Sample(name, "", labels, point.GetGaugeLastValueDouble());
                    break;
                case MetricType.Histogram:
                    WriteHistogram(name, labels, in point);
                    break;
            }
        }
    }

    private void WriteHistogram(string name, string labels, ref readonly MetricPoint point)
    {
        long cumulative = 0;
        foreach (HistogramBucket bucket in point.GetHistogramBuckets())
        {
            cumulative += bucket.BucketCount;
            string bound = $"le=\"{Number(bucket.ExplicitBound)}\"";
            Sample(name, "_bucket", labels.Length == 0 ? bound : $"{labels},{bound}", cumulative);
        }
        Sample(name, "_sum", labels, point.GetHistogramSum());
        Sample(name, "_count", labels, point.GetHistogramCount());
    }

    private void Sample(string name, string suffix, string labels, double value)
    {
        _text.Append(name).Append(suffix);
        if (labels.Length > 0)
        {
            _text.Append('{').Append(labels).Append('}');
        }
        _text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Labels(ReadOnlyTagCollection tags)
    {
        var text = new StringBuilder();
        foreach ((string key, object? value) in tags)
        {
            if (text.Length > 0)
            {
                text.Append(',');
            }
            string escaped = Convert.ToString(value, CultureInfo.InvariantCulture)?.Replace("\\", @"\\").Replace("\"", "\\\"").Replace("\n", @"\n") ?? "";
            text.Append(PrometheusName.Label(key)).Append("=\"").Append(escaped).Append('"');
        }
        return text.ToString();
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };
}
