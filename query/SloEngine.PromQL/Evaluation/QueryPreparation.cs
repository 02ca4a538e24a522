using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// Makes a query ready for evaluation over certain times: durations are calculated, <c>start()</c>, <c>end()</c>, <c>range()</c> and
/// <c>step()</c> become numbers, labels get their other names, and parentheses around arguments go.
/// </summary>
internal sealed class QueryPreparation(long startMs, long endMs, long stepMs, LabelAliases aliases)
{
    /// <summary>Seconds that fit into 64 bits of nanoseconds.</summary>
    private const double MaxSeconds = long.MaxValue / 1e9;

    /// <exception cref="PromQLEvaluationException">A duration has no valid value.</exception>
    public Expr Prepare(Expr query) => HistogramStatistics.Mark(Resolve(query));

    private Expr Resolve(Expr query) => TreeRewriter.Rewrite(query, node => node switch
    {
        VectorSelector selector => selector with { Time = Resolve(selector.Time) },
        MatrixSelector { RangeExpression: { } range } matrix => matrix with { RangeMs = Milliseconds(range, mayBeNegative: false) },
        Subquery subquery => subquery with
        {
            Time = Resolve(subquery.Time),
            RangeMs = subquery.RangeExpression is { } range ? Milliseconds(range, mayBeNegative: false) : subquery.RangeMs,
            StepMs = subquery.StepExpression is { } step ? Milliseconds(step, mayBeNegative: false) : subquery.StepMs,
        },
        Call call => Fold(call) ?? (Expr)(call with { Arguments = [.. call.Arguments.Select(Unwrap)] }),
        Aggregation aggregation => aggregation with
        {
            Inner = Unwrap(aggregation.Inner),
            Parameter = aggregation.Parameter is null ? null : Unwrap(aggregation.Parameter),
            Grouping = aliases.With(aggregation.Grouping),
        },
        Binary { Matching: { } matching } binary => binary with
        {
            Matching = matching with { Labels = aliases.With(matching.Labels), Include = aliases.With(matching.Include) },
        },
        _ => node,
    });

    private static Expr Unwrap(Expr expression)
    {
        while (expression is Parentheses parentheses)
        {
            expression = parentheses.Inner;
        }
        return expression;
    }

    private NumberLiteral? Fold(Call call)
    {
        double? value = call.Function switch
        {
            "start" => startMs / 1000d,
            "end" => endMs / 1000d,
            "range" => (endMs - startMs) / 1000d,
            "step" => startMs == endMs ? 0 : stepMs / 1000d,
            _ => null,
        };
        return value is { } number ? new NumberLiteral(number) { Range = call.Range } : null;
    }

    private TimeModifier Resolve(TimeModifier time)
    {
        long? at = time.AtStart ? startMs : time.AtEnd ? endMs : time.AtMs;
        long offset = time.OffsetExpression is { } expression ? Milliseconds(expression, mayBeNegative: true) : time.OffsetMs;
        return new TimeModifier(offset, at);
    }

    private long Milliseconds(Expr expression, bool mayBeNegative)
    {
        double seconds = Seconds(expression);
        string? wrong = !double.IsFinite(seconds) ? "duration is NaN or infinite"
            : seconds <= 0 && !mayBeNegative ? "duration must be greater than 0"
            : Math.Abs(seconds) > MaxSeconds ? "duration is out of range"
            : null;
        return wrong is null ? (long)(seconds * 1000) : throw Wrong(expression, wrong);
    }

    private double Seconds(Expr expression)
    {
        if (expression is NumberLiteral number)
        {
            return number.Value;
        }
        var duration = (DurationExpr)expression;
        double left = duration.Left is null ? 0 : Seconds(duration.Left);
        double right = duration.Right is null ? 0 : Seconds(duration.Right);
        return duration.Operator switch
        {
            "step" => stepMs / 1000d,
            "range" => (endMs - startMs) / 1000d,
            "min_of" => Math.Min(left, right),
            "max_of" => Math.Max(left, right),
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => right == 0 ? throw Wrong(duration, "division by zero") : left / right,
            "%" => right == 0 ? throw Wrong(duration, "modulo by zero") : left % right,
            _ => Math.Pow(left, right),
        };
    }

    private static PromQLEvaluationException Wrong(Expr expression, string message) => new(
        QueryFailure.Execution, string.Create(CultureInfo.InvariantCulture, $"{expression.Range.Start}:{expression.Range.End}: {message}"));
}
