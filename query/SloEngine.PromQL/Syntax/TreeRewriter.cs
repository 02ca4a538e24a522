namespace SloEngine.PromQL.Syntax;

/// <summary>Changes expressions node by node, from the leaves up.</summary>
public static class TreeRewriter
{
    /// <summary>The expression with each node replaced.</summary>
    /// <param name="expression">Expression.</param>
    /// <param name="replace">Gives what stands for a node whose children have been replaced already.</param>
    /// <param name="descend">Whether children of a node are replaced, too; all are if null.</param>
    public static Expr Rewrite(Expr expression, Func<Expr, Expr> replace, Predicate<Expr>? descend = null)
    {
        if (descend is not null && !descend(expression))
        {
            return replace(expression);
        }
        Expr Inner(Expr child) => Rewrite(child, replace, descend);
        return replace(expression switch
        {
            Parentheses parentheses => parentheses with { Inner = Inner(parentheses.Inner) },
            Unary unary => unary with { Inner = Inner(unary.Inner) },
            MatrixSelector matrix => matrix with { Vector = (VectorSelector)Inner(matrix.Vector) },
            Subquery subquery => subquery with { Inner = Inner(subquery.Inner) },
            Call call => call with { Arguments = [.. call.Arguments.Select(Inner)] },
            Aggregation aggregation => aggregation with
            {
                Inner = Inner(aggregation.Inner),
                Parameter = aggregation.Parameter is null ? null : Inner(aggregation.Parameter),
            },
            Binary binary => binary with { Left = Inner(binary.Left), Right = Inner(binary.Right) },
            _ => expression,
        });
    }
}
