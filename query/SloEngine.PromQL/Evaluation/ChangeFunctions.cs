using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary><c>resets</c> and <c>changes</c>: how often neighbouring samples differ in a certain way.</summary>
internal static class ChangeFunctions
{
    public static StepSample Resets(in RangeWindow window, RangeCall call) => Count(window, call, static (previous, current) =>
        previous.Histogram is null != current.Histogram is null
        || StartTimes.IsReset(previous.StartMs, previous.TimeMs, current.StartMs, current.TimeMs)
        || (current.Histogram is null ? current.Value < previous.Value : HistogramReset.Between(previous.Histogram!, current.Histogram)));

    public static StepSample Changes(in RangeWindow window, RangeCall call) => Count(window, call, static (previous, current) =>
        previous.Histogram is null != current.Histogram is null
        || (current.Histogram is null
            ? current.Value != previous.Value && !(double.IsNaN(current.Value) && double.IsNaN(previous.Value))
            : !current.Histogram.Matches(previous.Histogram!)));

    private static StepSample Count(in RangeWindow window, RangeCall call, Func<Point, Point, bool> differ)
    {
        if (!First(window, call, out int nextFloat, out int nextHistogram))
        {
            return StepSample.None;
        }
        int count = 0;
        Point? previous = null;
        while (nextFloat < window.Floats.Count || nextHistogram < window.Histograms.Count)
        {
            bool isFloat = nextHistogram >= window.Histograms.Count
                || (nextFloat < window.Floats.Count && window.Floats.Times[nextFloat] < window.Histograms.Times[nextHistogram]);
            Point current = isFloat
                ? new Point(window.Floats.Times[nextFloat], window.Floats.Values[nextFloat], null, window.Floats.Start(nextFloat))
                : new Point(window.Histograms.Times[nextHistogram], 0, window.Histograms.Values[nextHistogram], window.Histograms.Start(nextHistogram));
            nextFloat += isFloat ? 1 : 0;
            nextHistogram += isFloat ? 0 : 1;
            count += previous is { } before && differ(before, current) ? 1 : 0;
            previous = current;
        }
        return StepSample.Of(count);
    }

    /// <summary>Where to begin: an anchored range takes in the last sample before it, whatever its kind.</summary>
    private static bool First(in RangeWindow window, RangeCall call, out int firstFloat, out int firstHistogram)
    {
        (firstFloat, firstHistogram) = (0, 0);
        if (call.Extension != RangeExtension.Anchored)
        {
            return true;
        }
        int floatsBefore = Before(window.Floats.Times, window.StartMs);
        int histogramsBefore = Before(window.Histograms.Times, window.StartMs);
        if (floatsBefore == window.Floats.Count && histogramsBefore == window.Histograms.Count)
        {
            return false;
        }
        bool anchorIsFloat = floatsBefore > 0
            && (histogramsBefore == 0 || window.Floats.Times[floatsBefore - 1] >= window.Histograms.Times[histogramsBefore - 1]);
        bool anchorIsHistogram = !anchorIsFloat && histogramsBefore > 0;
        firstFloat = anchorIsFloat ? floatsBefore - 1 : floatsBefore;
        firstHistogram = anchorIsHistogram ? histogramsBefore - 1 : histogramsBefore;
        return true;
    }

    private static int Before(ReadOnlySpan<long> times, long start)
    {
        int count = 0;
        while (count < times.Length && times[count] <= start)
        {
            count++;
        }
        return count;
    }

    private readonly record struct Point(long TimeMs, double Value, FloatHistogram? Histogram, long StartMs);
}
