using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Functions <c>..._over_time</c>.</summary>
internal static class OverTimeFunctions
{
    public static StepSample Sum(in RangeWindow window, RangeCall call)
    {
        if (IsMixed(window, call))
        {
            return StepSample.None;
        }
        return window.Floats.Count > 0 ? StepSample.Of(Sum(window.Floats.Values)) : OfHistograms(window, call, average: false);
    }

    public static StepSample Average(in RangeWindow window, RangeCall call)
    {
        if (IsMixed(window, call))
        {
            return StepSample.None;
        }
        return window.Floats.Count > 0 ? StepSample.Of(Average(window.Floats.Values)) : OfHistograms(window, call, average: true);
    }

    public static StepSample First(in RangeWindow window, RangeCall call) =>
        window.Histograms.Count == 0 || (window.Floats.Count > 0 && window.Floats.Times[0] < window.Histograms.Times[0])
            ? StepSample.Of(window.Floats.Values[0])
            : StepSample.Of(window.Histograms.Values[0]);

    public static StepSample Last(in RangeWindow window, RangeCall call) =>
        window.Histograms.Count == 0 || (window.Floats.Count > 0 && window.Histograms.Times[^1] < window.Floats.Times[^1])
            ? StepSample.Of(window.Floats.Values[^1])
            : StepSample.Of(window.Histograms.Values[^1]);

    public static StepSample TimeOfFirst(in RangeWindow window, RangeCall call) => StepSample.Of(
        Math.Min(
            window.Floats.Count > 0 ? window.Floats.Times[0] : long.MaxValue,
            window.Histograms.Count > 0 ? window.Histograms.Times[0] : long.MaxValue) / 1000d);

    public static StepSample TimeOfLast(in RangeWindow window, RangeCall call) => StepSample.Of(
        Math.Max(
            window.Floats.Count > 0 ? window.Floats.Times[^1] : long.MinValue,
            window.Histograms.Count > 0 ? window.Histograms.Times[^1] : long.MinValue) / 1000d);

    /// <summary>Smallest or largest value, or when it was there last.</summary>
    public static StepSample Extreme(in RangeWindow window, RangeCall call, bool smallest, bool time)
    {
        if (!HasFloats(window, call))
        {
            return StepSample.None;
        }
        ReadOnlySpan<double> values = window.Floats.Values;
        double extreme = values[0];
        long at = window.Floats.Times[0];
        for (int index = 0; index < values.Length; index++)
        {
            double value = values[index];
            bool better = double.IsNaN(extreme) || (smallest ? value < extreme : value > extreme) || (time && value == extreme);
            if (better)
            {
                (extreme, at) = (value, window.Floats.Times[index]);
            }
        }
        return StepSample.Of(time ? at / 1000d : extreme);
    }

    public static StepSample Deviation(in RangeWindow window, RangeCall call, bool root)
    {
        if (!HasFloats(window, call))
        {
            return StepSample.None;
        }
        double count = 0;
        (double Sum, double Lost) mean = default;
        (double Sum, double Lost) squares = default;
        foreach (double value in window.Floats.Values)
        {
            count++;
            double difference = value - (mean.Sum + mean.Lost);
            mean = CompensatedSum.Add(difference / count, mean.Sum, mean.Lost);
            squares = CompensatedSum.Add(difference * (value - (mean.Sum + mean.Lost)), squares.Sum, squares.Lost);
        }
        double variance = (squares.Sum + squares.Lost) / count;
        return StepSample.Of(root ? Math.Sqrt(variance) : variance);
    }

    /// <summary>Median of the distances to the median.</summary>
    public static StepSample MedianDeviation(in RangeWindow window, RangeCall call)
    {
        if (!HasFloats(window, call))
        {
            return StepSample.None;
        }
        double[] values = window.Floats.Values.ToArray();
        if (Array.Exists(values, double.IsNaN))
        {
            return StepSample.Of(double.NaN);
        }
        double median = Quantile.Of(0.5, values);
        return StepSample.Of(Quantile.Of(0.5, Array.ConvertAll(values, value => Math.Abs(value - median))));
    }

    public static StepSample OfQuantile(in RangeWindow window, RangeCall call)
    {
        double quantile = call.Parameter(0, window.Step);
        if (window.Floats.Count == 0)
        {
            return StepSample.None;
        }
        if (!(quantile is >= 0 and <= 1))
        {
            call.Remark(Remarks.InvalidQuantile(quantile, call.Range));
        }
        HasFloats(window, call);
        return StepSample.Of(Quantile.Of(quantile, window.Floats.Values));
    }

    internal static double Sum(ReadOnlySpan<double> values)
    {
        (double sum, double lost) = (0d, 0d);
        foreach (double value in values)
        {
            (sum, lost) = CompensatedSum.Add(value, sum, lost);
        }
        return double.IsInfinity(sum) ? sum : sum + lost;
    }

    /// <summary>The mean: of the sum, or where that would overflow, step by step.</summary>
    internal static double Average(ReadOnlySpan<double> values)
    {
        var mean = new RunningMean();
        foreach (double value in values)
        {
            mean.Add(value);
        }
        return mean.Value;
    }

    private static StepSample OfHistograms(in RangeWindow window, RangeCall call, bool average)
    {
        var sum = new HistogramAccumulator(average);
        foreach (FloatHistogram histogram in window.Histograms.Values)
        {
            if (!sum.TryAdd(histogram))
            {
                call.Remark(Remarks.MixedSchemas(call.Metric, call.Range));
                return StepSample.None;
            }
        }
        if (sum.HintsCollide)
        {
            call.Remark(Remarks.HintsCollide("aggregation", call.Range));
        }
        if (sum.BoundsReconciled)
        {
            call.Remark(Remarks.BoundsReconciled("aggregation", call.Range));
        }
        return StepSample.Of(sum.Result());
    }

    private static bool IsMixed(in RangeWindow window, RangeCall call)
    {
        bool mixed = window.Floats.Count > 0 && window.Histograms.Count > 0;
        if (mixed)
        {
            call.Remark(Remarks.MixedFloatsHistograms(call.Metric, call.Range));
        }
        return mixed;
    }

    /// <summary>Whether there are floats; histograms beside them are remarked on.</summary>
    private static bool HasFloats(in RangeWindow window, RangeCall call)
    {
        if (window.Floats.Count > 0 && window.Histograms.Count > 0)
        {
            call.Remark(Remarks.IgnoredInRange(call.Metric, call.Range));
        }
        return window.Floats.Count > 0;
    }
}
