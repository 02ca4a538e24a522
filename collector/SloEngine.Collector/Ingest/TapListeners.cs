using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Shows telemetry to whoever listens to it, and stamps what it is of as seen. What no one listens to costs one array read and one write a point.
/// </summary>
internal sealed class TapListeners(SeriesIndex series, ResourceIndex resources, ITelemetryTaps taps)
{
    private static readonly ulong StaleMarker = BitConverter.DoubleToUInt64Bits(MetricsDecoder.StaleMarker);

    /// <summary>Shows the columns of a request, within a batch of the taps.</summary>
    /// <param name="block">The columns.</param>
    /// <param name="now">The present, as a timestamp of the clock.</param>
    public void Show(IDisposable block, long now)
    {
        switch (block)
        {
            case MetricBlock metrics:
                Show(metrics, series.Table, now);
                break;
            case SpanBlock spans:
                Stamp(spans.Resources.Values, now);
                if (taps.ListensToSpans)
                {
                    taps.Observe(spans, resources);
                }
                break;
            case LogBlock logs:
                Stamp(logs.Resources.Values, now);
                if (taps.ListensToLogs)
                {
                    taps.Observe(logs, resources);
                }
                break;
            default:
                break;
        }
    }

    private static void Show(MetricBlock block, SeriesTable table, long now)
    {
        ISeriesTap?[] taps = table.Taps;
        long[] lastSeen = table.LastSeen;
        NumberPoints numbers = block.Numbers;
        ReadOnlySpan<int> series = numbers.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            lastSeen[series[row]] = now;
            taps[series[row]]?.Number(numbers.StartNanos[row], numbers.TimeNanos[row], numbers.Values[row]);
        }
        HistogramPoints histograms = block.Histograms;
        series = histograms.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            lastSeen[series[row]] = now;
            if (IsStaleMarker(histograms.Sums[row]))
            {
                continue;
            }
            taps[series[row]]?.Histogram(histograms.StartNanos[row], histograms.TimeNanos[row], histograms.Counts[row], histograms.BucketsOf(row));
        }
        series = block.ExponentialHistograms.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            lastSeen[series[row]] = now;
            if (IsStaleMarker(block.ExponentialHistograms.Sums[row]))
            {
                continue;
            }
            taps[series[row]]?.ExponentialHistogram(block.ExponentialHistograms, row);
        }
        foreach (int one in block.FloatHistograms.Series.Values)
        {
            // No indicator is of fractional counts.
            lastSeen[one] = now;
        }
    }

    /// <summary>Whether a histogram tells that its series ended: with a count of 0, which is no reset of a counter.</summary>
    private static bool IsStaleMarker(double sum) => BitConverter.DoubleToUInt64Bits(sum) == StaleMarker;

    private void Stamp(ReadOnlySpan<int> references, long now)
    {
        long[] lastSeen = resources.LastSeen;
        foreach (int resource in references)
        {
            lastSeen[resource] = now;
        }
    }
}
