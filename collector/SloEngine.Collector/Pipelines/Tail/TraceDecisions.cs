using System.Runtime.InteropServices;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Traces;

namespace SloEngine.Collector.Pipelines.Tail;

/// <summary>
/// What is known of the traces that wait, and what was decided about those before. Spans themselves are not held: they lie in the log. Decisions
/// are remembered in two generations, of which the older is forgotten when the younger is full. Safe for concurrent use.
/// </summary>
/// <param name="options">The rules; null keeps everything.</param>
/// <param name="head">Sample before these rules; null for none.</param>
/// <param name="sampledOut">Counts spans that are left out; null for nobody.</param>
internal sealed class TraceDecisions(TailSampling? options, HeadSampling? head, SampledOut? sampledOut) : StoreSelection
{
    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, Seen> _pending = [];
    private Dictionary<UInt128, Fate> _young = [];
    private Dictionary<UInt128, Fate> _old = [];

    public override bool TakesMetrics => false;

    /// <summary>Number of traces that wait.</summary>
    public int Pending
    {
        get
        {
            lock (_lock)
            {
                return _pending.Count;
            }
        }
    }

    public bool IsFull => options is not null && Pending >= options.MaxPending;

    /// <summary>Traces known to be kept, such as those the store has spans of.</summary>
    public void Keep(IEnumerable<UInt128> traces)
    {
        lock (_lock)
        {
            foreach (UInt128 trace in traces)
            {
                Remember(trace, Fate.Kept);
            }
        }
    }

    /// <summary>Notes spans that the log has got. While as many traces wait as may, others are noted when their turn comes.</summary>
    public void Observe(SpanBlock spans)
    {
        if (options is not null)
        {
            lock (_lock)
            {
                Note(spans, options.MaxPending);
            }
        }
    }

    /// <summary>Appends the spans whose turn has come and whose traces are kept: the first to come decides for its trace.</summary>
    public override void Take(SpanBlock spans, SpanBlock into)
    {
        int outOfHead = 0;
        int outOfTail = 0;
        lock (_lock)
        {
            if (options is not null)
            {
                Note(spans, int.MaxValue);
            }
            for (int row = 0; row < spans.Count; row++)
            {
                ReadOnlySpan<byte> traceState = spans.TraceStates[row];
                if (head?.Threshold.Keeps(spans.TraceIds[row], traceState) == false)
                {
                    outOfHead++;
                    continue;
                }
                if (head?.Threshold.TellIn(traceState) is { } toldByHead)
                {
                    traceState = toldByHead;
                }
                Fate fate = options is null ? Fate.Kept : FateOf(options, spans.TraceIds[row], traceState);
                if (fate == Fate.Dropped)
                {
                    outOfTail++;
                    continue;
                }
                if (fate == Fate.KeptByShare && options!.Rest.TellIn(traceState) is { } toldByTail)
                {
                    traceState = toldByTail;
                }
                into.AppendRow(spans, row, traceState);
            }
        }
        sampledOut?.Add(head?.Name ?? "", outOfHead);
        sampledOut?.Add(options?.Name ?? "", outOfTail);
    }

    public override void Take(LogBlock logs, LogBlock into)
    {
        // Logs do not wait for traces.
    }

    private void Note(SpanBlock spans, int most)
    {
        for (int row = 0; row < spans.Count; row++)
        {
            UInt128 trace = spans.TraceIds[row];
            if (IsDecided(trace, out _) || head?.Threshold.Keeps(trace, spans.TraceStates[row]) == false
                || (_pending.Count >= most && !_pending.ContainsKey(trace)))
            {
                continue;
            }
            long start = spans.StartNanos[row];
            long end = start + spans.DurationNanos[row];
            bool isError = spans.StatusCodes[row] == 2;
            ref Seen seen = ref CollectionsMarshal.GetValueRefOrAddDefault(_pending, trace, out bool isKnown);
            seen = isKnown ? new Seen(Math.Min(seen.Start, start), Math.Max(seen.End, end), seen.HasError || isError) : new Seen(start, end, isError);
        }
    }

    private Fate FateOf(TailSampling rules, UInt128 trace, ReadOnlySpan<byte> traceState)
    {
        if (IsDecided(trace, out Fate fate))
        {
            return fate;
        }
        _pending.Remove(trace, out Seen seen);
        bool isSlow = rules.SlowerThan is { } slow && seen.End - seen.Start >= slow.Ticks * 100;
        fate = (rules.KeepErrors && seen.HasError) || isSlow ? Fate.Kept : rules.Rest.Keeps(trace, traceState) ? Fate.KeptByShare : Fate.Dropped;
        Remember(trace, fate);
        return fate;
    }

    private bool IsDecided(UInt128 trace, out Fate fate) => _young.TryGetValue(trace, out fate) || _old.TryGetValue(trace, out fate);

    private void Remember(UInt128 trace, Fate fate)
    {
        if (_young.Count >= (options?.MaxDecisions ?? 0) / 2)
        {
            (_old, _young) = (_young, _old);
            _young.Clear();
        }
        _young[trace] = fate;
    }

    private enum Fate : byte
    {
        Dropped,
        Kept,
        KeptByShare,
    }

    /// <summary>First start, last end, in Unix nanoseconds, and whether a span is an error.</summary>
    private readonly record struct Seen(long Start, long End, bool HasError);
}
