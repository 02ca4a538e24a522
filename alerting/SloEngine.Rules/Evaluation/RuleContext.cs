using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Rules.Evaluation;

/// <summary>What rules are evaluated with.</summary>
/// <param name="Engine">Evaluates expressions.</param>
/// <param name="Source">Where samples come from; those that earlier rules of a group gave are among them.</param>
/// <param name="ExternalLabels">Labels of the server, for templates.</param>
/// <param name="ExternalUrl">Address of the server, for templates.</param>
public sealed record RuleContext(PromQLEngine Engine, ISeriesSource Source, IReadOnlyDictionary<string, string> ExternalLabels, string ExternalUrl)
{
    /// <summary>The samples of an expression at a time; a scalar is a sample without labels.</summary>
    /// <exception cref="PromQLEvaluationException">It cannot be evaluated, or gives something else.</exception>
    public async ValueTask<IReadOnlyList<VectorSample>> QueryAsync(Expr expression, long timeMs, CancellationToken cancellation) =>
        await Engine.InstantAsync(expression, Source, timeMs, cancellation) switch
        {
            VectorResult vector => vector.Samples,
            ScalarResult scalar => [new VectorSample(Labels.Empty, scalar.TimeMs, scalar.Value)],
            _ => throw new PromQLEvaluationException(QueryFailure.Execution, "rule result is not a vector or scalar"),
        };
}

/// <summary>Takes what rules give.</summary>
public interface IRuleOutput
{
    /// <summary>Adds a sample; gives why it cannot be added, or null.</summary>
    string? Add(RuleSample sample);
}

/// <summary>A sample that a rule gives.</summary>
/// <param name="Labels">Labels, the name included.</param>
/// <param name="TimeMs">Time.</param>
/// <param name="Value">Float; the stale marker says that the series is no more.</param>
/// <param name="Histogram">Histogram, or null for a float.</param>
public readonly record struct RuleSample(Labels Labels, long TimeMs, double Value, FloatHistogram? Histogram = null)
{
    private const long StaleBits = 0x7FF0000000000002;

    /// <summary>The value that ends a series.</summary>
    public static readonly double Stale = BitConverter.Int64BitsToDouble(StaleBits);
}
