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
        _ledger.Seen(_series, startNanos, timeNanos);
    }

    /// <summary>
    /// Goes on where the tap of the same series stood before the SLOs were changed. What a new indicator asks for was not measured
    /// then: it counts from the next point on.
    /// </summary>
    public void ContinueFrom(SeriesTap earlier)
    {
        for (int index = 0; index < _listeners.Length; index++)
        {
            MetricMeasure measure = _listeners[index].Measure;
            int same = Array.FindIndex(earlier._listeners, listener => listener.Measure.Describe() == measure.Describe());
            _last[index] = same >= 0 ? earlier._last[same] : measure.Part == MetricPart.AtOrBelow ? double.NaN : earlier._lastCount;
        }
        (_hasBaseline, _lastStart, _lastTime, _lastCount) = (earlier._hasBaseline, earlier._lastStart, earlier._lastTime, earlier._lastCount);
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
            _ledger.Seen(_series, startNanos, timeNanos);
        }
        (_hasBaseline, _lastStart, _lastCount) = (true, startNanos, count);
        _lastTime = Math.Max(_lastTime, timeNanos);
    }
}

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
            listeners.Add(new TapListener(ledger, metric with { Part = part }, isPart));
        }
    }
}
