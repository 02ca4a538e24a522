using SloEngine.Collector.Taps;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Pipelines.Tail;

/// <summary>Listens to nothing: what is read from the log again has been counted.</summary>
internal sealed class SilentTaps : ITelemetryTaps
{
    private readonly Lock _lock = new();

    public event Action? Changed
    {
        add { }
        remove { }
    }

    public bool ListensToSpans => false;

    public bool ListensToLogs => false;

    public ISeriesTap? TapFor(SeriesDescriptor series) => null;

    public void Forget(SeriesDescriptor series)
    {
    }

    public Lock.Scope BeginBatch() => _lock.EnterScope();

    public void Observe(SpanBlock spans, IResourceLookup resources)
    {
    }

    public void Observe(LogBlock logs, IResourceLookup resources)
    {
    }

    public ITapCounts? TakeCounts() => null;
}
