using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Values between samples, for selectors that are <c>smoothed</c>.</summary>
internal sealed class Smoothing(long lookbackMs, AnnotationSet annotations, SourceRange range)
{
    public StepSeries Smooth(SeriesData data, long[] times)
    {
        SeriesColumns series = SeriesColumns.Of(data, dropName: false, withStarts: false);
        string metric = series.Labels[Labels.MetricName];
        var result = StepSeries.Empty(series.Labels, times.Length, dropName: false);
        for (int step = 0; step < times.Length; step++)
        {
            long time = times[step];
            (int first, int end) = (series.Floats.After(time - lookbackMs), series.Floats.After(time + lookbackMs));
            (int firstHistogram, int endHistogram) = (series.Histograms.After(time - lookbackMs), series.Histograms.After(time + lookbackMs));
            if (first < end && firstHistogram < endHistogram)
            {
                annotations.Add(Remarks.MixedFloatsHistograms(metric, range));
            }
            else if (firstHistogram < endHistogram)
            {
                result[step] = At(series.Histograms, firstHistogram, endHistogram, time, metric);
            }
            else if (first < end)
            {
                result[step] = StepSample.Of(At(series.Floats, first, end, time));
            }
        }
        return result;
    }

    private static double At(Column<double> column, int first, int end, long time)
    {
        int next = column.After(time - 1);
        if (next < end && column.TimesMs[next] == time)
        {
            return column.Values[next];
        }
        if (next <= first)
        {
            return Sample.Absent;
        }
        return next >= end
            ? column.Values[next - 1]
            : Interpolation.Between(column.TimesMs[next - 1], column.Values[next - 1], column.TimesMs[next], column.Values[next], time, isCounter: false);
    }

    private StepSample At(Column<FloatHistogram> column, int first, int end, long time, string metric)
    {
        int next = column.After(time - 1);
        if (next < end && column.TimesMs[next] == time)
        {
            return StepSample.Of(column.Values[next]);
        }
        if (next <= first)
        {
            return StepSample.None;
        }
        FloatHistogram before = column.Values[next - 1];
        if (next >= end)
        {
            // The hint tells about the sample before, which is another one here.
            return StepSample.Of(before with { Hint = CounterResetHint.Unknown });
        }
        FloatHistogram after = column.Values[next];
        bool isCounter = before.Hint != CounterResetHint.Gauge || after.Hint != CounterResetHint.Gauge;
        FloatHistogram? between = Interpolation.Between(
            column.TimesMs[next - 1], before, column.TimesMs[next], after, time, isCounter, metric, annotations, range);
        return between is null ? StepSample.None : StepSample.Of(between);
    }
}
