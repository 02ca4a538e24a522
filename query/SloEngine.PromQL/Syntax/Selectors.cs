namespace SloEngine.PromQL.Syntax;

/// <summary>Finds what an expression selects.</summary>
public static class Selectors
{
    /// <summary>Every vector selector in an expression, those of ranges and subqueries included, from the leaves up.</summary>
    public static IReadOnlyList<VectorSelector> In(Expr expression)
    {
        var found = new List<VectorSelector>();
        TreeRewriter.Rewrite(expression, node =>
        {
            if (node is VectorSelector selector)
            {
                found.Add(selector);
            }
            return node;
        });
        return found;
    }
}
