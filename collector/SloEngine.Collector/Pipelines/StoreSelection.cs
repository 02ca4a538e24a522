using System.Diagnostics.Metrics;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Pipelines;

/// <summary>Which spans and logs of what was logged, and shown to the taps, go into the store.</summary>
internal abstract class StoreSelection
{
    /// <summary>Everything.</summary>
    public static StoreSelection All { get; } = new Everything();

    public virtual bool TakesMetrics => true;

    /// <summary>Appends the spans that go into the store.</summary>
    public abstract void Take(SpanBlock spans, SpanBlock into);

    /// <summary>Appends the logs that go into the store.</summary>
    public abstract void Take(LogBlock logs, LogBlock into);

    private sealed class Everything : StoreSelection
    {
        public override void Take(SpanBlock spans, SpanBlock into) => into.Append(spans);

        public override void Take(LogBlock logs, LogBlock into) => into.Append(logs);
    }
}

/// <summary>Counts what samples leave out.</summary>
internal sealed class SampledOut(Meter meter)
{
    private readonly Counter<long> _items = meter.CreateCounter<long>("sloengine.pipeline.sampled_out_items", "{item}", "Spans and logs that samples leave out of the store, by step.");

    public void Add(string step, int items)
    {
        if (items > 0)
        {
            _items.Add(items, new KeyValuePair<string, object?>("step", step));
        }
    }
}

/// <summary>The samples that need nothing but the trace id.</summary>
/// <param name="options">The samples.</param>
/// <param name="sampledOut">Counts the others; null in a replay.</param>
/// <param name="leavesSpans">Whether spans are left to the reader that waits for their traces.</param>
internal sealed class HeadSelection(PipelineOptions options, SampledOut? sampledOut, bool leavesSpans) : StoreSelection
{
    public override void Take(SpanBlock spans, SpanBlock into)
    {
        if (leavesSpans)
        {
            return;
        }
        if (options.SampleTraces is not { } sampling)
        {
            into.Append(spans);
            return;
        }
        int before = into.Count;
        for (int row = 0; row < spans.Count; row++)
        {
            ReadOnlySpan<byte> traceState = spans.TraceStates[row];
            if (sampling.Threshold.Keeps(spans.TraceIds[row], traceState))
            {
                into.AppendRow(spans, row, sampling.Threshold.TellIn(traceState) is { } told ? told : traceState);
            }
        }
        sampledOut?.Add(sampling.Name, spans.Count - (into.Count - before));
    }

    public override void Take(LogBlock logs, LogBlock into)
    {
        if (options.SampleLogs is not { } sampling)
        {
            into.Append(logs);
            return;
        }
        int before = into.Count;
        for (int row = 0; row < logs.Count; row++)
        {
            // A record outside of traces has nothing to be sampled by.
            if (logs.TraceIds[row] == UInt128.Zero || sampling.Threshold.Keeps(logs.TraceIds[row], default))
            {
                into.AppendRow(logs, row);
            }
        }
        sampledOut?.Add(sampling.Name, logs.Count - (into.Count - before));
    }
}
