using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Series of a range argument, made one at a time as each is gone through, which is once; and when its windows end.</summary>
/// <param name="Count">How many series there are.</param>
/// <param name="Samples">How many samples they have in all, at most.</param>
/// <param name="Series">Makes one of them; with a buffer it holds until the next one made with that.</param>
/// <param name="EndsMs">When the windows end, by step.</param>
/// <param name="RangeMs">How long they are.</param>
/// <param name="Extension">How they reach beyond their ends.</param>
/// <param name="Range">Where the argument stands in the query.</param>
internal sealed record RangeInput(int Count, long Samples, Func<int, SampleBuffer, SeriesColumns> Series, long[] EndsMs, long RangeMs, RangeExtension Extension, SourceRange Range)
{
    /// <summary>What was read for it, which nobody needs once it is evaluated; empty for subqueries.</summary>
    public IReadOnlyList<SeriesData> Read { get; init; } = [];
}

/// <summary>Applies functions to windows that move over series.</summary>
internal sealed class RangeEvaluator(EngineOptions options, SelectorReader reader, AnnotationSet annotations, long[] steps, CancellationToken cancellation)
{
    /// <summary>Samples that are read, and results that are made of them, at one time where no more are needed: enough to be worth several threads.</summary>
    private const long NumbersTogether = 2_000_000;

    public async ValueTask<RangeInput> SelectAsync(MatrixSelector matrix, string function)
    {
        VectorSelector selector = matrix.Vector;
        long[] ends = SelectorReader.Times(selector.Time, steps);
        long before = matrix.RangeMs + (selector.Extension == RangeExtension.None ? 0 : options.LookbackMs);
        long after = selector.Extension == RangeExtension.Smoothed ? options.LookbackMs : 0;
        IReadOnlyList<SeriesData> all = await reader.FetchAsync(selector, ends, before, after, function);
        bool withStarts = options.UseStartTimes && function is "rate" or "irate" or "increase" or "resets";
        return new RangeInput(
            all.Count, all is IUnmadeSeries unmade ? unmade.Samples : all.Sum(static series => (long)series.Count), (index, buffer) => SeriesColumns.Of(all[index], buffer, withStarts), ends, matrix.RangeMs, selector.Extension, matrix.Range) { Read = all };
    }

    /// <summary>Whether a range argument has floats alone, whatever function it is for.</summary>
    public static bool HasFloatsAlone(RangeInput input) => input.Read is IUnmadeSeries || input.Read.All(static series => series.Histograms is null);

    public async ValueTask<StepVector> EvaluateAsync(Call call, RangeInput input, double[][] parameters, bool rangeIsFirst)
    {
        var result = new List<StepSeries>(input.Count);
        await EvaluateAsync(call, input, parameters, rangeIsFirst, input.Count, result.AddRange);
        reader.Count((long)result.Count * steps.Length);
        return new StepVector(result);
    }

    /// <summary>The same for somebody who needs the series only once, one after the other: no more of them are held than are evaluated together.</summary>
    public async ValueTask EvaluateEachAsync(Call call, RangeInput input, double[][] parameters, bool rangeIsFirst, Action<StepSeries> take)
    {
        int together = (int)Math.Clamp(NumbersTogether / Math.Max(1, steps.Length + (input.Samples / Math.Max(1, input.Count))), 1, Math.Max(1, input.Count));
        await EvaluateAsync(call, input, parameters, rangeIsFirst, together, some =>
        {
            long numbers = (long)some.Count * steps.Length;
            reader.Count(numbers);
            foreach (StepSeries series in some)
            {
                take(series);
            }
            reader.Count(-numbers);
        });
    }

    private async ValueTask EvaluateAsync(Call call, RangeInput input, double[][] parameters, bool rangeIsFirst, int together, Action<List<StepSeries>> take)
    {
        CheckExtension(call.Function, input.Extension);
        SourceRange range = rangeIsFirst ? input.Range : call.Arguments[0].Range;
        for (int first = 0; first < input.Count; first += together)
        {
            int count = Math.Min(together, input.Count - first);
            long numbers = (input.Samples * count / input.Count) + ((long)count * steps.Length);
            RangePart[] parts = await SeriesParts.RunAsync(count, numbers, options.MaxParallelism, (from, until) =>
            {
                var part = new RangePart(options, call, input, steps, reader.Scanned.Part(), new RangeCall
                {
                    Parameters = parameters,
                    Annotations = new AnnotationSet(),
                    Range = range,
                    Extension = input.Extension,
                });
                part.Evaluate(first + from, first + until, cancellation);
                return part;
            });
            foreach (RangePart part in parts)
            {
                reader.Scanned.Add(part.Scanned);
                annotations.Add(part.Annotations);
            }
            if (first + count == input.Count)
            {
                reader.Release(input.Read);
            }
            foreach (RangePart part in parts)
            {
                take(part.Result);
            }
        }
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
}
