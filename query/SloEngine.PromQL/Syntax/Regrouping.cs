namespace SloEngine.PromQL.Syntax;

/// <summary>Tells the results of an expression apart by more labels than it does.</summary>
public static class Regrouping
{
    /// <summary>
    /// The expression with labels kept by all of its aggregations: <c>sum(a) / sum by (job) (b)</c> by <c>tenant</c> is
    /// <c>sum by (tenant) (a) / sum by (job, tenant) (b)</c>. One to one matching on labels is on those, too; what is aggregated <c>without</c> labels keeps
    /// them by itself.
    /// </summary>
    public static Expr By(Expr expression, IReadOnlyList<string> labels) => TreeRewriter.Rewrite(expression, node => node switch
    {
        Aggregation { Without: false } aggregation => aggregation with { Grouping = [.. aggregation.Grouping.Union(labels)] },
        Aggregation aggregation => aggregation with { Grouping = [.. aggregation.Grouping.Except(labels)] },
        Binary { Matching: { On: true, Cardinality: MatchCardinality.OneToOne } matching } binary =>
            binary with { Matching = matching with { Labels = [.. matching.Labels.Union(labels)] } },
        _ => node,
    });
}
