namespace SloEngine.PromQL.Evaluation;

/// <summary>Samples of one series in a window that is open on the left.</summary>
internal readonly ref struct RangeWindow
{
    public required ReadOnlySpan<long> Times { get; init; }

    public required ReadOnlySpan<double> Values { get; init; }

    /// <summary>Exclusive start.</summary>
    public required long StartMs { get; init; }

    /// <summary>Inclusive end.</summary>
    public required long EndMs { get; init; }

    /// <summary>Whether each point counts what happened since the one before.</summary>
    public required bool IsDelta { get; init; }
}

/// <summary>Functions over the samples of a window, as Prometheus 3 defines them (promql/functions.go); absent where there is no result.</summary>
internal static class RangeFunctions
{
    public static double Evaluate(string function, in RangeWindow window, double parameter) => window.Values.IsEmpty ? Sample.Absent : function switch
    {
        "rate" => window.IsDelta ? Sum(window.Values) / Seconds(window.EndMs - window.StartMs) : Extrapolated(window, isCounter: true, isRate: true),
        "increase" => window.IsDelta ? Sum(window.Values) : Extrapolated(window, isCounter: true, isRate: false),
        "delta" => Extrapolated(window, isCounter: false, isRate: false),
        "irate" => Instant(window, isRate: true),
        "idelta" => Instant(window, isRate: false),
        "resets" => Resets(window.Values),
        "changes" => Changes(window.Values),
        "deriv" => window.Values.Length < 2 ? Sample.Absent : Regression(window, window.Times[0]).Slope,
        "predict_linear" => Predict(window, parameter),
        "avg_over_time" => Mean(window.Values),
        "min_over_time" => Extreme(window.Values, smallest: true),
        "max_over_time" => Extreme(window.Values, smallest: false),
        "sum_over_time" => Sum(window.Values),
        "count_over_time" => window.Values.Length,
        "last_over_time" => window.Values[^1],
        "present_over_time" or "absent_over_time" => 1,
        "stddev_over_time" => Math.Sqrt(Variance(window.Values)),
        "stdvar_over_time" => Variance(window.Values),
        "quantile_over_time" => Quantile.Of(parameter, window.Values),
        _ => throw new PromQLEvaluationException(QueryFailure.Execution, $"function {function} takes no range"),
    };

    /// <summary>
    /// Increase from first to last sample, extrapolated to the window's ends: by at most half an average interval where the series seems to
    /// begin or end inside the window, and never below zero for counters.
    /// </summary>
    private static double Extrapolated(in RangeWindow window, bool isCounter, bool isRate)
    {
        ReadOnlySpan<double> values = window.Values;
        if (values.Length < 2)
        {
            return Sample.Absent;
        }
        double result = values[^1] - values[0];
        if (isCounter)
        {
            for (int index = 1; index < values.Length; index++)
            {
                if (values[index] < values[index - 1])
                {
                    result += values[index - 1];
                }
            }
        }
        double toStart = Seconds(window.Times[0] - window.StartMs);
        double toEnd = Seconds(window.EndMs - window.Times[^1]);
        double sampled = Seconds(window.Times[^1] - window.Times[0]);
        double interval = sampled / (values.Length - 1);
        double threshold = interval * 1.1;
        if (toStart >= threshold)
        {
            toStart = interval / 2;
        }
        if (isCounter && result > 0 && values[0] >= 0)
        {
            toStart = Math.Min(toStart, sampled * (values[0] / result));
        }
        if (toEnd >= threshold)
        {
            toEnd = interval / 2;
        }
        double factor = (sampled + toStart + toEnd) / sampled;
        return result * (isRate ? factor / Seconds(window.EndMs - window.StartMs) : factor);
    }

    private static double Instant(in RangeWindow window, bool isRate)
    {
        if (window.Values.Length < 2)
        {
            return Sample.Absent;
        }
        double last = window.Values[^1];
        double previous = window.Values[^2];
        double difference = window.IsDelta || (isRate && last < previous) ? last : last - previous;
        return isRate ? difference / Seconds(window.Times[^1] - window.Times[^2]) : difference;
    }

    private static double Predict(in RangeWindow window, double seconds)
    {
        if (window.Values.Length < 2)
        {
            return Sample.Absent;
        }
        (double slope, double intercept) = Regression(window, window.EndMs);
        return (slope * seconds) + intercept;
    }

    /// <summary>Least squares over the samples; the intercept is at <paramref name="originMs"/>.</summary>
    private static (double Slope, double Intercept) Regression(in RangeWindow window, long originMs)
    {
        double count = window.Values.Length;
        double sumX = 0;
        double sumY = 0;
        double sumXY = 0;
        double sumXX = 0;
        for (int index = 0; index < window.Values.Length; index++)
        {
            double x = Seconds(window.Times[index] - originMs);
            double y = window.Values[index];
            sumX += x;
            sumY += y;
            sumXY += x * y;
            sumXX += x * x;
        }
        double covariance = sumXY - (sumX * sumY / count);
        double variance = sumXX - (sumX * sumX / count);
        double slope = covariance / variance;
        return (slope, (sumY / count) - (slope * sumX / count));
    }

    private static double Resets(ReadOnlySpan<double> values)
    {
        int resets = 0;
        for (int index = 1; index < values.Length; index++)
        {
            resets += values[index] < values[index - 1] ? 1 : 0;
        }
        return resets;
    }

    private static double Changes(ReadOnlySpan<double> values)
    {
        int changes = 0;
        for (int index = 1; index < values.Length; index++)
        {
            changes += values[index] != values[index - 1] && !(double.IsNaN(values[index]) && double.IsNaN(values[index - 1])) ? 1 : 0;
        }
        return changes;
    }

    private static double Extreme(ReadOnlySpan<double> values, bool smallest)
    {
        double extreme = values[0];
        foreach (double value in values)
        {
            if (double.IsNaN(extreme) || (smallest ? value < extreme : value > extreme))
            {
                extreme = value;
            }
        }
        return extreme;
    }

    /// <summary>Kahan-Neumaier summation, as Prometheus sums.</summary>
    internal static double Sum(ReadOnlySpan<double> values)
    {
        double sum = 0;
        double compensation = 0;
        foreach (double value in values)
        {
            double next = sum + value;
            if (double.IsInfinity(next))
            {
                compensation = 0;
            }
            else
            {
                compensation += Math.Abs(sum) >= Math.Abs(value) ? sum - next + value : value - next + sum;
            }
            sum = next;
        }
        return sum + compensation;
    }

    private static double Mean(ReadOnlySpan<double> values) => Sum(values) / values.Length;

    /// <summary>Population variance by Welford's method.</summary>
    internal static double Variance(ReadOnlySpan<double> values)
    {
        double mean = 0;
        double squares = 0;
        for (int index = 0; index < values.Length; index++)
        {
            double difference = values[index] - mean;
            mean += difference / (index + 1);
            squares += difference * (values[index] - mean);
        }
        return squares / values.Length;
    }

    private static double Seconds(long milliseconds) => milliseconds / 1000d;
}
