using System.Runtime.CompilerServices;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// Counts what the points of one series add to the indicators that look at it. Cumulative points are differenced here, with resets told by
/// the start time and by a drop. The last few are remembered, so that the order in which they come does not matter; what is older than all of
/// them adds nothing, and is in the next one's difference already. Called within a batch of the ledger.
/// </summary>
public sealed class SeriesTap
{
    private const long NanosPerMilli = 1_000_000;

    private readonly Ledger _ledger;
    private readonly SeriesView _series;
    private readonly TapListener[] _listeners;

    /// <summary>Those of a counter, where a point says the same to all: of part and total of one ledger there is one.</summary>
    private readonly TapListener[] _counting;

    /// <summary>The only ledger that counts a counter, at least for the total; null when there are several, or none of the total.</summary>
    private readonly EventSink? _sink;
    private readonly bool _isPart;
    private RecentPoints _recent;
    private DeltaIntervals? _deltas;
    private long _lastTime;
    private bool _firstCounts;
    private bool _isInStream;
    private DeferredFirst? _deferred;

    internal SeriesTap(Ledger ledger, SeriesView series, TapListener[] listeners)
    {
        (_ledger, _series, _listeners) = (ledger, series, listeners);
        _counting = TapListener.Joined(listeners);
        if (_counting is [{ IsTotal: true } only])
        {
            (_sink, _isPart) = (only.Sink, only.IsPart);
        }
        _deltas = series.IsDelta ? new DeltaIntervals() : null;
        _recent = new RecentPoints(series.Kind == SeriesKind.Counter ? 0 : listeners.Length);
    }

    /// <summary>What it is the tap of.</summary>
    internal SeriesView Series => _series;

    /// <summary>Whether the first point waits until somebody knows what came before it.</summary>
    internal bool DefersFirst { get; init; }

    /// <summary>The first point, while it waits.</summary>
    internal RecentPoint? Waiting => _deferred?.Point;

    /// <summary>A gauge or sum point.</summary>
    public void Number(long startNanos, long timeNanos, double value)
    {
        if (double.IsNaN(value))
        {
            return;
        }
        if (_recent.Count > 0)
        {
            ref readonly RecentPoint last = ref _recent.Newest;
            if (timeNanos > last.Time && value >= last.Count && startNanos == last.Start)
            {
                // A counter that goes on: every listener counts the same.
                double increase = value - last.Count;
                if (_sink is { } sink)
                {
                    sink.Add(timeNanos, _isPart ? increase : 0, increase);
                }
                else
                {
                    foreach (TapListener listener in _counting)
                    {
                        listener.Add(timeNanos, increase);
                    }
                }
                _recent.Append(startNanos, timeNanos, value);
                return;
            }
        }
        Irregular(startNanos, timeNanos, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Irregular(long startNanos, long timeNanos, double value)
    {
        if (_series.Kind == SeriesKind.Gauge)
        {
            if (timeNanos <= _lastTime)
            {
                _ledger.Note(LedgerOddity.Duplicate);
                return;
            }
            _lastTime = timeNanos;
            foreach (TapListener listener in _listeners)
            {
                listener.Add(timeNanos, listener.Sample(value));
            }
            return;
        }
        Span<double> values = stackalloc double[_listeners.Length];
        values.Fill(value);
        Count(startNanos, timeNanos, value, values);
    }

    /// <summary>An explicit histogram point.</summary>
    public void Histogram(long startNanos, long timeNanos, ulong count, ReadOnlySpan<ulong> buckets)
    {
        Span<double> values = stackalloc double[_listeners.Length];
        for (int index = 0; index < values.Length; index++)
        {
            MetricMeasure measure = _listeners[index].Measure;
            values[index] = measure.Part == MetricPart.AtOrBelow ? HistogramShare.AtOrBelow(measure.Threshold, _series.Bounds, buckets) : count;
        }
        Count(startNanos, timeNanos, count, values);
    }

    /// <summary>An exponential histogram point.</summary>
    public void ExponentialHistogram(
        long startNanos, long timeNanos, ulong count, int scale, double zeroThreshold, ulong zeroCount,
        int positiveOffset, ReadOnlySpan<ulong> positive, ReadOnlySpan<ulong> negative)
    {
        Span<double> values = stackalloc double[_listeners.Length];
        for (int index = 0; index < values.Length; index++)
        {
            MetricMeasure measure = _listeners[index].Measure;
            values[index] = measure.Part == MetricPart.AtOrBelow
                ? HistogramShare.AtOrBelow(measure.Threshold, scale, zeroThreshold, zeroCount, positiveOffset, positive, negative)
                : count;
        }
        Count(startNanos, timeNanos, count, values);
    }

    /// <summary>Makes the next point count from here: what the store has as the last point before a restart.</summary>
    public void Restore(long startNanos, long timeNanos, double count, Func<MetricMeasure, double> valueOf)
    {
        Span<double> values = stackalloc double[_listeners.Length];
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = valueOf(_listeners[index].Measure);
        }
        _recent.Continue(startNanos, timeNanos, count, values);
        JoinStream(startNanos, timeNanos);
    }

    /// <summary>Tells of a stretch of time that stored delta points were for, so that those are not counted when they come again.</summary>
    public void RestoreDelta(long startNanos, long timeNanos)
    {
        _lastTime = Math.Max(_lastTime, timeNanos);
        _deltas?.Take(WholeMillis(startNanos), WholeMillis(timeNanos), long.MaxValue);
    }

    /// <summary>Where this tap stands; null before its first point.</summary>
    public TapBaseline? Baseline
    {
        get
        {
            if (_recent.Count == 0)
            {
                return _lastTime > 0 ? new TapBaseline(false, 0, _lastTime, 0, [], []) { Deltas = _deltas } : null;
            }
            int newest = _recent.Count - 1;
            RecentPoint last = _recent[newest];
            return new TapBaseline(true, last.Start, last.Time, last.Count, [.. _listeners.Select(listener => listener.Measure)], [.. _listeners.Select((_, index) => _recent.Value(newest, index))])
            {
                Deferred = _deferred,
            };
        }
    }

    /// <summary>Nothing comes to this tap any more. To be called within a batch of the ledger.</summary>
    public void Release()
    {
        if (_isInStream)
        {
            _isInStream = false;
            _ledger.Streams.Left(_series);
        }
    }

    /// <summary>
    /// Goes on where a tap of the same series stood, before the SLOs were changed or the series stopped for a while. What a new indicator asks
    /// for of a histogram was not measured then: it counts from the next point on.
    /// </summary>
    public void ContinueFrom(TapBaseline earlier)
    {
        _lastTime = earlier.TimeNanos;
        _deltas = earlier.Deltas ?? _deltas;
        _deferred = earlier.Deferred;
        if (!earlier.IsCumulative)
        {
            return;
        }
        Span<double> values = stackalloc double[_listeners.Length];
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = earlier.ValueOf(_listeners[index].Measure);
        }
        _recent.Continue(earlier.StartNanos, earlier.TimeNanos, earlier.Count, values);
        JoinStream(earlier.StartNanos, earlier.TimeNanos);
    }

    /// <summary>
    /// Tells what the store has of this series before what has come here, once the past of those who wait for it has been read: a first point that
    /// waits counts from there, and a series that has not come yet goes on from there. To be called within a batch of the ledger.
    /// </summary>
    public void Settle(PastCounter past, UInt128 id)
    {
        TapBaseline? before = past.BaselineOf(id);
        if (_deferred is { } first)
        {
            // Others wait for their own past.
            (DeferredFirst? settled, _deferred) = first.Divide(listener => past.IsAbout(listener.Sink));
            if (settled is not null)
            {
                Settle(settled, before, first.Counts || past.IsNew(_series, first.Point));
            }
        }
        else if (before is { IsCumulative: true } && _recent.Count == 0)
        {
            ContinueFrom(before);
        }
    }

    /// <summary>Counts the first point from the one before it; or, where there is none, in full or not at all.</summary>
    internal void SettleFirst(TapBaseline? before, bool counts)
    {
        Settle(_deferred!, before, counts);
        _deferred = null;
    }

    private static void Settle(DeferredFirst first, TapBaseline? before, bool counts)
    {
        if (before is not null && before.TimeNanos >= first.Point.Time)
        {
            return;
        }
        bool isReset = before is not null && IsReset(new RecentPoint(before.StartNanos, before.TimeNanos, before.Count), first.Point.Start, first.Point.Count);
        for (int index = 0; index < first.Listeners.Length; index++)
        {
            double value = first.Values[index];
            double increase = before is null ? counts ? value : 0 : Increase(isReset, before.ValueOf(first.Listeners[index].Measure), value);
            if (!double.IsNaN(increase))
            {
                first.Listeners[index].Add(first.Point.Time, increase);
            }
        }
    }

    private void Count(long startNanos, long timeNanos, double count, ReadOnlySpan<double> values)
    {
        if (_deltas is not null)
        {
            Delta(startNanos, timeNanos, values);
            return;
        }
        int points = _recent.Count;
        if (points == 0)
        {
            First(startNanos, timeNanos, count, values);
            return;
        }
        RecentPoint last = _recent[points - 1];
        if (timeNanos <= last.Time)
        {
            Late(startNanos, timeNanos, count, values);
            return;
        }
        bool isReset = IsReset(last, startNanos, count);
        for (int index = 0; index < _listeners.Length; index++)
        {
            double increase = Increase(isReset, _recent.Value(points - 1, index), values[index]);
            if (!double.IsNaN(increase))
            {
                _listeners[index].Add(timeNanos, increase);
            }
        }
        if (isReset)
        {
            _ledger.Note(LedgerOddity.Reset);
        }
        _recent.Insert(points, startNanos, timeNanos, count, values);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void First(long startNanos, long timeNanos, double count, ReadOnlySpan<double> values)
    {
        _firstCounts = _ledger.Streams.CountsFromStart(_series, startNanos, timeNanos);
        var waiting = new List<(TapListener Listener, double Value)>();
        for (int index = 0; index < _listeners.Length; index++)
        {
            if (DefersFirst || _listeners[index].AwaitsPast)
            {
                waiting.Add((_listeners[index], values[index]));
            }
            else if (_firstCounts)
            {
                _listeners[index].Add(timeNanos, values[index]);
            }
        }
        if (waiting.Count > 0)
        {
            _deferred = new DeferredFirst(
                new RecentPoint(startNanos, timeNanos, count), [.. waiting.Select(entry => entry.Listener)], [.. waiting.Select(entry => entry.Value)], _firstCounts);
        }
        JoinStream(startNanos, timeNanos);
        _recent.Insert(0, startNanos, timeNanos, count, values);
    }

    /// <summary>
    /// A point between two that have come: what was counted for the later one is parted in two, and a reset that only this point shows is
    /// made up for.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Late(long startNanos, long timeNanos, double count, ReadOnlySpan<double> values)
    {
        int after = _recent.Count;
        while (after > 0 && _recent[after - 1].Time >= timeNanos)
        {
            after--;
        }
        if (_recent[after].Time == timeNanos)
        {
            _ledger.Note(LedgerOddity.Duplicate);
            return;
        }
        if ((after == 0 && _recent.HasForgotten) || timeNanos < UnixNanos.Of(_ledger.Now - _ledger.Options.Lateness))
        {
            _ledger.Note(LedgerOddity.TooLate);
            return;
        }
        RecentPoint next = _recent[after];
        bool nextIsReset = IsReset(new RecentPoint(startNanos, timeNanos, count), next.Start, next.Count);
        bool beforeIsReset = after > 0 && IsReset(_recent[after - 1], startNanos, count);
        bool wasReset = after > 0 && IsReset(_recent[after - 1], next.Start, next.Count);
        for (int index = 0; index < _listeners.Length; index++)
        {
            double value = values[index];
            double nextValue = _recent.Value(after, index);
            // Before the first point there was nothing, or nobody knows what.
            double left = after > 0 ? Increase(beforeIsReset, _recent.Value(after - 1, index), value) : _firstCounts ? value : 0;
            double counted = after > 0 ? Increase(wasReset, _recent.Value(after - 1, index), nextValue) : _firstCounts ? nextValue : 0;
            if (!double.IsNaN(left) && !double.IsNaN(counted))
            {
                _listeners[index].Add(timeNanos, left);
                _listeners[index].Amend(next.Time, Increase(nextIsReset, value, nextValue) - counted);
            }
        }
        _recent.Insert(after, startNanos, timeNanos, count, values);
    }

    private void Delta(long startNanos, long timeNanos, ReadOnlySpan<double> values)
    {
        _lastTime = Math.Max(_lastTime, timeNanos);
        long longest = _ledger.Options.Lateness.Ticks * 100;
        switch (_deltas!.Take(WholeMillis(startNanos), WholeMillis(timeNanos), longest))
        {
            case DeltaIntervals.Verdict.Duplicate:
                _ledger.Note(LedgerOddity.Duplicate);
                return;
            case DeltaIntervals.Verdict.TooOld:
                _ledger.Note(LedgerOddity.TooLate);
                return;
        }
        for (int index = 0; index < _listeners.Length; index++)
        {
            _listeners[index].Add(timeNanos, values[index]);
        }
    }

    /// <summary>A time as the store keeps it, so that a point is known again after a restart.</summary>
    private static long WholeMillis(long nanos) => nanos - (nanos % NanosPerMilli);

    /// <summary>Whether a counter began again. The store keeps milliseconds: a start that differs by less is the same.</summary>
    private static bool IsReset(RecentPoint last, long startNanos, double count) =>
        count < last.Count || (last.Start != 0 && startNanos / NanosPerMilli > last.Start / NanosPerMilli);

    private static double Increase(bool isReset, double last, double value) => isReset ? value : double.IsNaN(last) ? last : Math.Max(0, value - last);

    private void JoinStream(long startNanos, long timeNanos)
    {
        _ledger.Streams.Seen(_series, startNanos, timeNanos, isNew: !_isInStream);
        _isInStream = true;
    }
}

/// <summary>Where a tap stood: from there another tap of its series goes on.</summary>
/// <param name="IsCumulative">Whether points are differenced, and one has come.</param>
/// <param name="StartNanos">Start of its last point.</param>
/// <param name="TimeNanos">Time of its last point.</param>
/// <param name="Count">Count, or value, of its last point.</param>
/// <param name="Measures">What it measured.</param>
/// <param name="Values">For each of them, what the last point said.</param>
public sealed record TapBaseline(bool IsCumulative, long StartNanos, long TimeNanos, double Count, MetricMeasure[] Measures, double[] Values)
{
    /// <summary>What delta points have told of.</summary>
    internal DeltaIntervals? Deltas { get; init; }

    /// <summary>A first point that waits.</summary>
    internal DeferredFirst? Deferred { get; init; }

    /// <summary>What the last point said of a measure; of one that was not measured as far as its count tells, else NaN.</summary>
    internal double ValueOf(MetricMeasure measure)
    {
        int same = Array.FindIndex(Measures, one => ReferenceEquals(one, measure) || one.Describe() == measure.Describe());
        return same >= 0 ? Values[same] : measure.Part == MetricPart.AtOrBelow ? double.NaN : Count;
    }
}

/// <summary>The first point of a series for listeners whose past is being read: what it adds is known when that has been.</summary>
/// <param name="Point">The point.</param>
/// <param name="Listeners">Who waits.</param>
/// <param name="Values">What the point says to each.</param>
/// <param name="Counts">Whether it counts in full when there was none before it.</param>
internal sealed record DeferredFirst(RecentPoint Point, TapListener[] Listeners, double[] Values, bool Counts)
{
    /// <summary>Parts it into those that some listeners, and that all others wait for; null for none.</summary>
    public (DeferredFirst? Some, DeferredFirst? Others) Divide(Func<TapListener, bool> isOfSome) =>
        (Of(isOfSome), Of(listener => !isOfSome(listener)));

    private DeferredFirst? Of(Func<TapListener, bool> isIn)
    {
        int[] places = [.. Enumerable.Range(0, Listeners.Length).Where(index => isIn(Listeners[index]))];
        return places.Length == 0 ? null : this with { Listeners = [.. places.Select(place => Listeners[place])], Values = [.. places.Select(place => Values[place])] };
    }
}

/// <summary>One indicator's interest in a series.</summary>
internal sealed class TapListener(EventSink sink, MetricMeasure measure, bool isPart, bool isTotal)
{
    public bool IsPart => isPart;

    public bool IsTotal => isTotal;

    /// <summary>Where it counts.</summary>
    public EventSink Sink { get; } = sink;

    /// <summary>Whether what came before is still being read.</summary>
    public bool AwaitsPast => Sink.AwaitsPast;

    public MetricMeasure Measure { get; } = measure;

    public void Add(long nanos, double events)
    {
        if (isTotal)
        {
            Sink.Add(nanos, isPart ? events : 0, events);
        }
        else if (events > 0)
        {
            // No good (or bad) events say nothing of whether the total is reported.
            Sink.Add(nanos, events, 0);
        }
    }

    /// <summary>Corrects what was added at a time.</summary>
    public void Amend(long nanos, double events)
    {
        if (events != 0)
        {
            Sink.Add(nanos, isPart ? events : 0, isTotal ? events : 0);
        }
    }

    /// <summary>Listeners of part and total of one ledger as one.</summary>
    public static TapListener[] Joined(TapListener[] listeners) =>
    [
        .. listeners.GroupBy(listener => listener.Sink)
            .Select(same => same.Count() == 1 ? same.First() : new TapListener(same.Key, same.First().Measure, isPart: true, isTotal: true)),
    ];

    /// <summary>Events that one sample of a gauge stands for.</summary>
    public double Sample(double value) => Measure.Part switch
    {
        MetricPart.Samples => 1,
        MetricPart.SamplesThatHold => Measure.Comparison switch
        {
            "lt" => value < Measure.Threshold,
            "gt" => value > Measure.Threshold,
            "gte" => value >= Measure.Threshold,
            _ => value <= Measure.Threshold,
        }
        ? 1 : 0,
        _ => 0,
    };

    public static void AddIfMatching(
        List<TapListener> listeners, ServiceLevelObjective slo, Func<string, EventSink> sinkOf, Measure measure, SeriesView series, bool isPart)
    {
        if (measure is not MetricMeasure metric || (metric.Metric != series.Metric && metric.Metric != series.OtelName))
        {
            return;
        }
        bool histogram = series.Kind is SeriesKind.Histogram or SeriesKind.ExponentialHistogram;
        MetricPart part = metric.Part switch
        {
            // A threshold on a histogram is about its observations, on a gauge about its samples.
            MetricPart.SamplesThatHold when histogram => MetricPart.AtOrBelow,
            MetricPart.Samples when histogram => MetricPart.Count,
            _ => metric.Part,
        };
        bool fits = part switch
        {
            MetricPart.Increase => series.Kind == SeriesKind.Counter,
            MetricPart.Count or MetricPart.AtOrBelow => histogram,
            _ => series.Kind == SeriesKind.Gauge,
        };
        if (fits && metric.Matchers.All(matcher => matcher.Matches(series.Label(matcher.Label))))
        {
            EventSink sink = sinkOf(slo.GroupOf(series.Label));
            listeners.Add(new TapListener(sink, part == metric.Part ? metric : metric with { Part = part }, isPart, isTotal: !isPart));
        }
    }
}
