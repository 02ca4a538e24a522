using SloEngine.Collector.Taps;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>Listens to everything and remembers it.</summary>
internal sealed class RecordingTaps(RecordingStore store) : ITelemetryTaps
{
    private readonly Lock _batch = new();

    public event Action? Changed;

    /// <summary>Whether metric series get a tap.</summary>
    public bool ListensToSeries { get; set; } = true;

    public bool ListensToSpans => true;

    public bool ListensToLogs => true;

    public List<(string Metric, double Value)> Numbers { get; } = [];

    public List<(string Metric, ulong Count)> Histograms { get; } = [];

    public int Spans { get; private set; }

    public int Logs { get; private set; }

    public List<SeriesDescriptor> Series { get; } = [];

    public List<SeriesDescriptor> Forgotten { get; } = [];

    private int _taken;

    private int Shown => Numbers.Count + Histograms.Count + Spans + Logs;

    public void RaiseChanged() => Changed?.Invoke();

    public ISeriesTap? TapFor(SeriesDescriptor series)
    {
        Series.Add(series);
        return ListensToSeries ? new Tap(this, series.Metric) : null;
    }

    public void Forget(SeriesDescriptor series) => Forgotten.Add(series);

    public Lock.Scope BeginBatch() => _batch.EnterScope();

    public void Observe(SpanBlock spans, IResourceLookup resources) => Spans += spans.Count;

    public void Observe(LogBlock logs, IResourceLookup resources) => Logs += logs.Count;

    public ITapCounts? TakeCounts()
    {
        int counted = Shown - _taken;
        _taken = Shown;
        return counted == 0 ? null : new Counts(store, counted);
    }

    private sealed class Counts(RecordingStore store, int counted) : ITapCounts
    {
        public async ValueTask SaveAsync(string token) => await store.AddAsync("counts", token, counted);
    }

    private sealed class Tap(RecordingTaps taps, string metric) : ISeriesTap
    {
        public void Number(long startNanos, long timeNanos, double value) => taps.Numbers.Add((metric, value));

        public void Histogram(long startNanos, long timeNanos, ulong count, ReadOnlySpan<ulong> buckets) => taps.Histograms.Add((metric, count));

        public void ExponentialHistogram(ExponentialHistogramPoints points, int row) => taps.Histograms.Add((metric, points.Counts[row]));
    }
}
