using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// Counts what the points of one series add to the indicators that look at it. Cumulative points are differenced here, with resets told by
/// the start time and by a drop; a point that is not newer than the last one adds nothing. Called within a batch of the ledger.
/// </summary>
public sealed class SeriesTap
{
    private const long NanosPerMilli = 1_000_000;

    private readonly Ledger _ledger;
    private readonly SeriesView _series;
    private readonly TapListener[] _listeners;
    private readonly double[] _last;
    private bool _hasBaseline;
    private bool _isInStream;
    private long _lastTime;
    private long _lastStart;
    private double _lastCount;

    internal SeriesTap(Ledger ledger, SeriesView series, TapListener[] listeners)
    {
        (_ledger, _series, _listeners) = (ledger, series, listeners);
        _last = new double[listeners.Length];
    }

    /// <summary>A gauge or sum point.</summary>
    public void Number(long startNanos, long timeNanos, double value)
    {
        if (double.IsNaN(value))
        {
            return;
        }
        if (_series.Kind == SeriesKind.Gauge)
        {
            if (timeNanos <= _lastTime)
            {
                return;
            }
            _lastTime = timeNanos;
            foreach (TapListener listener in _listeners)
            {
                listener.Add(Time(timeNanos), listener.Sample(value));
            }
            return;
        }
        Span<double> values = stackalloc double[_listeners.Length];
        values.Fill(value);
        Cumulative(startNanos, timeNanos, value, values);
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
        Cumulative(startNanos, timeNanos, count, values);
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
        Cumulative(startNanos, timeNanos, count, values);
    }

    /// <summary>Makes the next point count from here: what the store has as the last point before a restart.</summary>
    public void Restore(long startNanos, long timeNanos, double count, Func<MetricMeasure, double> valueOf)
    {
        for (int index = 0; index < _listeners.Length; index++)
        {
            _last[index] = valueOf(_listeners[index].Measure);
        }
        (_hasBaseline, _lastStart, _lastTime, _lastCount) = (true, startNanos, timeNanos, count);
        JoinStream(startNanos, timeNanos);
    }

    /// <summary>Where this tap stands; null before its first point.</summary>
    public TapBaseline? Baseline => _hasBaseline || _lastTime > 0
        ? new TapBaseline(_hasBaseline, _lastStart, _lastTime, _lastCount, [.. _listeners.Select(listener => listener.Measure)], [.. _last])
        : null;

    /// <summary>Nothing comes to this tap any more. To be called within a batch of the ledger.</summary>
    public void Release()
    {
        if (_isInStream)
        {
            _isInStream = false;
            _ledger.Left(_series);
        }
    }

    /// <summary>
    /// Goes on where a tap of the same series stood, before the SLOs were changed or the series stopped for a while. What a new indicator asks
    /// for was not measured then: it counts from the next point on.
    /// </summary>
    public void ContinueFrom(TapBaseline earlier)
    {
        for (int index = 0; index < _listeners.Length; index++)
        {
            MetricMeasure measure = _listeners[index].Measure;
            int same = Array.FindIndex(earlier.Measures, one => ReferenceEquals(one, measure) || one.Describe() == measure.Describe());
            _last[index] = same >= 0 ? earlier.Values[same] : measure.Part == MetricPart.AtOrBelow ? double.NaN : earlier.Count;
        }
        (_hasBaseline, _lastStart, _lastTime, _lastCount) = (earlier.IsCumulative, earlier.StartNanos, earlier.TimeNanos, earlier.Count);
        if (_hasBaseline && !_series.IsDelta)
        {
            JoinStream(_lastStart, _lastTime);
        }
    }

    internal static DateTimeOffset Time(long nanos) => DateTimeOffset.UnixEpoch.AddTicks(nanos / 100);

    private void Cumulative(long startNanos, long timeNanos, double count, ReadOnlySpan<double> values)
    {
        if (timeNanos == _lastTime || (timeNanos < _lastTime && !_series.IsDelta))
        {
            return;
        }
        bool fromZero = _series.IsDelta;
        if (!fromZero)
        {
            // The store keeps milliseconds: a start that differs by less is the same.
            bool reset = _hasBaseline && (count < _lastCount || (_lastStart != 0 && startNanos / NanosPerMilli > _lastStart / NanosPerMilli));
            fromZero = reset || (!_hasBaseline && _ledger.CountsFromStart(_series, startNanos, timeNanos));
        }
        bool counts = fromZero || _hasBaseline;
        for (int index = 0; index < _listeners.Length; index++)
        {
            if (counts && (fromZero || !double.IsNaN(_last[index])))
            {
                _listeners[index].Add(Time(timeNanos), fromZero ? values[index] : Math.Max(0, values[index] - _last[index]));
            }
            _last[index] = values[index];
        }
        if (!_hasBaseline && !_series.IsDelta)
        {
            JoinStream(startNanos, timeNanos);
        }
        (_hasBaseline, _lastStart, _lastCount) = (true, startNanos, count);
        _lastTime = Math.Max(_lastTime, timeNanos);
    }

    private void JoinStream(long startNanos, long timeNanos)
    {
        _ledger.Seen(_series, startNanos, timeNanos, isNew: !_isInStream);
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
public sealed record TapBaseline(bool IsCumulative, long StartNanos, long TimeNanos, double Count, MetricMeasure[] Measures, double[] Values);

/// <summary>One indicator's interest in a series.</summary>
internal sealed class TapListener(SloLedger ledger, MetricMeasure measure, bool isPart)
{
    public MetricMeasure Measure { get; } = measure;

    public void Add(DateTimeOffset time, double events)
    {
        if (!isPart)
        {
            ledger.Add(time, 0, events);
        }
        else if (events > 0)
        {
            // No good (or bad) events say nothing of whether the total is reported.
            ledger.Add(time, events, 0);
        }
    }

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

    public static void AddIfMatching(List<TapListener> listeners, SloLedger ledger, Measure measure, SeriesView series, bool isPart)
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
        if (fits && metric.Matchers.All(matcher => matcher.Matches(series.Labels.GetValueOrDefault(matcher.Label, ""))))
        {
            listeners.Add(new TapListener(ledger, part == metric.Part ? metric : metric with { Part = part }, isPart));
        }
    }
}
