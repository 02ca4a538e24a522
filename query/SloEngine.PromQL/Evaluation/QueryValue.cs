using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>The result of a query.</summary>
public abstract record QueryValue
{
    /// <summary>Remarks on the result.</summary>
    public IReadOnlyList<Annotation> Annotations { get; init; } = [];

    /// <summary>What it took.</summary>
    public QueryStatistics Statistics { get; init; }
}

/// <summary>What a query took. A native histogram counts as the samples that take the same memory.</summary>
/// <param name="SamplesPerStep">Samples that each step looked at.</param>
/// <param name="SamplesHeld">Samples that its selectors loaded, and the results of subqueries: what the limit on samples applies to.</param>
public readonly record struct QueryStatistics(IReadOnlyList<long> SamplesPerStep, long SamplesHeld);

/// <summary>One number.</summary>
/// <param name="TimeMs">Its time.</param>
/// <param name="Value">The number.</param>
public sealed record ScalarResult(long TimeMs, double Value) : QueryValue;

/// <summary>One text.</summary>
/// <param name="TimeMs">Its time.</param>
/// <param name="Value">The text.</param>
public sealed record StringResult(long TimeMs, string Value) : QueryValue;

/// <summary>Samples of one time.</summary>
/// <param name="Samples">The samples.</param>
public sealed record VectorResult(IReadOnlyList<VectorSample> Samples) : QueryValue;

/// <summary>A sample of a series: a float or a histogram.</summary>
/// <param name="Labels">Labels.</param>
/// <param name="TimeMs">Time.</param>
/// <param name="Value">The float; without meaning for a histogram.</param>
/// <param name="Histogram">The histogram, or null for a float.</param>
public sealed record VectorSample(Labels Labels, long TimeMs, double Value, FloatHistogram? Histogram = null);

/// <summary>Samples of many times.</summary>
/// <param name="Series">The series.</param>
public sealed record MatrixResult(IReadOnlyList<ResultSeries> Series) : QueryValue;

/// <summary>A series of a result.</summary>
/// <param name="Labels">Labels.</param>
/// <param name="TimesMs">Times of its samples.</param>
/// <param name="Values">Values; without meaning where there is a histogram.</param>
/// <param name="Histograms">Histograms by the same positions, null for floats; or null if there is none at all.</param>
public sealed record ResultSeries(Labels Labels, long[] TimesMs, double[] Values, FloatHistogram?[]? Histograms = null);

/// <summary>Why a query could not be answered.</summary>
public enum QueryFailure
{
    /// <summary>The query asks for something that cannot be evaluated.</summary>
    Execution,
    /// <summary>It took too long.</summary>
    Timeout,
    /// <summary>It exceeds a limit.</summary>
    Limit,
}

/// <summary>A query that could not be answered.</summary>
/// <param name="failure">Kind of failure.</param>
/// <param name="message">What went wrong.</param>
public sealed class PromQLEvaluationException(QueryFailure failure, string message) : Exception(message)
{
    /// <summary>Kind of failure.</summary>
    public QueryFailure Failure { get; } = failure;
}
