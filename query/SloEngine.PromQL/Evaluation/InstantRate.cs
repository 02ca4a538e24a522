using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Evaluation;

/// <summary><c>irate</c> and <c>idelta</c>: the difference of the last two samples.</summary>
internal static class InstantRate
{
    public static StepSample Evaluate(in RangeWindow window, RangeCall call, bool isRate)
    {
        if (window.Count < 2)
        {
            return StepSample.None;
        }
        (Point last, int floats, int histograms) = Latest(window, window.Floats.Count, window.Histograms.Count);
        (Point previous, _, _) = Latest(window, floats, histograms);
        if (last.TimeMs == previous.TimeMs)
        {
            return StepSample.None;
        }
        double seconds = (last.TimeMs - previous.TimeMs) / 1000d;
        if (last.Histogram is null && previous.Histogram is null)
        {
            bool whole = call.IsDelta || (isRate && (last.Value < previous.Value || IsReset(previous, last)));
            double difference = whole ? last.Value : last.Value - previous.Value;
            return StepSample.Of(isRate ? difference / seconds : difference);
        }
        if (last.Histogram is null || previous.Histogram is null)
        {
            call.Remark(Remarks.MixedFloatsHistograms(call.Metric, call.Range));
            return StepSample.None;
        }
        return OfHistograms(previous, last, call, isRate, seconds);
    }

    private static StepSample OfHistograms(Point previous, Point last, RangeCall call, bool isRate, double seconds)
    {
        FloatHistogram before = previous.Histogram!;
        FloatHistogram result = last.Histogram!;
        if (call.IsDelta)
        {
            return StepSample.Of(isRate ? result.DividedBy(seconds) : result);
        }
        if (isRate && (result.Hint == CounterResetHint.Gauge || before.Hint == CounterResetHint.Gauge))
        {
            call.Remark(Remarks.NotCounter(call.Metric, call.Range));
        }
        if (!isRate && (result.Hint != CounterResetHint.Gauge || before.Hint != CounterResetHint.Gauge))
        {
            call.Remark(Remarks.NotGauge(call.Metric, call.Range));
        }
        if (!isRate || (!IsReset(previous, last) && !HistogramReset.Between(before, result)))
        {
            if (!HistogramArithmetic.Fit(result, before))
            {
                call.Remark(Remarks.MixedSchemas(call.Metric, call.Range));
                return StepSample.None;
            }
            HistogramSum difference = HistogramArithmetic.Subtract(result, before);
            if (difference.BoundsReconciled)
            {
                call.Remark(Remarks.BoundsReconciled("subtraction", call.Range));
            }
            result = difference.Sum;
        }
        result = (result with { Hint = CounterResetHint.Gauge }).Compact();
        return StepSample.Of(isRate ? result.DividedBy(seconds) : result);
    }

    private static bool IsReset(Point previous, Point last) => StartTimes.IsReset(previous.StartMs, previous.TimeMs, last.StartMs, last.TimeMs);

    /// <summary>The latest among the first samples of each kind; and how many are left then.</summary>
    private static (Point Point, int Floats, int Histograms) Latest(in RangeWindow window, int floats, int histograms)
    {
        if (histograms == 0 || (floats > 0 && window.Floats.Times[floats - 1] > window.Histograms.Times[histograms - 1]))
        {
            floats--;
            return (new Point(window.Floats.Times[floats], window.Floats.Values[floats], null, window.Floats.Start(floats)), floats, histograms);
        }
        histograms--;
        FloatHistogram latest = window.Histograms.Values[histograms];
        return (new Point(window.Histograms.Times[histograms], 0, latest, window.Histograms.Start(histograms)), floats, histograms);
    }

    private readonly record struct Point(long TimeMs, double Value, FloatHistogram? Histogram, long StartMs);
}
