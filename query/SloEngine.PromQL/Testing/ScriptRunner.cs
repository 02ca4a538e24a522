using System.Globalization;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Testing;

/// <summary>One evaluation of a script and what came of it.</summary>
/// <param name="Line">Line of the command.</param>
/// <param name="Query">The query.</param>
/// <param name="Problem">What differs from what is expected, or null if nothing does.</param>
public sealed record ScriptCase(int Line, string Query, string? Problem);

/// <summary>
/// Runs scripts of the test language of PromQL: they load series, evaluate queries and compare results, errors and annotations. Each
/// instant query is also tried at other times with its own time pinned by <c>@</c>, and as a range query around its time.
/// </summary>
public sealed class ScriptRunner
{
    private const int MaxSamples = 1_000_000;
    private const long MinuteMs = 60_000;

    private readonly PromQLEngine _engine = new(new EngineOptions { MaxSamples = MaxSamples, UseStartTimes = true });
    private readonly MemorySeries _series = new();

    /// <summary>Runs a script.</summary>
    /// <exception cref="ScriptException">The script is not valid; nothing has run.</exception>
    public static async Task<IReadOnlyList<ScriptCase>> RunAsync(string script, CancellationToken cancellation)
    {
        List<ScriptCommand> commands = ScriptParser.Parse(script);
        var runner = new ScriptRunner();
        var cases = new List<ScriptCase>();
        foreach (ScriptCommand command in commands)
        {
            switch (command)
            {
                case ClearCommand:
                    runner._series.Clear();
                    break;
                case LoadCommand load:
                    runner.Load(load);
                    break;
                case EvalCommand eval:
                    cases.Add(new ScriptCase(eval.Line, eval.Query, await runner.TryAsync(eval, cancellation)));
                    break;
                default:
                    break;
            }
        }
        return cases;
    }

    private void Load(LoadCommand load)
    {
        var classic = new CustomBucketSeries();
        try
        {
            foreach (LoadedSeries series in load.Series)
            {
                for (int index = 0; index < series.Values.Count; index++)
                {
                    SequenceValue value = series.Values[index];
                    if (value.IsOmitted)
                    {
                        continue;
                    }
                    long time = index * load.IntervalMs;
                    long start = series.StartOffsets is { } starts && !starts[index].IsOmitted ? time + (long)starts[index].Value : 0;
                    _series.Add(series.Labels, time, value, start);
                    if (load.WithCustomBuckets && value.Histogram is null)
                    {
                        classic.Add(series.Labels, time, value.Value);
                    }
                }
            }
            classic.WriteTo(_series);
        }
        catch (ArgumentException wrong)
        {
            throw new ScriptException(string.Create(CultureInfo.InvariantCulture, $"cannot load (line {load.Line}): {wrong.Message}"));
        }
    }

    /// <summary>An engine that breaks fails the case at hand, not those after it.</summary>
    private async Task<string?> TryAsync(EvalCommand command, CancellationToken cancellation)
    {
        try
        {
            return await EvaluateAsync(command, cancellation);
        }
        catch (Exception broken) when (broken is not OperationCanceledException)
        {
            return $"{Place(command, command.Query)}: {broken}";
        }
    }

    private async Task<string?> EvaluateAsync(EvalCommand command, CancellationToken cancellation)
    {
        if (command.IsRange)
        {
            return await RangeAsync(command, cancellation);
        }
        if (await InstantAsync(command, command.Expression, command.Query, command.TimeMs, cancellation) is { } problem)
        {
            return problem;
        }
        if (PinnedQuery.Of(command.Expression, command.TimeMs) is not { } pinned)
        {
            return null;
        }
        foreach (long time in PinnedQuery.OtherTimes(command.TimeMs))
        {
            if (await InstantAsync(command, PromQLParser.Parse(pinned, ParserOptions.All), pinned, time, cancellation) is { } differs)
            {
                return differs;
            }
        }
        return null;
    }

    private async Task<string?> InstantAsync(EvalCommand command, Expr expression, string query, long timeMs, CancellationToken cancellation)
    {
        QueryValue value;
        try
        {
            value = await _engine.InstantAsync(expression, _series, timeMs, cancellation);
        }
        catch (PromQLEvaluationException failure)
        {
            return Failed(command, query, failure);
        }
        if (Unmet(command, query, value) is { } problem)
        {
            return problem;
        }
        return command.OnlyInstant || PinnedQuery.DependsOnQueryTimes(query) ? null : await AroundAsync(command, expression, query, timeMs, value, cancellation);
    }

    private async Task<string?> RangeAsync(EvalCommand command, CancellationToken cancellation)
    {
        try
        {
            MatrixResult value = await _engine.RangeAsync(command.Expression, _series, command.StartMs, command.EndMs, command.StepMs, cancellation);
            return Unmet(command, command.Query, value);
        }
        catch (PromQLEvaluationException failure)
        {
            return Failed(command, command.Query, failure);
        }
    }

    /// <summary>The same query over a range: its middle step must have the same result.</summary>
    private async Task<string?> AroundAsync(
        EvalCommand command, Expr expression, string query, long timeMs, QueryValue instant, CancellationToken cancellation)
    {
        MatrixResult range;
        try
        {
            range = await _engine.RangeAsync(expression, _series, timeMs - MinuteMs, timeMs + MinuteMs, MinuteMs, cancellation);
        }
        catch (PromQLEvaluationException failure)
        {
            return string.Create(CultureInfo.InvariantCulture, $"error evaluating query \"{query}\" (line {command.Line}) in range mode: {failure.Message}");
        }
        if (command.IsOrdered)
        {
            return null;
        }
        QueryValue middle = instant is ScalarResult
            ? new ScalarResult(timeMs, range.Series[0].Values[1])
            : new VectorResult(
            [
                .. range.Series.Select(series => (series, Index: Array.IndexOf(series.TimesMs, timeMs))).Where(found => found.Index >= 0).Select(found =>
                    new VectorSample(found.series.Labels, timeMs, found.series.Values[found.Index], found.series.Histograms?[found.Index])),
            ]);
        return ResultComparison.Compare(command, middle) is { } problem ? $"{Place(command, query)} range mode: {problem}" : null;
    }

    private static string? Unmet(EvalCommand command, string query, QueryValue value)
    {
        if (command.Fails)
        {
            return string.Create(CultureInfo.InvariantCulture, $"expected error evaluating query \"{query}\" (line {command.Line}) but got none");
        }
        return AnnotationComparison.Compare(command, query, value.Annotations)
            ?? (ResultComparison.Compare(command, value) is { } problem ? $"{Place(command, query)}: {problem}" : null);
    }

    private static string? Failed(EvalCommand command, string query, PromQLEvaluationException failure)
    {
        string line = command.Line.ToString(CultureInfo.InvariantCulture);
        if (!command.Fails)
        {
            return $"error evaluating query \"{query}\" (line {line}): {failure.Message}";
        }
        if (command.FailMessage is { Length: > 0 } message && message != failure.Message)
        {
            return $"expected error \"{message}\" evaluating query \"{command.Query}\" (line {line}), but got: {failure.Message}";
        }
        if (command.FailPattern is { } pattern && !pattern.IsMatch(failure.Message))
        {
            return $"expected error matching pattern \"{pattern}\" evaluating query \"{command.Query}\" (line {line}), but got: {failure.Message}";
        }
        TextExpectation? expected = command.ExpectedFailures.FirstOrDefault();
        return expected is null || expected.Matches(failure.Message)
            ? null
            : $"expected error matching \"{expected.Text}\" evaluating query \"{command.Query}\" (line {line}), but got: {failure.Message}";
    }

    private static string Place(EvalCommand command, string query) => string.Create(CultureInfo.InvariantCulture, $"error in eval {query} (line {command.Line})");
}
