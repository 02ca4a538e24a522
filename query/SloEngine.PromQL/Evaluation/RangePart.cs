using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>A function over ranges, applied to some of the series of its argument: what one thread does of it, with remarks and counts of its own.</summary>
internal sealed class RangePart(EngineOptions options, Call call, RangeInput input, long[] steps, ScannedSamples scanned, RangeCall context)
{
    /// <summary>The series that have a value at any step.</summary>
    public List<StepSeries> Result { get; } = [];

    public ScannedSamples Scanned => scanned;

    public AnnotationSet Annotations => context.Annotations;

    /// <summary>Goes through the series from one to before another.</summary>
    public void Evaluate(int from, int until, CancellationToken cancellation)
    {
        RangeFunction function = RangeFunctions.All[call.Function];
        bool dropsName = call.Function is not ("last_over_time" or "first_over_time");
        bool needsFalls = CounterFunctions.NeedsFalls(call.Function);
        var buffer = new SampleBuffer();
        for (int index = from; index < until; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            SeriesColumns read = input.Series(index, buffer);
            SeriesColumns series = needsFalls ? read.WithFalls() : read;
            (context.Labels, context.IsDelta) = (series.Labels, series.IsDelta);
            StepSeries one = Evaluate(function, series, dropsName || series.DropName);
            if (one.HasAny())
            {
                Result.Add(one);
                RemarkOnName(one);
            }
        }
    }

    private StepSeries Evaluate(RangeFunction function, SeriesColumns series, bool dropName)
    {
        var result = StepSeries.Empty(series.Labels, steps.Length, dropName);
        if (input.Extension == RangeExtension.None && series.Histograms.Count == 0 && CounterFunctions.IsPlain(call.Function, series))
        {
            new PlainRates(call.Function, series.Floats, input.RangeMs).Evaluate(input.EndsMs, scanned, result.Values);
            return result;
        }
        long reachBack = input.RangeMs + (input.Extension == RangeExtension.None ? 0 : options.LookbackMs);
        long reachAhead = input.Extension == RangeExtension.Smoothed ? options.LookbackMs : 0;
        var floats = new Cursor<double>(series.Floats);
        var histograms = new Cursor<FloatHistogram>(series.Histograms);
        for (int step = 0; step < steps.Length; step++)
        {
            long end = input.EndsMs[step];
            floats.Move(end - reachBack, end + reachAhead);
            histograms.Move(end - reachBack, end + reachAhead);
            var window = new RangeWindow
            {
                Floats = floats.Window,
                Histograms = histograms.Window,
                StartMs = end - input.RangeMs,
                EndMs = end,
                StepMs = steps[step],
                Step = step,
            };
            if (window.Count > 0)
            {
                scanned.Add(step, Samples(window));
                result[step] = function(window, context);
            }
        }
        return result;
    }

    private static long Samples(in RangeWindow window)
    {
        long samples = window.Floats.Count;
        foreach (FloatHistogram histogram in window.Histograms.Values)
        {
            samples += histogram.Weight;
        }
        return samples;
    }

    /// <summary>Rates are meant for counters: by name or type, this may be none.</summary>
    private void RemarkOnName(StepSeries result)
    {
        string metric = context.Metric;
        if (call.Function is not ("rate" or "increase") || metric.Length == 0 || !Array.Exists(result.Values, static value => !Sample.IsAbsent(value)))
        {
            return;
        }
        if (options.UseTypeLabels)
        {
            string type = context.Labels["__type__"];
            if (type is not ("counter" or "histogram"))
            {
                context.Remark(Remarks.PossibleNonCounterType(metric, type, context.Range));
            }
        }
        else if (!metric.EndsWith("_total", StringComparison.Ordinal) && !metric.EndsWith("_sum", StringComparison.Ordinal)
            && !metric.EndsWith("_count", StringComparison.Ordinal) && !metric.EndsWith("_bucket", StringComparison.Ordinal))
        {
            context.Remark(Remarks.PossibleNonCounter(metric, context.Range));
        }
    }

    /// <summary>A window that moves over a column; its ends only ever move forward.</summary>
    private struct Cursor<T>(Column<T> column)
    {
        private int _first;
        private int _end;

        public readonly WindowColumn<T> Window => WindowColumn<T>.Of(column, _first, _end);

        public void Move(long afterMs, long untilMs)
        {
            _end = column.After(untilMs, _end, column.Count);
            _first = column.After(afterMs, _first, _end);
        }
    }
}
