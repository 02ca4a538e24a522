using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// Differences over ranges that are <c>anchored</c>, which begin with the sample before the range, or <c>smoothed</c>, whose ends are
/// interpolated between samples inside and outside. Nothing is extrapolated.
/// </summary>
internal static class ExtendedRange
{
    public static StepSample OfFloats(in RangeWindow window, RangeCall call, bool isCounter, bool isRate)
    {
        WindowColumn<double> floats = window.Floats;
        bool smoothed = call.Extension == RangeExtension.Smoothed;
        if (!Bounds(floats.Times, window, smoothed, out int first, out int last))
        {
            return StepSample.None;
        }
        double left = Left(floats, first, window.StartMs, smoothed, isCounter);
        double right = Right(floats, last, window.EndMs, smoothed, isCounter);
        double result = right - left;
        if (isCounter)
        {
            // The ends themselves make up for resets at them already.
            first += floats.Times[first] <= window.StartMs ? 1 : 0;
            last -= floats.Times[last] >= window.EndMs ? 1 : 0;
            double previous = left;
            for (int index = first; index <= last; index++)
            {
                result += floats.Values[index] < previous ? previous : 0;
                previous = floats.Values[index];
            }
            result += right < previous ? previous : 0;
        }
        return StepSample.Of(isRate ? result / window.RangeSeconds : result);
    }

    public static StepSample OfHistograms(in RangeWindow window, RangeCall call, bool isCounter, bool isRate)
    {
        WindowColumn<FloatHistogram> points = window.Histograms;
        bool smoothed = call.Extension == RangeExtension.Smoothed;
        if (!Bounds(points.Times, window, smoothed, out int first, out int last) || !Fit(points, first, last, call, isCounter))
        {
            return StepSample.None;
        }
        FloatHistogram? left = smoothed && points.Times[first] < window.StartMs
            ? Between(points, first, window.StartMs, isCounter, call) : points.Values[first];
        FloatHistogram? right = smoothed && last > 0 && points.Times[last] > window.EndMs
            ? Between(points, last - 1, window.EndMs, isCounter, call) : points.Values[last];
        if (left is null || right is null)
        {
            return StepSample.None;
        }
        if (!isCounter && (left.Hint != CounterResetHint.Gauge || right.Hint != CounterResetHint.Gauge))
        {
            call.Remark(Remarks.NotGauge(call.Metric, call.Range));
        }
        HistogramSum difference = HistogramArithmetic.Subtract(right, left);
        Reconciled(difference, "subtraction", call);
        FloatHistogram result = difference.Sum;
        if (isCounter && Correction(points, first, last, left, right, window.StartMs, smoothed, call) is { } correction)
        {
            HistogramSum sum = HistogramArithmetic.Add(result, correction);
            Reconciled(sum, "addition", call);
            result = sum.Sum;
        }
        result = isRate ? result.DividedBy(window.RangeSeconds) : result;
        return StepSample.Of((result with { Hint = CounterResetHint.Gauge }).Compact());
    }

    /// <summary>Points of a range selector itself: a value at each end, and the samples between them.</summary>
    public static List<(long TimeMs, double Value)> Points(WindowColumn<double> floats, long startMs, long endMs, bool smoothed)
    {
        var points = new List<(long, double)>();
        var window = new RangeWindow { Floats = floats, Histograms = default, StartMs = startMs, EndMs = endMs, StepMs = endMs, Step = 0 };
        if (floats.Count == 0 || !Bounds(floats.Times, window, smoothed, out int first, out int last))
        {
            return points;
        }
        points.Add((startMs, Left(floats, first, startMs, smoothed, isCounter: false)));
        double right = Right(floats, last, endMs, smoothed, isCounter: false);
        first += floats.Times[first] <= startMs ? 1 : 0;
        last -= floats.Times[last] >= endMs ? 1 : 0;
        for (int index = first; index <= last; index++)
        {
            points.Add((floats.Times[index], floats.Values[index]));
        }
        points.Add((endMs, right));
        return points;
    }

    /// <summary>First and last sample that matter: the one at or before the start, and if smoothed the one at or behind the end.</summary>
    private static bool Bounds(ReadOnlySpan<long> times, in RangeWindow window, bool smoothed, out int first, out int last)
    {
        last = times.Length - 1;
        first = Math.Max(0, Search(times, last, window.StartMs + 1) - 1);
        if (smoothed)
        {
            last = Search(times, last, window.EndMs);
        }
        return times[last] > window.StartMs && !(smoothed && times[first] > window.EndMs);
    }

    /// <summary>First of the positions below a limit whose time is at or behind another, or the limit.</summary>
    private static int Search(ReadOnlySpan<long> times, int limit, long time)
    {
        int position = 0;
        while (position < limit && times[position] < time)
        {
            position++;
        }
        return position;
    }

    private static double Left(WindowColumn<double> floats, int first, long start, bool smoothed, bool isCounter) => smoothed && floats.Times[first] < start
        ? Interpolation.Between(floats.Times[first], floats.Values[first], floats.Times[first + 1], floats.Values[first + 1], start, isCounter)
        : floats.Values[first];

    private static double Right(WindowColumn<double> floats, int last, long end, bool smoothed, bool isCounter) => smoothed && last > 0 && floats.Times[last] > end
        ? Interpolation.Between(floats.Times[last - 1], floats.Values[last - 1], floats.Times[last], floats.Values[last], end, isCounter)
        : floats.Values[last];

    private static FloatHistogram? Between(WindowColumn<FloatHistogram> points, int index, long time, bool isCounter, RangeCall call) => Interpolation.Between(
        points.Times[index], points.Values[index], points.Times[index + 1], points.Values[index + 1], time, isCounter, call.Metric, call.Annotations, call.Range);

    private static bool Fit(WindowColumn<FloatHistogram> points, int first, int last, RangeCall call, bool isCounter)
    {
        for (int index = first; index <= last; index++)
        {
            if (points.Values[index].IsCustom != points.Values[first].IsCustom)
            {
                call.Remark(Remarks.MixedSchemas(call.Metric, call.Range));
                return false;
            }
            if (isCounter && points.Values[index].Hint == CounterResetHint.Gauge)
            {
                call.Remark(Remarks.NotCounter(call.Metric, call.Range));
            }
        }
        return true;
    }

    /// <summary>What was counted before the resets between the two ends.</summary>
    private static FloatHistogram? Correction(
        WindowColumn<FloatHistogram> points, int first, int last, FloatHistogram left, FloatHistogram right, long start, bool smoothed, RangeCall call)
    {
        int index = first + 1;
        FloatHistogram previous = left;
        if (smoothed && points.Times[first] < start && HistogramReset.Between(points.Values[first], points.Values[first + 1]))
        {
            // The left end lies between these two and makes up for their reset.
            previous = points.Values[first + 1];
            index++;
        }
        if (index > last)
        {
            return null;
        }
        FloatHistogram? correction = null;
        for (; index <= last; index++)
        {
            FloatHistogram current = index == last ? right : points.Values[index];
            if (HistogramReset.Between(previous, current))
            {
                if (correction is null)
                {
                    correction = previous;
                }
                else
                {
                    HistogramSum sum = HistogramArithmetic.Add(correction, previous);
                    Reconciled(sum, "addition", call);
                    correction = sum.Sum;
                }
            }
            previous = current;
        }
        return correction;
    }

    private static void Reconciled(HistogramSum sum, string operation, RangeCall call)
    {
        if (sum.BoundsReconciled)
        {
            call.Remark(Remarks.BoundsReconciled(operation, call.Range));
        }
    }
}
