using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary><c>rate</c>, <c>increase</c> and <c>delta</c>: the difference from first to last sample, extrapolated to the window's ends.</summary>
internal static class CounterFunctions
{
    /// <summary>How much more than an average interval may lie between the window's end and a sample that still counts as near.</summary>
    public const double NearInterval = 1.1;

    public static StepSample Extrapolated(in RangeWindow window, RangeCall call, bool isCounter, bool isRate)
    {
        if (window.Floats.Count > 0 && window.Histograms.Count > 0)
        {
            call.Remark(Remarks.MixedFloatsHistograms(call.Metric, call.Range));
            return StepSample.None;
        }
        if (window.Count == 0)
        {
            return StepSample.None;
        }
        if (call.IsDelta && isCounter)
        {
            StepSample total = OverTimeFunctions.Sum(window, call);
            return !isRate ? total
                : total.Histogram is null ? StepSample.Of(total.Value / window.RangeSeconds)
                : StepSample.Of(total.Histogram.DividedBy(window.RangeSeconds));
        }
        if (call.Extension != RangeExtension.None)
        {
            return window.Histograms.Count > 0
                ? ExtendedRange.OfHistograms(window, call, isCounter, isRate)
                : ExtendedRange.OfFloats(window, call, isCounter, isRate);
        }
        return window.Histograms.Count > 0 ? OfHistograms(window, call, isCounter, isRate) : OfFloats(window, call, isCounter, isRate);
    }

    /// <summary>Whether <see cref="PlainRates"/> gives what the function does.</summary>
    public static bool IsPlain(string function, SeriesColumns series) =>
        series.Floats.StartsMs is null && (function == "delta" || (NeedsFalls(function) && !series.IsDelta));

    /// <summary>Whether a function asks where its counter fell.</summary>
    public static bool NeedsFalls(string function) => function is "rate" or "increase";

    private static StepSample OfFloats(in RangeWindow window, RangeCall call, bool isCounter, bool isRate)
    {
        WindowColumn<double> floats = window.Floats;
        double result = floats.Values[^1] - floats.Values[0];
        if (isCounter)
        {
            result += Resets(floats, call);
        }
        bool fromStart = isCounter && BeginsInside(window, floats.Start(0), floats.Times[0]);
        if (!fromStart && floats.Count < 2)
        {
            return StepSample.None;
        }
        double first = floats.Values[0];
        result += fromStart ? first : 0;
        double toZero = isCounter && result > 0 && first >= 0 ? first / result : double.PositiveInfinity;
        return StepSample.Of(result * Factor(Sampled.Of(window, floats.Times), floats.Start(0), fromStart, toZero, isRate));
    }

    private static StepSample OfHistograms(in RangeWindow window, RangeCall call, bool isCounter, bool isRate)
    {
        WindowColumn<FloatHistogram> histograms = window.Histograms;
        FloatHistogram? result = null;
        if (histograms.Count > 1)
        {
            result = HistogramRate.Difference(histograms, call, isCounter);
            if (result is null)
            {
                return StepSample.None;
            }
        }
        FloatHistogram first = histograms.Values[0];
        bool fromStart = isCounter && BeginsInside(window, histograms.Start(0), histograms.Times[0]);
        if (fromStart)
        {
            if (result is not null && !HistogramArithmetic.Fit(result, first))
            {
                call.Remark(Remarks.MixedSchemas(call.Metric, call.Range));
                return StepSample.None;
            }
            result = result is null ? first : HistogramArithmetic.Add(result, first).Sum;
        }
        if (result is null)
        {
            return StepSample.None;
        }
        double toZero = isCounter && result.Count > 0 && first.Count >= 0 ? first.Count / result.Count : double.PositiveInfinity;
        return StepSample.Of(result.Times(Factor(Sampled.Of(window, histograms.Times), histograms.Start(0), fromStart, toZero, isRate)));
    }

    /// <summary>What a counter had reached before each reset.</summary>
    private static double Resets(WindowColumn<double> floats, RangeCall call)
    {
        double lost = 0;
        if (floats.KnowsFalls && floats.Starts.IsEmpty)
        {
            foreach (int fall in floats.Falls)
            {
                lost += floats.Values[fall - 1 - floats.First];
            }
            return lost;
        }
        bool overlaps = false;
        for (int index = 1; index < floats.Count; index++)
        {
            (long previousStart, long previousTime, long start) = (floats.Start(index - 1), floats.Times[index - 1], floats.Start(index));
            if (!overlaps && StartTimes.Overlap(previousStart, previousTime, start))
            {
                overlaps = true;
                call.Remark(Remarks.StartTimeOverlap(call.Metric, call.Range));
            }
            if (floats.Values[index] < floats.Values[index - 1] || StartTimes.IsReset(previousStart, previousTime, start, floats.Times[index]))
            {
                lost += floats.Values[index - 1];
            }
        }
        return lost;
    }

    /// <summary>Whether the first sample began to count inside the window, so that it was zero then.</summary>
    private static bool BeginsInside(in RangeWindow window, long start, long firstTime) => start != 0 && start > window.StartMs && start < firstTime;

    /// <summary>
    /// Factor from the sampled part to the window: it reaches to the window's ends where samples are near them, else half an interval out;
    /// and a counter never reaches back beyond zero, which <paramref name="toZero"/> tells as a part of the sampled time.
    /// </summary>
    private static double Factor(in Sampled window, long start, bool fromStart, double toZero, bool isRate)
    {
        double toStart = (window.FirstMs - window.StartMs) / 1000d;
        double toEnd = (window.EndMs - window.LastMs) / 1000d;
        double sampled = (window.LastMs - window.FirstMs) / 1000d;
        double interval = window.Count > 1 ? sampled / (window.Count - 1) : 0;
        if (fromStart)
        {
            toStart = 0;
            sampled = (window.LastMs - start) / 1000d;
        }
        else
        {
            toStart = toStart >= interval * NearInterval ? interval / 2 : toStart;
            double zero = sampled * toZero;
            toStart = zero < toStart ? zero : toStart;
        }
        toEnd = toEnd >= interval * NearInterval ? interval / 2 : toEnd;
        double factor = sampled == 0 ? 1 : (sampled + toStart + toEnd) / sampled;
        return isRate ? factor / ((window.EndMs - window.StartMs) / 1000d) : factor;
    }

    /// <summary>A window and what of it is sampled.</summary>
    private readonly record struct Sampled(long StartMs, long EndMs, long FirstMs, long LastMs, int Count)
    {
        public static Sampled Of(in RangeWindow window, ReadOnlySpan<long> times) => new(window.StartMs, window.EndMs, times[0], times[^1], times.Length);
    }
}
