using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Ingest;

/// <summary>Columns of all three signals.</summary>
internal sealed class SignalBlocks : IDisposable
{
    public MetricBlock Metrics { get; } = new();

    public SpanBlock Spans { get; } = new();

    public LogBlock Logs { get; } = new();

    public int Rows => Metrics.Count + Metrics.Exemplars.Count + Spans.Count + Logs.Count;

    public void Append(IDisposable block)
    {
        switch (block)
        {
            case MetricBlock metrics:
                Metrics.Append(metrics);
                break;
            case SpanBlock spans:
                Spans.Append(spans);
                break;
            case LogBlock logs:
                Logs.Append(logs);
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
