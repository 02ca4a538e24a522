using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Evaluates a prepared tree over all steps of a query at once, node by node.</summary>
internal sealed class Evaluator
{
    /// <summary>Samples that a step of a subquery counts as, for the limit on them.</summary>
    private const int StepWeight = 8;

    private readonly EngineOptions _options;
    private readonly SelectorReader _reader;
    private readonly LabelAliases _aliases;
    private readonly CancellationToken _cancellation;

    public Evaluator(ISeriesSource source, EngineOptions options, CancellationToken cancellation)
    {
        (_options, _cancellation) = (options, cancellation);
        _reader = new SelectorReader(source, options, Annotations, cancellation);
        _aliases = new LabelAliases(options.OtherLabel);
    }

    /// <summary>What was noticed so far.</summary>
    public AnnotationSet Annotations { get; } = new();

    /// <summary>What was read so far.</summary>
    public QueryStatistics Statistics => _reader.Statistics;

    /// <summary>Evaluates a query.</summary>
    public ValueTask<StepValue> EvaluateQueryAsync(Expr query, long[] steps)
    {
        _reader.Scanned.Begin(steps.Length);
        return EvaluateAsync(query, steps);
    }

    private async ValueTask<StepValue> EvaluateAsync(Expr expression, long[] steps)
    {
        _cancellation.ThrowIfCancellationRequested();
        switch (expression)
        {
            case NumberLiteral number:
                return new StepScalar(Constant(number.Value, steps.Length));
            case StringLiteral text:
                return new StepText(text.Value);
            case Parentheses parentheses:
                return await EvaluateAsync(parentheses.Inner, steps);
            case VectorSelector selector:
                return await _reader.SelectAsync(selector, steps);
            case Unary unary:
                StepValue value = await EvaluateAsync(unary.Inner, steps);
                return unary.Operator == "+" ? value : Negate(value);
            case Binary binary:
                StepValue left = await EvaluateAsync(binary.Left, steps);
                StepValue right = await EvaluateAsync(binary.Right, steps);
                return new BinaryOperations(binary, Annotations, steps.Length).Evaluate(left, right);
            case Aggregation aggregation:
                return await AggregateAsync(aggregation, steps);
            case Call call:
                return await CallAsync(call, steps);
            default:
                throw new PromQLEvaluationException(QueryFailure.Execution, "a range needs a function around it");
        }
    }

    /// <summary>Series of a range selector or subquery at one time, as they are.</summary>
    public async ValueTask<IReadOnlyList<SeriesData>> RangeVectorAsync(Expr expression, long timeMs)
    {
        IReadOnlyList<SeriesData> all = expression is Subquery subquery ? await SubqueryAsync(subquery, [timeMs]) : await MatrixAsync((MatrixSelector)expression, timeMs);
        _reader.Scanned.Begin(1);
        _reader.Scanned.Add(0, all.Sum(static series => series.Histograms?.Sum(static histogram => (long)(histogram?.Weight ?? 1)) ?? series.Count));
        return all;
    }

    private async ValueTask<IReadOnlyList<SeriesData>> MatrixAsync(MatrixSelector matrix, long timeMs)
    {
        VectorSelector selector = matrix.Vector;
        long end = (selector.Time.AtMs ?? timeMs) - selector.Time.OffsetMs;
        long before = matrix.RangeMs + (selector.Extension == RangeExtension.None ? 0 : _options.LookbackMs);
        long after = selector.Extension == RangeExtension.Smoothed ? _options.LookbackMs : 0;
        IReadOnlyList<SeriesData> all = await _reader.FetchAsync(selector, [end], before, after, null);
        return selector.Extension == RangeExtension.None ? all : [.. all.Select(series => Extended(series, selector.Extension, end - matrix.RangeMs, end))];
    }

    private static SeriesData Extended(SeriesData series, RangeExtension extension, long startMs, long endMs)
    {
        SeriesColumns columns = SeriesColumns.Of(series, dropName: false, withStarts: false);
        bool smoothed = extension == RangeExtension.Smoothed;
        if (columns.Histograms.Count > 0)
        {
            throw new PromQLEvaluationException(QueryFailure.Execution, $"{(smoothed ? "smoothed" : "anchored")} modifier is not supported with histograms");
        }
        WindowColumn<double> floats = WindowColumn<double>.Of(columns.Floats, 0, columns.Floats.Count);
        List<(long TimeMs, double Value)> points = ExtendedRange.Points(floats, startMs, endMs, smoothed);
        return new SeriesData
        {
            Labels = series.Labels,
            TimesMs = [.. points.Select(static point => point.TimeMs)],
            Values = [.. points.Select(static point => point.Value)],
        };
    }

    private async ValueTask<StepValue> CallAsync(Call call, long[] steps)
    {
        IReadOnlyList<Expr> arguments = call.Arguments;
        if (RangeFunctions.All.ContainsKey(call.Function))
        {
            return await OverRangeAsync(call, steps);
        }
        if (InstantFunctions.All.TryGetValue(call.Function, out Func<double, double>? function))
        {
            StepVector vector = arguments.Count == 0 ? Times(steps) : await VectorAsync(arguments[0], steps);
            return Map(vector, (value, _) => function(value), dropsName: arguments.Count > 0);
        }
        if (HistogramFunctions.Simple(call.Function) is { } ofHistogram)
        {
            return HistogramFunctions.Map(await VectorAsync(arguments[0], steps), ofHistogram);
        }
        switch (call.Function)
        {
            case "time":
                return new StepScalar(Array.ConvertAll(steps, static step => step / 1000d));
            case "pi":
                return new StepScalar(Constant(Math.PI, steps.Length));
            case "min_of" or "max_of":
                return await ChooseAsync(call, steps);
            case "vector":
                return new StepVector([new StepSeries(Labels.Empty, await NumbersAsync(arguments[0], steps))]);
            case "scalar":
                return Scalar(await VectorAsync(arguments[0], steps), steps.Length);
            case "absent":
                return Absent(arguments[0], await VectorAsync(arguments[0], steps), steps.Length);
            case "timestamp" or "start_timestamp":
                return await TimestampAsync(call, steps);
            case "label_replace":
                return LabelFunctions.Replace(await VectorAsync(arguments[0], steps), call, _aliases);
            case "label_join":
                return LabelFunctions.Join(await VectorAsync(arguments[0], steps), call, _aliases);
            case "info":
                return await new InfoFunction(_reader, _aliases, steps).EvaluateAsync(call, await VectorAsync(arguments[0], steps));
            case "sort" or "sort_desc" or "sort_by_label" or "sort_by_label_desc":
                return Sort(call, await VectorAsync(arguments[0], steps), steps.Length);
            case "histogram_quantile" or "histogram_quantiles" or "histogram_fraction":
                return await HistogramAsync(call, steps);
            default:
                return await WithNumbersAsync(call, steps);
        }
    }

    private async ValueTask<StepVector> AggregateAsync(Aggregation aggregation, long[] steps)
    {
        var aggregations = new Aggregations(aggregation, Annotations, steps.Length);
        if (aggregations.IsRunning && RangeCall(aggregation.Inner) is { } call)
        {
            return await OverRangeAsync(call, steps, aggregations);
        }
        StepValue? parameter = aggregation.Parameter is null ? null : await EvaluateAsync(aggregation.Parameter, steps);
        return aggregations.Evaluate(await VectorAsync(aggregation.Inner, steps), (parameter as StepScalar)?.Values, (parameter as StepText)?.Value);
    }

    /// <summary>A function over the range of a selector, which makes one series of each; null for another expression.</summary>
    private static Call? RangeCall(Expr expression) => expression switch
    {
        Parentheses parentheses => RangeCall(parentheses.Inner),
        Call { Function: not "absent_over_time" } call when RangeFunctions.All.ContainsKey(call.Function) && call.Arguments.Any(static argument => argument is MatrixSelector) => call,
        _ => null,
    };

    private async ValueTask<StepScalar> ChooseAsync(Call call, long[] steps)
    {
        double[] left = await NumbersAsync(call.Arguments[0], steps);
        double[] right = await NumbersAsync(call.Arguments[1], steps);
        bool smallest = call.Function == "min_of";
        return new StepScalar([.. left.Zip(right, (one, other) => smallest ? Extremes.Min(one, other) : Extremes.Max(one, other))]);
    }

    /// <summary>Functions of a vector and numbers.</summary>
    private async ValueTask<StepVector> WithNumbersAsync(Call call, long[] steps)
    {
        StepVector vector = await VectorAsync(call.Arguments[0], steps);
        var numbers = new List<double[]>();
        foreach (Expr argument in call.Arguments.Skip(1))
        {
            numbers.Add(await NumbersAsync(argument, steps));
        }
        double[] first = numbers.Count > 0 ? numbers[0] : Constant(1, steps.Length);
        return call.Function switch
        {
            "round" => Map(vector, (value, step) => InstantFunctions.Round(value, first[step])),
            "clamp_min" => Map(vector, (value, step) => Extremes.Max(first[step], value)),
            "clamp_max" => Map(vector, (value, step) => Extremes.Min(first[step], value)),
            "clamp" => Map(vector, (value, step) => numbers[1][step] < first[step] ? Sample.Absent : Extremes.Max(first[step], Extremes.Min(numbers[1][step], value))),
            _ => throw new PromQLEvaluationException(QueryFailure.Execution, $"function {call.Function} cannot be evaluated"),
        };
    }

    private async ValueTask<StepVector> HistogramAsync(Call call, long[] steps)
    {
        IReadOnlyList<Expr> arguments = call.Arguments;
        var functions = new HistogramFunctions(Annotations, steps);
        switch (call.Function)
        {
            case "histogram_quantile":
                double[] quantiles = await NumbersAsync(arguments[0], steps);
                return functions.Quantile(quantiles, await VectorAsync(arguments[1], steps), arguments[0].Range, arguments[1].Range);
            case "histogram_fraction":
                double[] lower = await NumbersAsync(arguments[0], steps);
                double[] upper = await NumbersAsync(arguments[1], steps);
                return functions.Fraction(lower, upper, await VectorAsync(arguments[2], steps), arguments[2].Range);
            default:
                StepVector vector = await VectorAsync(arguments[0], steps);
                var several = new List<(double[], SourceRange)>();
                foreach (Expr argument in arguments.Skip(2))
                {
                    several.Add((await NumbersAsync(argument, steps), argument.Range));
                }
                return functions.Quantiles(vector, ((StringLiteral)arguments[1]).Value, several, arguments[0].Range);
        }
    }

    /// <summary>A function over ranges, and the aggregation around it, if it is one that needs the function's series only one after the other.</summary>
    private async ValueTask<StepVector> OverRangeAsync(Call call, long[] steps, Aggregations? around = null)
    {
        int position = call.Arguments.ToList().FindIndex(static argument => argument.Type == ExprType.RangeVector);
        Expr argument = call.Arguments[position];
        var evaluator = new RangeEvaluator(_options, _reader, Annotations, steps, _cancellation);
        RangeInput input = argument is MatrixSelector matrix
            ? await evaluator.SelectAsync(matrix, call.Function)
            : await SubqueryInputAsync((Subquery)argument, steps);
        var parameters = new List<double[]>();
        foreach (Expr other in call.Arguments.Where((_, index) => index != position))
        {
            parameters.Add(await NumbersAsync(other, steps));
        }
        if (around is not null && RangeEvaluator.HasFloatsAlone(input))
        {
            RunningAggregation running = around.Begin();
            await evaluator.EvaluateEachAsync(call, input, [.. parameters], rangeIsFirst: position == 0, running.Add);
            return running.Result();
        }
        StepVector result = await evaluator.EvaluateAsync(call, input, [.. parameters], rangeIsFirst: position == 0);
        result = call.Function == "absent_over_time" ? Absent(argument, result, steps.Length) : result;
        return around?.Evaluate(result, null, null) ?? result;
    }

    private async ValueTask<RangeInput> SubqueryInputAsync(Subquery subquery, long[] steps)
    {
        (List<StepSeries> series, long[] inner) = await InnerAsync(subquery, steps);
        // Remarks on a subquery do not tell where it stands.
        return new RangeInput(
            series.Count, (long)series.Count * inner.Length, (index, _) => SeriesColumns.Of(Sampled(series[index], inner), series[index].DropName, withStarts: false),
            SelectorReader.Times(subquery.Time, steps), subquery.RangeMs, RangeExtension.None, default);
    }

    private async ValueTask<IReadOnlyList<SeriesData>> SubqueryAsync(Subquery subquery, long[] steps)
    {
        (List<StepSeries> series, long[] inner) = await InnerAsync(subquery, steps);
        return [.. SeriesMerger.WithoutDroppedNames(series).Select(one => Sampled(one, inner))];
    }

    private async ValueTask<(List<StepSeries> Series, long[] StepsMs)> InnerAsync(Subquery subquery, long[] steps)
    {
        long[] ends = SelectorReader.Times(subquery.Time, steps);
        long interval = subquery.StepMs > 0 ? subquery.StepMs : _options.SubqueryStepMs;
        long from = ends.Min() - subquery.RangeMs;
        // Steps of a subquery stand at multiples of its step, whatever the query's own times are.
        long start = interval * (from / interval);
        start += start <= from ? interval : 0;
        long count = ends.Max() < start ? 0 : ((ends.Max() - start) / interval) + 1;
        // A step takes several arrays even where it has no sample.
        if (count * StepWeight > _options.MaxSamples)
        {
            throw new PromQLEvaluationException(QueryFailure.Limit, "query processing would load too many samples into memory in query execution");
        }
        if (count == 0)
        {
            return ([], []);
        }
        var inner = new long[count];
        for (int index = 0; index < inner.Length; index++)
        {
            inner[index] = start + (index * interval);
        }
        _reader.Scanned.EnterSubquery();
        StepValue value = await EvaluateAsync(subquery.Inner, inner);
        _reader.Scanned.LeaveSubquery();
        List<StepSeries> series = value is StepScalar scalar ? [new StepSeries(Labels.Empty, scalar.Values)] : ((StepVector)value).Series;
        _reader.Count((long)series.Count * count);
        return (series, inner);
    }

    /// <summary>The points of a series; hints about resets do not hold between steps of a subquery.</summary>
    private static SeriesData Sampled(StepSeries series, long[] times)
    {
        int[] present = [.. Enumerable.Range(0, times.Length).Where(series.Has)];
        return new SeriesData
        {
            Labels = series.Labels,
            TimesMs = Array.ConvertAll(present, index => times[index]),
            Values = Array.ConvertAll(present, index => series.Values[index]),
            Histograms = series.Histograms is null ? null : Array.ConvertAll(present, index => Unhinted(series.Histograms[index])),
        };
    }

    private static FloatHistogram? Unhinted(FloatHistogram? histogram) =>
        histogram is { Hint: CounterResetHint.Reset or CounterResetHint.NotReset } ? histogram with { Hint = CounterResetHint.Unknown } : histogram;

    private async ValueTask<StepVector> TimestampAsync(Call call, long[] steps)
    {
        bool start = call.Function == "start_timestamp";
        if (call.Arguments[0] is VectorSelector selector)
        {
            if (start && !_options.UseStartTimes)
            {
                return new StepVector([]);
            }
            return await _reader.OfLatestAsync(
                selector,
                steps,
                start ? static (series, index) => (series.StartTimesMs?[index] ?? 0) / 1000d : static (series, index) => series.TimesMs[index] / 1000d);
        }
        StepVector vector = await VectorAsync(call.Arguments[0], steps);
        if (start)
        {
            return new StepVector([]);
        }
        var result = new List<StepSeries>(vector.Series.Count);
        foreach (StepSeries series in vector.Series)
        {
            double[] values = [.. steps.Select((time, step) => series.Has(step) ? time / 1000d : Sample.Absent)];
            result.Add(new StepSeries(series.Labels, values) { DropName = true });
        }
        return new StepVector(result);
    }

    private StepVector Sort(Call call, StepVector vector, int steps)
    {
        if (steps > 1)
        {
            Annotations.Add(Remarks.SortInRange(call.Range));
        }
        bool descending = call.Function.EndsWith("_desc", StringComparison.Ordinal);
        if (call.Function.StartsWith("sort_by_label", StringComparison.Ordinal))
        {
            return LabelFunctions.Sort(vector, call, _aliases, descending);
        }
        IEnumerable<StepSeries> floats = vector.Series.Select(WithoutHistograms).Where(static series => series.HasAny());
        IOrderedEnumerable<StepSeries> ordered = floats.OrderBy(static series => double.IsNaN(series.Values[0]));
        return new StepVector([.. descending ? ordered.ThenByDescending(static series => series.Values[0]) : ordered.ThenBy(static series => series.Values[0])]);
    }

    private static StepSeries WithoutHistograms(StepSeries series) =>
        series.Histograms is null ? series : new StepSeries(series.Labels, series.Values) { DropName = series.DropName };

    private static StepScalar Scalar(StepVector vector, int steps)
    {
        var values = new double[steps];
        for (int step = 0; step < steps; step++)
        {
            double found = double.NaN;
            int count = 0;
            foreach (StepSeries series in vector.Series)
            {
                if (!Sample.IsAbsent(series.Values[step]))
                {
                    found = series.Values[step];
                    count++;
                }
            }
            values[step] = count == 1 ? found : double.NaN;
        }
        return new StepScalar(values);
    }

    /// <summary>1 where nothing is present, with the labels that the selector's equality matchers give.</summary>
    private static StepVector Absent(Expr argument, StepVector vector, int steps)
    {
        var values = new double[steps];
        for (int step = 0; step < steps; step++)
        {
            values[step] = vector.Series.Exists(series => series.Has(step)) ? Sample.Absent : 1;
        }
        IReadOnlyList<LabelMatcher> matchers = argument switch
        {
            VectorSelector selector => selector.Matchers,
            MatrixSelector matrix => matrix.Vector.Matchers,
            _ => [],
        };
        Labels labels = Labels.Empty;
        var given = new HashSet<string>(StringComparer.Ordinal);
        foreach (LabelMatcher matcher in matchers.Where(static matcher => matcher.Label != Labels.MetricName))
        {
            // A second condition on a label leaves its value open.
            bool known = matcher.Kind == MatchKind.Equal && given.Add(matcher.Label);
            labels = labels.With(matcher.Label, known ? matcher.Value : "");
        }
        return new StepVector([new StepSeries(labels, values)]);
    }

    private static StepValue Negate(StepValue value)
    {
        if (value is StepScalar scalar)
        {
            return new StepScalar(Array.ConvertAll(scalar.Values, static number => -number));
        }
        var result = new List<StepSeries>();
        foreach (StepSeries series in ((StepVector)value).Series)
        {
            double[] values = Array.ConvertAll(series.Values, static sample => Sample.IsAbsent(sample) ? sample : -sample);
            FloatHistogram?[]? histograms = series.Histograms is null ? null : Array.ConvertAll(series.Histograms, static histogram => histogram?.Times(-1));
            result.Add(new StepSeries(series.Labels, values, histograms) { DropName = true });
        }
        return new StepVector(result);
    }

    private async ValueTask<StepVector> VectorAsync(Expr expression, long[] steps) => (StepVector)await EvaluateAsync(expression, steps);

    private async ValueTask<double[]> NumbersAsync(Expr expression, long[] steps) => ((StepScalar)await EvaluateAsync(expression, steps)).Values;

    private static StepVector Times(long[] steps) => new([new StepSeries(Labels.Empty, Array.ConvertAll(steps, static step => step / 1000d))]);

    /// <summary>The floats of a vector changed; histograms have no place here and are left out.</summary>
    private static StepVector Map(StepVector vector, Func<double, int, double> map, bool dropsName = true)
    {
        var result = new List<StepSeries>(vector.Series.Count);
        foreach (StepSeries series in vector.Series)
        {
            var values = new double[series.Values.Length];
            for (int step = 0; step < values.Length; step++)
            {
                values[step] = Sample.IsAbsent(series.Values[step]) ? Sample.Absent : map(series.Values[step], step);
            }
            result.Add(new StepSeries(series.Labels, values) { DropName = dropsName || series.DropName });
        }
        return new StepVector(result);
    }

    private static double[] Constant(double value, int count)
    {
        var values = new double[count];
        Array.Fill(values, value);
        return values;
    }
}
