using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>The result of a query.</summary>
public abstract record QueryValue;

/// <summary>One number.</summary>
/// <param name="TimeMs">Its time.</param>
/// <param name="Value">The number.</param>
public sealed record ScalarResult(long TimeMs, double Value) : QueryValue;

/// <summary>One text.</summary>
/// <param name="TimeMs">Its time.</param>
/// <param name="Value">The text.</param>
public sealed record StringResult(long TimeMs, string Value) : QueryValue;

/// <summary>Samples of one time.</summary>
/// <param name="Samples">Labels, time and value of each.</param>
public sealed record VectorResult(IReadOnlyList<(Labels Labels, long TimeMs, double Value)> Samples) : QueryValue;

/// <summary>Samples of many times.</summary>
/// <param name="Series">The series.</param>
public sealed record MatrixResult(IReadOnlyList<ResultSeries> Series) : QueryValue;

/// <summary>A series of a result.</summary>
/// <param name="Labels">Labels.</param>
/// <param name="TimesMs">Times of its samples.</param>
/// <param name="Values">Values.</param>
public sealed record ResultSeries(Labels Labels, long[] TimesMs, double[] Values);

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
