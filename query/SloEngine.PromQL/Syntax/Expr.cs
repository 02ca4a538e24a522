using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Syntax;

/// <summary>Types of PromQL values.</summary>
public enum ExprType
{
    /// <summary>A number a step.</summary>
    Scalar,
    /// <summary>A text.</summary>
    String,
    /// <summary>A sample a series and step.</summary>
    InstantVector,
    /// <summary>Samples of a range a series and step.</summary>
    RangeVector,
}

/// <summary>A parsed expression.</summary>
public abstract record Expr
{
    /// <summary>Type of its value.</summary>
    public abstract ExprType Type { get; }
}

/// <summary>A number.</summary>
public sealed record NumberLiteral(double Value) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.Scalar;
}

/// <summary>A text.</summary>
public sealed record StringLiteral(string Value) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.String;
}

/// <summary>The times of a selector or subquery: <c>offset</c> and <c>@</c>.</summary>
/// <param name="OffsetMs">How far back it looks.</param>
/// <param name="AtMs">Fixed time, or null.</param>
/// <param name="AtStart"><c>@ start()</c></param>
/// <param name="AtEnd"><c>@ end()</c></param>
public sealed record TimeModifier(long OffsetMs = 0, long? AtMs = null, bool AtStart = false, bool AtEnd = false);

/// <summary>A vector selector.</summary>
public sealed record VectorSelector(IReadOnlyList<LabelMatcher> Matchers, TimeModifier Time) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.InstantVector;
}

/// <summary>A range selector.</summary>
public sealed record MatrixSelector(VectorSelector Vector, long RangeMs) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.RangeVector;
}

/// <summary>A subquery; a step of 0 stands for the default.</summary>
public sealed record Subquery(Expr Inner, long RangeMs, long StepMs, TimeModifier Time) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.RangeVector;
}

/// <summary>A function call.</summary>
public sealed record Call(string Function, IReadOnlyList<Expr> Arguments) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => Functions.All[Function].Result;
}

/// <summary>An aggregation.</summary>
public sealed record Aggregation(string Operator, Expr Inner, Expr? Parameter, IReadOnlyList<string> Grouping, bool Without) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.InstantVector;
}

/// <summary>How vectors are matched: one to one, or one to many with labels taken over.</summary>
/// <param name="On">Whether <paramref name="Labels"/> are those to match on, rather than to ignore.</param>
/// <param name="Labels">Labels.</param>
/// <param name="Group">0 for one-to-one, -1 for group_left (many on the left), 1 for group_right.</param>
/// <param name="Include">Labels taken over from the "one" side.</param>
public sealed record VectorMatching(bool On, IReadOnlyList<string> Labels, int Group, IReadOnlyList<string> Include);

/// <summary>A binary operation.</summary>
public sealed record Binary(string Operator, Expr Left, Expr Right, bool ReturnBool, VectorMatching Matching) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => Left.Type == ExprType.Scalar && Right.Type == ExprType.Scalar ? ExprType.Scalar : ExprType.InstantVector;
}

/// <summary>A minus in front.</summary>
public sealed record Negation(Expr Inner) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => Inner.Type;
}
