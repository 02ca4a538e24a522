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

    /// <summary>Steps of a range query, besides its first.</summary>
    public int MaxSteps { get; init; } = 11_000;

    /// <summary>Threads that one query may be evaluated on where it has much to go through.</summary>
    public int MaxParallelism { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether counters that start anew at a known time are taken to have been zero then.</summary>
    public bool UseStartTimes { get; init; }

    /// <summary>Whether a series counts as a counter by its label <c>__type__</c> rather than by its name.</summary>
    public bool UseTypeLabels { get; init; }

    /// <summary>
    /// Another name of a label that a query names, or null where it has none: a source may have stored labels by names that were translated. Grouping, matching and
    /// functions of labels then look at both.
    /// </summary>
    public Func<string, string?>? OtherLabel { get; init; }

    /// <summary>Time one query may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);
}

/// <summary>Evaluates PromQL over series from a source. Safe for concurrent use.</summary>
/// <param name="options">Limits and defaults.</param>
/// <param name="turns">What a query takes one of while it is evaluated, waiting for it within its own time; null where all are evaluated at once.</param>
public sealed class PromQLEngine(EngineOptions options, SemaphoreSlim? turns = null)
{
    private static readonly TimeSpan ShortestTimer = TimeSpan.FromMilliseconds(1);

    private readonly LabelAliases _aliases = new(options.OtherLabel);

    /// <summary>Limits and defaults.</summary>
    public EngineOptions Options => options;

    /// <summary>Evaluates at one time.</summary>
    /// <exception cref="PromQLEvaluationException">The query cannot be answered.</exception>
    public ValueTask<QueryValue> InstantAsync(Expr query, ISeriesSource source, long timeMs, CancellationToken cancellation) =>
        WithTimeoutAsync(token => InstantCoreAsync(query, source, timeMs, token), cancellation);

    /// <summary>Evaluates at each step from start to end.</summary>
    /// <exception cref="PromQLEvaluationException">The query cannot be answered.</exception>
    public async ValueTask<MatrixResult> RangeAsync(Expr query, ISeriesSource source, long startMs, long endMs, long stepMs, CancellationToken cancellation)
    {
        if (query.Type is not (ExprType.Scalar or ExprType.InstantVector))
        {
            throw new PromQLEvaluationException(
                QueryFailure.Execution,
                $"invalid expression type \"{(query.Type == ExprType.String ? "string" : "range vector")}\" for range query, must be Scalar or instant Vector");
        }
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stepMs);
        ArgumentOutOfRangeException.ThrowIfLessThan(endMs, startMs);
        if ((endMs - startMs) / stepMs > options.MaxSteps)
        {
            throw new PromQLEvaluationException(
                QueryFailure.Limit, "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)");
        }
        return (MatrixResult)await WithTimeoutAsync(token => RangeCoreAsync(query, source, startMs, endMs, stepMs, token), cancellation);
    }

    private async ValueTask<QueryValue> InstantCoreAsync(Expr query, ISeriesSource source, long timeMs, CancellationToken cancellation)
    {
        Expr prepared = new QueryPreparation(timeMs, timeMs, 0, _aliases).Prepare(query);
        var evaluator = new Evaluator(source, options, cancellation);
        if (prepared.Type == ExprType.RangeVector)
        {
            IReadOnlyList<SeriesData> all = await evaluator.RangeVectorAsync(Inside(prepared), timeMs);
            return Matrix(all.Select(static series => new PresentPoints(series.TimesMs).Of(series.Labels, series.Values, series.Histograms)), evaluator);
        }
        StepValue value = await evaluator.EvaluateQueryAsync(prepared, [timeMs]);
        QueryValue result = value switch
        {
            StepScalar scalar => new ScalarResult(timeMs, scalar.Values[0]),
            StepText text => new StringResult(timeMs, text.Value),
            _ => new VectorResult(
            [
                .. SeriesMerger.WithoutDroppedNames([.. ((StepVector)value).Series.Where(static series => series.Has(0))])
                    .Select(series => new VectorSample(series.Labels, timeMs, series.Histogram(0) is null ? series.Values[0] : 0, series.Histogram(0))),
            ]),
        };
        return result with { Annotations = evaluator.Annotations.All, Statistics = evaluator.Statistics };
    }

    private async ValueTask<QueryValue> RangeCoreAsync(Expr query, ISeriesSource source, long startMs, long endMs, long stepMs, CancellationToken cancellation)
    {
        var steps = new long[((endMs - startMs) / stepMs) + 1];
        for (int step = 0; step < steps.Length; step++)
        {
            steps[step] = startMs + (step * stepMs);
        }
        Expr prepared = new QueryPreparation(startMs, endMs, stepMs, _aliases).Prepare(query);
        var evaluator = new Evaluator(source, options, cancellation);
        StepValue value = await evaluator.EvaluateQueryAsync(prepared, steps);
        List<StepSeries> series = value is StepScalar scalar
            ? [new StepSeries(Labels.Empty, scalar.Values)]
            : SeriesMerger.WithoutDroppedNames(((StepVector)value).Series);
        var points = new PresentPoints(steps);
        return Matrix(series.Select(one => points.Of(one.Labels, one.Values, one.Histograms)), evaluator);
    }

    private async ValueTask<QueryValue> WithTimeoutAsync(Func<CancellationToken, ValueTask<QueryValue>> evaluate, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (options.Timeout < ShortestTimer)
        {
            // A timer is not to race with the query.
            await timeout.CancelAsync();
        }
        timeout.CancelAfter(options.Timeout);
        string stage = "query queue";
        bool hasTurn = false;
        try
        {
            if (turns is not null)
            {
                hasTurn = turns.Wait(0, CancellationToken.None);
                if (!hasTurn)
                {
                    await turns.WaitAsync(timeout.Token);
                    hasTurn = true;
                }
            }
            stage = "expression evaluation";
            timeout.Token.ThrowIfCancellationRequested();
            return await evaluate(timeout.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new PromQLEvaluationException(QueryFailure.Timeout, $"query timed out in {stage}");
        }
        finally
        {
            if (hasTurn)
            {
                turns!.Release();
            }
        }
    }

    private static Expr Inside(Expr expression)
    {
        while (expression is Parentheses parentheses)
        {
            expression = parentheses.Inner;
        }
        return expression;
    }

    private static MatrixResult Matrix(IEnumerable<ResultSeries> series, Evaluator evaluator)
    {
        ResultSeries[] present = [.. series.Where(static one => one.Values.Length > 0)];
        Array.Sort(present, static (left, right) => left.Labels.CompareTo(right.Labels));
        return new MatrixResult(present) { Annotations = evaluator.Annotations.All, Statistics = evaluator.Statistics };
    }
}
