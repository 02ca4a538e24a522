using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Difference from the first to the last histogram of a window, counter resets made up for.</summary>
internal static class HistogramRate
{
    /// <summary>The difference, or null with a remark if the histograms do not fit together.</summary>
    public static FloatHistogram? Difference(WindowColumn<FloatHistogram> points, RangeCall call, bool isCounter)
    {
        FloatHistogram first = points.Values[0];
        FloatHistogram last = points.Values[^1];
        if (isCounter && (first.Hint == CounterResetHint.Gauge || last.Hint == CounterResetHint.Gauge))
        {
            call.Remark(Remarks.NotCounter(call.Metric, call.Range));
        }
        if (isCounter && IsReset(points, 1, first))
        {
            // Before a reset right after it, nothing of the first sample counts, not even its layout.
            FloatHistogram second = points.Values[1];
            first = new FloatHistogram { Schema = second.Schema, CustomBounds = second.CustomBounds };
        }
        if (!Fit(points, call, isCounter, first, last, out int schema))
        {
            return null;
        }
        HistogramSum difference = HistogramArithmetic.Subtract(last.Reduce(schema), first);
        Reconciled(difference, "subtraction", call);
        FloatHistogram result = difference.Sum;
        if (isCounter)
        {
            if (AddResets(result, points, call, first) is not { } complete)
            {
                return null;
            }
            result = complete;
        }
        else if (points.Values[0].Hint != CounterResetHint.Gauge || last.Hint != CounterResetHint.Gauge)
        {
            call.Remark(Remarks.NotGauge(call.Metric, call.Range));
        }
        return (result with { Hint = CounterResetHint.Gauge }).Compact();
    }

    /// <summary>Whether all histograms are of one kind; gives the lowest resolution among them.</summary>
    private static bool Fit(
        WindowColumn<FloatHistogram> points, RangeCall call, bool isCounter, FloatHistogram first, FloatHistogram last, out int schema)
    {
        schema = Math.Min(first.Schema, last.Schema);
        if (last.IsCustom != first.IsCustom)
        {
            call.Remark(Remarks.MixedSchemas(call.Metric, call.Range));
            return false;
        }
        for (int index = 1; index < points.Count - 1 && isCounter; index++)
        {
            FloatHistogram current = points.Values[index];
            if (current.IsCustom != first.IsCustom)
            {
                call.Remark(Remarks.MixedSchemas(call.Metric, call.Range));
                return false;
            }
            if (current.Hint == CounterResetHint.Gauge)
            {
                call.Remark(Remarks.NotCounter(call.Metric, call.Range));
            }
            schema = Math.Min(schema, current.Schema);
        }
        return true;
    }

    private static FloatHistogram? AddResets(FloatHistogram result, WindowColumn<FloatHistogram> points, RangeCall call, FloatHistogram previous)
    {
        bool overlaps = false;
        for (int index = 1; index < points.Count; index++)
        {
            if (!overlaps && StartTimes.Overlap(points.Start(index - 1), points.Times[index - 1], points.Start(index)))
            {
                overlaps = true;
                call.Remark(Remarks.StartTimeOverlap(call.Metric, call.Range));
            }
            if (IsReset(points, index, previous))
            {
                if (!HistogramArithmetic.Fit(result, previous))
                {
                    call.Remark(Remarks.MixedSchemas(call.Metric, call.Range));
                    return null;
                }
                HistogramSum sum = HistogramArithmetic.Add(result, previous);
                Reconciled(sum, "addition", call);
                result = sum.Sum;
            }
            previous = points.Values[index];
        }
        return result;
    }

    private static bool IsReset(WindowColumn<FloatHistogram> points, int index, FloatHistogram previous) =>
        StartTimes.IsReset(points.Start(index - 1), points.Times[index - 1], points.Start(index), points.Times[index])
        || HistogramReset.Between(previous, points.Values[index]);

    private static void Reconciled(HistogramSum sum, string operation, RangeCall call)
    {
        if (sum.BoundsReconciled)
        {
            call.Remark(Remarks.BoundsReconciled(operation, call.Range));
        }
    }
}
