using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL;

/// <summary>Limits and defaults of the engine.</summary>
public sealed record EngineOptions
{
    /// <summary>How far back an instant selector looks, in milliseconds.</summary>
    public long LookbackMs { get; init; } = 300_000;

    /// <summary>Step of subqueries that give none, in milliseconds.</summary>
    public long SubqueryStepMs { get; init; } = 60_000;

    /// <summary>Samples one query may load.</summary>
    public long MaxSamples { get; init; } = 50_000_000;

    /// <summary>Steps of a range query.</summary>
    public int MaxSteps { get; init; } = 11_000;

    /// <summary>Whether counters that start anew at a known time are taken to have been zero then.</summary>
    public bool UseStartTimes { get; init; }

    /// <summary>Whether a series counts as a counter by its label <c>__type__</c> rather than by its name.</summary>
    public bool UseTypeLabels { get; init; }

    /// <summary>Time one query may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);
}

/// <summary>Evaluates PromQL over series from a source. Safe for concurrent use.</summary>
public sealed class PromQLEngine(EngineOptions options)
{
    /// <summary>Evaluates at one time.</summary>
    /// <exception cref="PromQLEvaluationException">The query cannot be answered.</exception>
    public async ValueTask<QueryValue> InstantAsync(Expr query, ISeriesSource source, long timeMs, CancellationToken cancellation)
    {
        if (query.Type == ExprType.RangeVector)
        {
            return await RangeVectorAsync(query, source, timeMs, cancellation);
        }
        StepValue value = await EvaluateAsync(query, source, [timeMs], cancellation);
        return value switch
        {
            StepScalar scalar => new ScalarResult(timeMs, scalar.Values[0]),
            StepText text => new StringResult(timeMs, text.Value),
            _ => new VectorResult(
            [
                .. ((StepVector)value).Series.Where(series => !Sample.IsAbsent(series.Values[0])).Select(series => new VectorSample(series.Labels, timeMs, series.Values[0])),
            ]),
        };
    }

    /// <summary>Evaluates at each step from start to end.</summary>
    /// <exception cref="PromQLEvaluationException">The query cannot be answered.</exception>
    public async ValueTask<MatrixResult> RangeAsync(Expr query, ISeriesSource source, long startMs, long endMs, long stepMs, CancellationToken cancellation)
    {
        if (query.Type is not (ExprType.Scalar or ExprType.InstantVector))
        {
            throw new PromQLEvaluationException(QueryFailure.Execution, $"invalid expression type \"{(query.Type == ExprType.String ? "string" : "range vector")}\" for range query, must be Scalar or instant Vector");
        }
        long count = ((endMs - startMs) / stepMs) + 1;
        if (count > options.MaxSteps)
        {
            throw new PromQLEvaluationException(
                QueryFailure.Limit, "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)");
        }
        var steps = new long[count];
        for (int step = 0; step < steps.Length; step++)
        {
            steps[step] = startMs + (step * stepMs);
        }
        StepValue value = await EvaluateAsync(query, source, steps, cancellation);
        List<StepSeries> series = value is StepScalar scalar ? [new StepSeries(Labels.Empty, scalar.Values)] : ((StepVector)value).Series;
        return new MatrixResult([.. series.Select(one => Compact(one, steps)).Where(one => one.Values.Length > 0).OrderBy(one => one.Labels, Comparer<Labels>.Create((left, right) => left.CompareTo(right)))]);
    }

    private static async ValueTask<QueryValue> RangeVectorAsync(Expr query, ISeriesSource source, long timeMs, CancellationToken cancellation)
    {
        if (query is not MatrixSelector matrix)
        {
            throw new PromQLEvaluationException(QueryFailure.Execution, "a subquery needs a function around it");
        }
        TimeModifier time = matrix.Vector.Time;
        long end = (time.AtMs ?? timeMs) - time.OffsetMs;
        IReadOnlyList<SeriesData> series = await source.SelectAsync(new SeriesSelection(matrix.Vector.Matchers, end - matrix.RangeMs, end), cancellation);
        return new MatrixResult([.. series.Select(one => Compact(new StepSeries(one.Labels, one.Values), one.TimesMs)).Where(one => one.Values.Length > 0)]);
    }

    private async ValueTask<StepValue> EvaluateAsync(Expr query, ISeriesSource source, long[] steps, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(options.Timeout);
        try
        {
            return await new Evaluator(source, options, steps[0], steps[^1], timeout.Token).EvaluateAsync(query, steps);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new PromQLEvaluationException(QueryFailure.Timeout, "query timed out in expression evaluation");
        }
    }

    private static ResultSeries Compact(StepSeries series, long[] times)
    {
        int count = 0;
        var presentTimes = new long[times.Length];
        var values = new double[times.Length];
        for (int step = 0; step < times.Length; step++)
        {
            if (!Sample.IsAbsent(series.Values[step]))
            {
                presentTimes[count] = times[step];
                values[count++] = series.Values[step];
            }
        }
        return new ResultSeries(series.Labels, presentTimes[..count], values[..count]);
    }
}
