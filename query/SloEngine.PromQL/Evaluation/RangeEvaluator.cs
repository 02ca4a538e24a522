using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Series of a range argument, made one by one as they are gone through, which is once; and when its windows end.</summary>
internal sealed record RangeInput(IEnumerable<SeriesColumns> Series, long[] EndsMs, long RangeMs, RangeExtension Extension, SourceRange Range)
{
    /// <summary>What was read for it, which nobody needs once it is evaluated; empty for subqueries.</summary>
    public IReadOnlyList<SeriesData> Read { get; init; } = [];
}

/// <summary>Applies functions to windows that move over series.</summary>
internal sealed class RangeEvaluator(EngineOptions options, SelectorReader reader, AnnotationSet annotations, long[] steps, CancellationToken cancellation)
{
    public async ValueTask<RangeInput> SelectAsync(MatrixSelector matrix, string function)
    {
        VectorSelector selector = matrix.Vector;
        long[] ends = SelectorReader.Times(selector.Time, steps);
        long before = matrix.RangeMs + (selector.Extension == RangeExtension.None ? 0 : options.LookbackMs);
        long after = selector.Extension == RangeExtension.Smoothed ? options.LookbackMs : 0;
        IReadOnlyList<SeriesData> all = await reader.FetchAsync(selector, ends, before, after, function);
        bool withStarts = options.UseStartTimes && function is "rate" or "irate" or "increase" or "resets";
        var buffer = new SampleBuffer();
        return new RangeInput(all.Select(one => SeriesColumns.Of(one, buffer, withStarts)), ends, matrix.RangeMs, selector.Extension, matrix.Range) { Read = all };
    }

    public StepVector Evaluate(Call call, RangeInput input, double[][] parameters, bool rangeIsFirst)
    {
        CheckExtension(call.Function, input.Extension);
        RangeFunction function = RangeFunctions.All[call.Function];
        var context = new RangeCall
        {
            Parameters = parameters,
            Annotations = annotations,
            Range = rangeIsFirst ? input.Range : call.Arguments[0].Range,
            Extension = input.Extension,
        };
        bool dropsName = call.Function is not ("last_over_time" or "first_over_time");
        var result = new List<StepSeries>();
        bool needsFalls = CounterFunctions.NeedsFalls(call.Function);
        foreach (SeriesColumns read in input.Series)
        {
            cancellation.ThrowIfCancellationRequested();
            SeriesColumns series = needsFalls ? read.WithFalls() : read;
            (context.Labels, context.IsDelta) = (series.Labels, series.IsDelta);
            StepSeries one = Evaluate(call.Function, function, context, series, input, dropsName || series.DropName);
            if (one.HasAny())
            {
                result.Add(one);
                RemarkOnName(call.Function, context, one);
            }
        }
        reader.Release(input.Read);
        reader.Count((long)result.Count * steps.Length);
        return new StepVector(result);
    }

    private StepSeries Evaluate(string call, RangeFunction function, RangeCall context, SeriesColumns series, RangeInput input, bool dropName)
    {
        var result = StepSeries.Empty(series.Labels, steps.Length, dropName);
        if (input.Extension == RangeExtension.None && series.Histograms.Count == 0 && CounterFunctions.IsPlain(call, series))
        {
            CounterFunctions.Extrapolate(call, series.Floats, input.EndsMs, input.RangeMs, reader.Scanned, result.Values);
            return result;
        }
        long reachBack = input.RangeMs + (input.Extension == RangeExtension.None ? 0 : options.LookbackMs);
        long reachAhead = input.Extension == RangeExtension.Smoothed ? options.LookbackMs : 0;
        var floats = new Cursor<double>(series.Floats);
        var histograms = new Cursor<Histograms.FloatHistogram>(series.Histograms);
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
                reader.Scanned.Add(step, Samples(window));
                result[step] = function(window, context);
            }
        }
        return result;
    }

    private static long Samples(in RangeWindow window)
    {
        long samples = window.Floats.Count;
        foreach (Histograms.FloatHistogram histogram in window.Histograms.Values)
        {
            samples += histogram.Weight;
        }
        return samples;
    }

    private static void CheckExtension(string function, RangeExtension extension)
    {
        (string Name, string[] Functions)? allowed = extension switch
        {
            RangeExtension.Anchored => ("anchored", RangeFunctions.Anchored),
            RangeExtension.Smoothed => ("smoothed", RangeFunctions.Smoothed),
            _ => null,
        };
        if (allowed is { } modifier && !modifier.Functions.Contains(function))
        {
            throw new PromQLEvaluationException(
                QueryFailure.Execution, $"{modifier.Name} modifier can only be used with: {string.Join(", ", modifier.Functions)} - not with {function}");
        }
    }

    /// <summary>Rates are meant for counters: by name or type, this may be none.</summary>
    private void RemarkOnName(string function, RangeCall context, StepSeries result)
    {
        string metric = context.Metric;
        if (function is not ("rate" or "increase") || metric.Length == 0 || !Array.Exists(result.Values, static value => !Sample.IsAbsent(value)))
        {
            return;
        }
        if (options.UseTypeLabels)
        {
            string type = context.Labels["__type__"];
            if (type is not ("counter" or "histogram"))
            {
                annotations.Add(Remarks.PossibleNonCounterType(metric, type, context.Range));
            }
        }
        else if (!metric.EndsWith("_total", StringComparison.Ordinal) && !metric.EndsWith("_sum", StringComparison.Ordinal)
            && !metric.EndsWith("_count", StringComparison.Ordinal) && !metric.EndsWith("_bucket", StringComparison.Ordinal))
        {
            annotations.Add(Remarks.PossibleNonCounter(metric, context.Range));
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
