using System.Text.RegularExpressions;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Testing;

/// <summary>A query with its time of evaluation written into it by <c>@</c>, so that it has the same result at any time.</summary>
internal static partial class PinnedQuery
{
    /// <summary>The pinned query, or null if its result depends on the time of evaluation in another way.</summary>
    public static string? Of(Expr expression, long timeMs)
    {
        bool dependsOnTime = false;
        Expr pinned = TreeRewriter.Rewrite(expression, node =>
        {
            dependsOnTime |= node is Call call && Functions.TimeDependent.Contains(call.Function);
            return node switch
            {
                VectorSelector selector => selector with { Time = Pin(selector.Time, timeMs) },
                Subquery subquery => subquery with { Time = Pin(subquery.Time, timeMs) },
                _ => node,
            };
        },
        // Below a subquery that has its time, times are relative to it.
        static node => node is not Subquery);
        return dependsOnTime ? null : pinned.ToString();
    }

    public static IEnumerable<long> OtherTimes(long timeMs) =>
        timeMs == 0 ? [-1000, 0, 1000] : [-10 * timeMs, 0, timeMs / 5, timeMs, 10 * timeMs];

    /// <summary>Whether the query uses the bounds of its own range.</summary>
    public static bool DependsOnQueryTimes(string query) => QueryTimes().IsMatch(query);

    private static TimeModifier Pin(TimeModifier time, long timeMs) =>
        time.AtMs is not null ? time : new TimeModifier(time.OffsetMs, timeMs) { OffsetExpression = time.OffsetExpression };

    [GeneratedRegex(@"(start|end|range|step)\(\)")]
    private static partial Regex QueryTimes();
}
