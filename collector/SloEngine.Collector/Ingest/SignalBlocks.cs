using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Ingest;

/// <summary>Columns of all three signals.</summary>
/// <param name="selection">What of that which is appended is kept.</param>
internal sealed class SignalBlocks(StoreSelection selection) : IDisposable
{
    public MetricBlock Metrics { get; } = new();

    public SpanBlock Spans { get; } = new();

    public LogBlock Logs { get; } = new();

    public int Rows => Metrics.Count + Metrics.Exemplars.Count + Spans.Count + Logs.Count;

    public void Append(IDisposable block)
    {
        switch (block)
        {
            case MetricBlock metrics when selection.TakesMetrics:
                Metrics.Append(metrics);
                break;
            case MetricBlock:
                break;
            case SpanBlock spans:
                selection.Take(spans, Spans);
                break;
            case LogBlock logs:
                selection.Take(logs, Logs);
                break;
            default:
                throw new ArgumentException("a block of no signal", nameof(block));
        }
    }

    public void Clear()
    {
        Metrics.Clear();
        Spans.Clear();
        Logs.Clear();
    }

    public void Dispose()
    {
        Metrics.Dispose();
        Spans.Dispose();
        Logs.Dispose();
    }
}
