using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Ingest;

/// <summary>Shows telemetry to whoever listens to it. What no one listens to costs one array read a point.</summary>
internal sealed class TapListeners(SeriesIndex series, ResourceIndex resources, ITelemetryTaps taps)
{
    /// <summary>Shows the columns of a request, within a batch of the taps.</summary>
    public void Show(IDisposable block)
    {
        switch (block)
        {
            case MetricBlock metrics:
                Show(metrics, series.Table.Taps);
                break;
            case SpanBlock spans when taps.ListensToSpans:
                taps.Observe(spans, resources);
                break;
            case LogBlock logs when taps.ListensToLogs:
                taps.Observe(logs, resources);
                break;
            default:
                break;
        }
    }

    private static void Show(MetricBlock block, ISeriesTap?[] taps)
    {
        NumberPoints numbers = block.Numbers;
        ReadOnlySpan<int> series = numbers.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            taps[series[row]]?.Number(numbers.StartNanos[row], numbers.TimeNanos[row], numbers.Values[row]);
        }
        HistogramPoints histograms = block.Histograms;
        series = histograms.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            taps[series[row]]?.Histogram(histograms.StartNanos[row], histograms.TimeNanos[row], histograms.Counts[row], histograms.BucketsOf(row));
        }
        series = block.ExponentialHistograms.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            taps[series[row]]?.ExponentialHistogram(block.ExponentialHistograms, row);
        }
    }
}
