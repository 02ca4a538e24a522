using System.Globalization;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Functions that follow a trend through the floats of a window.</summary>
internal static class TrendFunctions
{
    public static StepSample Derivative(in RangeWindow window, RangeCall call) =>
        Enough(window, call) ? StepSample.Of(Regression(window.Floats, window.Floats.Times[0]).Slope) : StepSample.None;

    public static StepSample Predict(in RangeWindow window, RangeCall call)
    {
        if (!Enough(window, call))
        {
            return StepSample.None;
        }
        (double slope, double intercept) = Regression(window.Floats, window.StepMs);
        return StepSample.Of((slope * call.Parameter(0, window.Step)) + intercept);
    }

    /// <summary>Holt's linear method: a smoothed level, and a smoothed trend of it.</summary>
    public static StepSample DoubleExponentialSmoothing(in RangeWindow window, RangeCall call)
    {
        double levelFactor = Factor(call.Parameter(0, window.Step), "smoothing");
        double trendFactor = Factor(call.Parameter(1, window.Step), "trend");
        if (!Enough(window, call))
        {
            return StepSample.None;
        }
        ReadOnlySpan<double> values = window.Floats.Values;
        double previous = 0;
        double level = values[0];
        double trend = values[1] - values[0];
        for (int index = 1; index < values.Length; index++)
        {
            trend = index == 1 ? trend : (trendFactor * (level - previous)) + ((1 - trendFactor) * trend);
            (previous, level) = (level, (levelFactor * values[index]) + ((1 - levelFactor) * (level + trend)));
        }
        return StepSample.Of(level);
    }

    private static double Factor(double value, string name) => value is > 0 and < 1
        ? value
        : throw new PromQLEvaluationException(
            QueryFailure.Execution, $"invalid {name} factor. Expected: 0 < {name[0]}f < 1, got: {value.ToString("F6", CultureInfo.InvariantCulture)}");

    /// <summary>Whether there are two floats; histograms beside at least one are remarked on.</summary>
    private static bool Enough(in RangeWindow window, RangeCall call)
    {
        if (window.Floats.Count > 0 && window.Histograms.Count > 0)
        {
            call.Remark(Remarks.IgnoredInRange(call.Metric, call.Range));
        }
        return window.Floats.Count > 1;
    }

    /// <summary>Least squares over the samples; the intercept is at <paramref name="originMs"/>.</summary>
    private static (double Slope, double Intercept) Regression(WindowColumn<double> floats, long originMs)
    {
        ReadOnlySpan<double> values = floats.Values;
        // The search takes one NaN for another, which no trend can be drawn through.
        if (!double.IsNaN(values[0]) && !values.ContainsAnyExcept(values[0]))
        {
            return double.IsInfinity(values[0]) ? (double.NaN, double.NaN) : (0, values[0]);
        }
        (double Sum, double Lost) x = default;
        (double Sum, double Lost) y = default;
        (double Sum, double Lost) xy = default;
        (double Sum, double Lost) xx = default;
        for (int index = 0; index < values.Length; index++)
        {
            double time = (floats.Times[index] - originMs) / 1000d;
            x = CompensatedSum.Add(time, x.Sum, x.Lost);
            y = CompensatedSum.Add(values[index], y.Sum, y.Lost);
            xy = CompensatedSum.Add(time * values[index], xy.Sum, xy.Lost);
            xx = CompensatedSum.Add(time * time, xx.Sum, xx.Lost);
        }
        double count = values.Length;
        double sumX = x.Sum + x.Lost;
        double sumY = y.Sum + y.Lost;
        double covariance = xy.Sum + xy.Lost - (sumX * sumY / count);
        double variance = xx.Sum + xx.Lost - (sumX * sumX / count);
        double slope = covariance / variance;
        return (slope, (sumY / count) - (slope * sumX / count));
    }
}
