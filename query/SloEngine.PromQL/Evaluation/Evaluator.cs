using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Evaluates a tree over all steps of a query at once, node by node.</summary>
internal sealed class Evaluator
{
    private readonly ISeriesSource _source;
    private readonly EngineOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly long _queryStart;
    private readonly long _queryEnd;
    private long _samples;

    public Evaluator(ISeriesSource source, EngineOptions options, long queryStart, long queryEnd, CancellationToken cancellation)
    {
        (_source, _options, _cancellation) = (source, options, cancellation);
        (_queryStart, _queryEnd) = (queryStart, queryEnd);
    }

    public async ValueTask<StepValue> EvaluateAsync(Expr expression, long[] steps)
    {
        _cancellation.ThrowIfCancellationRequested();
        switch (expression)
        {
            case NumberLiteral number:
                return new StepScalar(Constant(number.Value, steps.Length));
            case StringLiteral text:
                return new StepText(text.Value);
            case VectorSelector selector:
                return await SelectAsync(selector, steps);
            case Parentheses parentheses:
                return await EvaluateAsync(parentheses.Inner, steps);
            case Unary { Operator: "+" } plus:
                return await EvaluateAsync(plus.Inner, steps);
            case Unary negation:
                return await EvaluateAsync(negation.Inner, steps) switch
                {
                    StepScalar scalar => new StepScalar(Array.ConvertAll(scalar.Values, static value => -value)),
                    StepValue value => MapValues((StepVector)value, static (sample, _) => -sample),
                };
            case Binary binary:
                return BinaryOperations.Evaluate(binary, await EvaluateAsync(binary.Left, steps), await EvaluateAsync(binary.Right, steps));
            case Aggregation aggregation:
                StepValue? parameter = aggregation.Parameter is null ? null : await EvaluateAsync(aggregation.Parameter, steps);
                return Aggregations.Evaluate(
                    aggregation, (StepVector)await EvaluateAsync(aggregation.Inner, steps),
                    (parameter as StepScalar)?.Values, (parameter as StepText)?.Value, steps.Length);
            case Call call:
                return await CallAsync(call, steps);
            default:
                throw new PromQLEvaluationException(QueryFailure.Execution, "invalid expression type \"range vector\" for a query, must be scalar or instant vector");
        }
    }

    private async ValueTask<StepVector> SelectAsync(VectorSelector selector, long[] steps)
    {
        long[] times = Times(selector.Time, steps);
        IReadOnlyList<SeriesData> all = await FetchAsync(selector, times, _options.LookbackMs, null);
        var result = new List<StepSeries>(all.Count);
        foreach (SeriesData series in all)
        {
            result.Add(new StepSeries(series.Labels, Latest(series, times, _options.LookbackMs, static (_, value) => value)));
        }
        return new StepVector(result);
    }

    /// <summary>The latest sample at each time that is not older than the lookback, nor stale.</summary>
    private static double[] Latest(SeriesData series, long[] times, long lookback, Func<long, double, double> read)
    {
        var values = new double[times.Length];
        int next = 0;
        for (int step = 0; step < times.Length; step++)
        {
            if (step > 0 && times[step] < times[step - 1])
            {
                next = 0;
            }
            while (next < series.TimesMs.Length && series.TimesMs[next] <= times[step])
            {
                next++;
            }
            bool found = next > 0 && series.TimesMs[next - 1] > times[step] - lookback && !Sample.IsAbsent(series.Values[next - 1]);
            values[step] = found ? read(series.TimesMs[next - 1], series.Values[next - 1]) : Sample.Absent;
        }
        return values;
    }

    private async ValueTask<StepValue> CallAsync(Call call, long[] steps)
    {
        IReadOnlyList<Expr> arguments = call.Arguments;
        int range = arguments.ToList().FindIndex(argument => argument.Type == ExprType.RangeVector);
        if (range >= 0)
        {
            Expr? other = arguments.Count == 2 ? arguments[1 - range] : null;
            double[] parameter = other is null ? new double[steps.Length] : ((StepScalar)await EvaluateAsync(other, steps)).Values;
            return await OverRangeAsync(call.Function, arguments[range], parameter, steps);
        }
        switch (call.Function)
        {
            case "time":
                return new StepScalar(Array.ConvertAll(steps, static step => step / 1000d));
            case "pi":
                return new StepScalar(Constant(Math.PI, steps.Length));
            case "vector":
                return new StepVector([new StepSeries(Labels.Empty, ((StepScalar)await EvaluateAsync(arguments[0], steps)).Values)]);
            case "scalar":
                return Scalar((StepVector)await EvaluateAsync(arguments[0], steps), steps.Length);
            case "absent":
                return Absent(arguments[0], (StepVector)await EvaluateAsync(arguments[0], steps), steps.Length);
            case "timestamp":
                return await TimestampAsync(arguments[0], steps);
            case "histogram_quantile":
                return HistogramQuantile(((StepScalar)await EvaluateAsync(arguments[0], steps)).Values, (StepVector)await EvaluateAsync(arguments[1], steps));
            case "label_replace":
                return LabelReplace((StepVector)await EvaluateAsync(arguments[0], steps), [.. arguments.Skip(1).Select(Text)]);
            case "label_join":
                return LabelJoin((StepVector)await EvaluateAsync(arguments[0], steps), [.. arguments.Skip(1).Select(Text)]);
            case "sort" or "sort_desc":
                return Sort((StepVector)await EvaluateAsync(arguments[0], steps), call.Function == "sort_desc");
            default:
                return await MathAsync(call, steps);
        }
    }

    private async ValueTask<StepVector> MathAsync(Call call, long[] steps)
    {
        StepVector vector = call.Arguments.Count == 0
            ? new StepVector([new StepSeries(Labels.Empty, Array.ConvertAll(steps, static step => step / 1000d))])
            : (StepVector)await EvaluateAsync(call.Arguments[0], steps);
        if (InstantFunctions.Math1(call.Function) is { } function)
        {
            return MapValues(vector, (value, _) => function(value));
        }
        var numbers = new List<double[]>();
        foreach (Expr argument in call.Arguments.Skip(1))
        {
            numbers.Add(((StepScalar)await EvaluateAsync(argument, steps)).Values);
        }
        return call.Function switch
        {
            "round" => MapValues(vector, (value, step) => InstantFunctions.Round(value, numbers.Count == 0 ? 1 : numbers[0][step])),
            "clamp_min" => MapValues(vector, (value, step) => Math.Max(value, numbers[0][step])),
            "clamp_max" => MapValues(vector, (value, step) => Math.Min(value, numbers[0][step])),
            _ => MapValues(vector, (value, step) =>
                numbers[0][step] > numbers[1][step] ? Sample.Absent : Math.Max(numbers[0][step], Math.Min(numbers[1][step], value))),
        };
    }

    private async ValueTask<StepVector> OverRangeAsync(string function, Expr argument, double[] parameter, long[] steps)
    {
        (IReadOnlyList<SeriesData> all, long[] times, long range) = await RangeAsync(argument, function, steps);
        var result = new List<StepSeries>(all.Count);
        foreach (SeriesData series in all)
        {
            result.Add(new StepSeries(
                function == "last_over_time" ? series.Labels : series.Labels.WithoutName(), OverRange(function, series, times, range, parameter)));
        }
        var vector = new StepVector(result);
        return function == "absent_over_time" ? Absent(argument, vector, steps.Length) : vector;
    }

    private static double[] OverRange(string function, SeriesData series, long[] times, long range, double[] parameter)
    {
        var values = new double[times.Length];
        // Stale markers end a series; they are no samples of a range.
        (long[] sampleTimes, double[] samples) = WithoutStale(series);
        int first = 0;
        int end = 0;
        for (int step = 0; step < times.Length; step++)
        {
            if (step > 0 && times[step] < times[step - 1])
            {
                (first, end) = (0, 0);
            }
            while (end < sampleTimes.Length && sampleTimes[end] <= times[step])
            {
                end++;
            }
            while (first < end && sampleTimes[first] <= times[step] - range)
            {
                first++;
            }
            values[step] = RangeFunctions.Evaluate(
                function,
                new RangeWindow
                {
                    Times = sampleTimes.AsSpan(first..end),
                    Values = samples.AsSpan(first..end),
                    StartMs = times[step] - range,
                    EndMs = times[step],
                    IsDelta = series.IsDelta,
                },
                parameter[step]);
        }
        return values;
    }

    private static (long[] Times, double[] Values) WithoutStale(SeriesData series)
    {
        if (!Array.Exists(series.Values, Sample.IsAbsent))
        {
            return (series.TimesMs, series.Values);
        }
        int[] kept = [.. Enumerable.Range(0, series.Values.Length).Where(index => !Sample.IsAbsent(series.Values[index]))];
        return ([.. kept.Select(index => series.TimesMs[index])], [.. kept.Select(index => series.Values[index])]);
    }

    private async ValueTask<(IReadOnlyList<SeriesData> Series, long[] Times, long RangeMs)> RangeAsync(Expr argument, string function, long[] steps)
    {
        if (argument is MatrixSelector matrix)
        {
            long[] times = Times(matrix.Vector.Time, steps);
            return (await FetchAsync(matrix.Vector, times, matrix.RangeMs, function), times, matrix.RangeMs);
        }
        var subquery = (Subquery)argument;
        long[] ends = Times(subquery.Time, steps);
        long step = subquery.StepMs > 0 ? subquery.StepMs : _options.SubqueryStepMs;
        long from = ends.Min() - subquery.RangeMs;
        // Steps of a subquery stand at multiples of its step, whatever the query's own times are.
        long start = (from / step * step) + (from >= 0 || from % step == 0 ? step : 0);
        long count = ((ends.Max() - start) / step) + 1;
        CheckSteps(count);
        long[] inner = [.. Enumerable.Range(0, (int)Math.Max(0, count)).Select(index => start + (index * step))];
        StepValue value = await EvaluateAsync(subquery.Inner, inner);
        List<StepSeries> vector = value is StepScalar scalar ? [new StepSeries(Labels.Empty, scalar.Values)] : ((StepVector)value).Series;
        return ([.. vector.Select(series => Sampled(series, inner))], ends, subquery.RangeMs);
    }

    private static SeriesData Sampled(StepSeries series, long[] times)
    {
        int[] present = [.. Enumerable.Range(0, times.Length).Where(index => !Sample.IsAbsent(series.Values[index]))];
        return new SeriesData
        {
            Labels = series.Labels,
            TimesMs = [.. present.Select(index => times[index])],
            Values = [.. present.Select(index => series.Values[index])],
        };
    }

    private async ValueTask<IReadOnlyList<SeriesData>> FetchAsync(VectorSelector selector, long[] times, long reachMs, string? function)
    {
        IReadOnlyList<SeriesData> series = await _source.SelectAsync(
            new SeriesSelection(selector.Matchers, times.Min() - reachMs, times.Max()) { Function = function }, _cancellation);
        foreach (SeriesData data in series)
        {
            _samples += data.Values.Length;
        }
        return _samples <= _options.MaxSamples ? series : throw new PromQLEvaluationException(
            QueryFailure.Limit, "query processing would load too many samples into memory in query execution");
    }

    private async ValueTask<StepVector> TimestampAsync(Expr argument, long[] steps)
    {
        if (argument is not VectorSelector selector)
        {
            return MapValues((StepVector)await EvaluateAsync(argument, steps), (_, step) => steps[step] / 1000d);
        }
        long[] times = Times(selector.Time, steps);
        IReadOnlyList<SeriesData> all = await FetchAsync(selector, times, _options.LookbackMs, "timestamp");
        return new StepVector([.. all.Select(series => new StepSeries(
            series.Labels.WithoutName(), Latest(series, times, _options.LookbackMs, static (time, _) => time / 1000d)))]);
    }

    private static StepVector HistogramQuantile(double[] quantile, StepVector vector)
    {
        var result = new List<StepSeries>();
        foreach (IGrouping<Labels, StepSeries> group in vector.Series.GroupBy(series => series.Labels.Where(name => name is not ("le" or Labels.MetricName))))
        {
            List<(double Bound, double[] Counts)> buckets = [];
            foreach (StepSeries series in group)
            {
                string bound = series.Labels["le"];
                if (TryBound(bound, out double value))
                {
                    buckets.Add((value, series.Values));
                }
            }
            if (buckets.Count == 0)
            {
                continue;
            }
            var values = new double[quantile.Length];
            for (int step = 0; step < values.Length; step++)
            {
                int at = step;
                List<(double, double)> present = [.. buckets.Where(bucket => !Sample.IsAbsent(bucket.Counts[at])).Select(bucket => (bucket.Bound, bucket.Counts[at]))];
                values[step] = present.Count == 0 ? Sample.Absent : Quantile.OfBuckets(quantile[step], present);
            }
            result.Add(new StepSeries(group.Key, values));
        }
        return new StepVector(result);
    }

    private static bool TryBound(string text, out double bound)
    {
        if (text is "+Inf" or "Inf")
        {
            bound = double.PositiveInfinity;
            return true;
        }
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out bound);
    }

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
            values[step] = vector.Series.Exists(series => !Sample.IsAbsent(series.Values[step])) ? Sample.Absent : 1;
        }
        IReadOnlyList<LabelMatcher> matchers = argument switch
        {
            VectorSelector selector => selector.Matchers,
            MatrixSelector matrix => matrix.Vector.Matchers,
            _ => [],
        };
        IEnumerable<KeyValuePair<string, string>> labels = matchers
            .Where(matcher => matcher.Label != Labels.MetricName)
            .GroupBy(matcher => matcher.Label)
            .Where(group => group.Count() == 1 && group.First().Kind == MatchKind.Equal)
            .Select(group => new KeyValuePair<string, string>(group.Key, group.First().Value));
        return new StepVector([new StepSeries(Labels.Of(labels), values)]);
    }

    private static StepVector LabelReplace(StepVector vector, string[] texts)
    {
        Regex pattern;
        try
        {
            pattern = new Regex($"^(?s:{texts[3]})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (ArgumentException)
        {
            throw new PromQLEvaluationException(QueryFailure.Execution, $"invalid regular expression in label_replace(): {texts[3]}");
        }
        return Distinct(vector.Series.Select(series =>
            series with { Labels = InstantFunctions.Replace(series.Labels, texts[0], texts[1], texts[2], pattern) }), "label_replace");
    }

    private static StepVector LabelJoin(StepVector vector, string[] texts) => Distinct(
        vector.Series.Select(series => series with
        {
            Labels = series.Labels.With(texts[0], string.Join(texts[1], texts.Skip(2).Select(name => series.Labels[name]))),
        }),
        "label_join");

    private static StepVector Distinct(IEnumerable<StepSeries> series, string function)
    {
        List<StepSeries> all = [.. series];
        return all.Select(one => one.Labels).Distinct().Count() == all.Count ? new StepVector(all)
            : throw new PromQLEvaluationException(QueryFailure.Execution, $"{function}: vector cannot contain metrics with the same labelset");
    }

    private static StepVector Sort(StepVector vector, bool descending) => new(
    [
        .. descending ? vector.Series.OrderByDescending(series => series.Values[0]) : vector.Series.OrderBy(series => series.Values[0]),
    ]);

    private static string Text(Expr expression) => ((StringLiteral)expression).Value;

    private static StepVector MapValues(StepVector vector, Func<double, int, double> map)
    {
        var result = new List<StepSeries>(vector.Series.Count);
        foreach (StepSeries series in vector.Series)
        {
            var values = new double[series.Values.Length];
            for (int step = 0; step < values.Length; step++)
            {
                values[step] = Sample.IsAbsent(series.Values[step]) ? Sample.Absent : map(series.Values[step], step);
            }
            result.Add(new StepSeries(series.Labels.WithoutName(), values));
        }
        return new StepVector(result);
    }

    private long[] Times(TimeModifier modifier, long[] steps)
    {
        long? at = modifier.AtStart ? _queryStart : modifier.AtEnd ? _queryEnd : modifier.AtMs;
        return modifier is { OffsetMs: 0 } && at is null ? steps : Array.ConvertAll(steps, step => (at ?? step) - modifier.OffsetMs);
    }

    private void CheckSteps(long count)
    {
        if (count * 8 > _options.MaxSamples)
        {
            throw new PromQLEvaluationException(QueryFailure.Limit, "the subquery has too many steps");
        }
    }

    private static double[] Constant(double value, int count)
    {
        var values = new double[count];
        Array.Fill(values, value);
        return values;
    }
}
