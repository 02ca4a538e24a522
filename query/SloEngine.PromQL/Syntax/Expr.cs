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

/// <summary>A parsed expression; <see cref="object.ToString"/> prints it in its normal form.</summary>
public abstract record Expr
{
    /// <summary>Type of its value.</summary>
    public abstract ExprType Type { get; }

    /// <summary>Where it stands in the text.</summary>
    public SourceRange Range { get; init; }

    /// <inheritdoc/>
    public sealed override string ToString() => Printer.Print(this);
}

/// <summary>A number.</summary>
/// <param name="Value">The number; seconds of a duration.</param>
/// <param name="IsDuration">Whether it was written as a duration.</param>
public sealed record NumberLiteral(double Value, bool IsDuration = false) : Expr
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

/// <summary>An expression in parentheses.</summary>
public sealed record Parentheses(Expr Inner) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => Inner.Type;
}

/// <summary>The times of a selector or subquery: <c>offset</c> and <c>@</c>.</summary>
/// <param name="OffsetMs">How far back it looks.</param>
/// <param name="AtMs">Fixed time, or null.</param>
/// <param name="AtStart"><c>@ start()</c></param>
/// <param name="AtEnd"><c>@ end()</c></param>
public sealed record TimeModifier(long OffsetMs = 0, long? AtMs = null, bool AtStart = false, bool AtEnd = false)
{
    /// <summary>Neither offset nor fixed time.</summary>
    public static readonly TimeModifier None = new();

    /// <summary>The offset where it has to be calculated, or null.</summary>
    public Expr? OffsetExpression { get; init; }

    /// <summary>Whether there is an offset.</summary>
    internal bool HasOffset => OffsetMs != 0 || OffsetExpression is not null;

    /// <summary>Whether the time is fixed.</summary>
    internal bool HasAt => AtMs is not null || AtStart || AtEnd;
}

/// <summary>How a selector treats the ends of its range.</summary>
public enum RangeExtension
{
    /// <summary>Only samples inside count.</summary>
    None,
    /// <summary><c>anchored</c>: the sample before the start counts, too.</summary>
    Anchored,
    /// <summary><c>smoothed</c>: values at the ends are interpolated.</summary>
    Smoothed,
}

/// <summary>A vector selector.</summary>
/// <param name="Name">Metric name in front of the braces; empty if there is none.</param>
/// <param name="Matchers">All matchers, that of the name included.</param>
/// <param name="Time">Its times.</param>
public sealed record VectorSelector(string Name, IReadOnlyList<LabelMatcher> Matchers, TimeModifier Time) : Expr
{
    /// <summary>Treatment of the range's ends.</summary>
    public RangeExtension Extension { get; init; }

    /// <summary>Whether of histograms only count and sum matter.</summary>
    internal bool OnlyStatistics { get; init; }

    /// <inheritdoc/>
    public override ExprType Type => ExprType.InstantVector;
}

/// <summary>A range selector.</summary>
public sealed record MatrixSelector(VectorSelector Vector, long RangeMs) : Expr
{
    /// <summary>The range where it has to be calculated, or null.</summary>
    public Expr? RangeExpression { get; init; }

    /// <inheritdoc/>
    public override ExprType Type => ExprType.RangeVector;
}

/// <summary>A subquery; a step of 0 stands for the default.</summary>
public sealed record Subquery(Expr Inner, long RangeMs, long StepMs, TimeModifier Time) : Expr
{
    /// <summary>The range where it has to be calculated, or null.</summary>
    public Expr? RangeExpression { get; init; }

    /// <summary>The step where it has to be calculated, or null.</summary>
    public Expr? StepExpression { get; init; }

    /// <inheritdoc/>
    public override ExprType Type => ExprType.RangeVector;
}

/// <summary>A calculation of a duration, inside brackets or behind <c>offset</c>.</summary>
/// <param name="Operator">An arithmetic operator, or <c>step</c>, <c>range</c>, <c>min_of</c>, <c>max_of</c>.</param>
/// <param name="Left">Left side; null for signs and for those without arguments.</param>
/// <param name="Right">Right side; null for those without arguments.</param>
/// <param name="IsWrapped">Whether it stands in parentheses.</param>
public sealed record DurationExpr(string Operator, Expr? Left, Expr? Right, bool IsWrapped = false) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.Scalar;
}

/// <summary>A function call.</summary>
public sealed record Call(string Function, IReadOnlyList<Expr> Arguments) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => Functions.All.TryGetValue(Function, out FunctionSignature? signature) ? signature.Result : ExprType.InstantVector;
}

/// <summary>An aggregation.</summary>
public sealed record Aggregation(string Operator, Expr Inner, Expr? Parameter, IReadOnlyList<string> Grouping, bool Without) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => ExprType.InstantVector;
}

/// <summary>How many series of one side may match one of the other.</summary>
public enum MatchCardinality
{
    /// <summary>One to one.</summary>
    OneToOne,
    /// <summary><c>group_left</c></summary>
    ManyToOne,
    /// <summary><c>group_right</c></summary>
    OneToMany,
    /// <summary>Set operations.</summary>
    ManyToMany,
}

/// <summary>How vectors are matched.</summary>
/// <param name="On">Whether <paramref name="Labels"/> are those to match on, rather than to ignore.</param>
/// <param name="Labels">Labels.</param>
/// <param name="Cardinality">How many match how many.</param>
/// <param name="Include">Labels taken over from the "one" side.</param>
public sealed record VectorMatching(bool On, IReadOnlyList<string> Labels, MatchCardinality Cardinality, IReadOnlyList<string> Include)
{
    /// <summary>Value for series of the right side that have none on the left, or null.</summary>
    public double? FillLeft { get; init; }

    /// <summary>Value for series of the left side that have none on the right, or null.</summary>
    public double? FillRight { get; init; }
}

/// <summary>A binary operation; <paramref name="Matching"/> is null unless both sides are vectors.</summary>
public sealed record Binary(string Operator, Expr Left, Expr Right, bool ReturnBool, VectorMatching? Matching) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => Left.Type == ExprType.Scalar && Right.Type == ExprType.Scalar ? ExprType.Scalar : ExprType.InstantVector;

    /// <summary>Whether the operator compares.</summary>
    internal bool IsComparison => Operator is "==" or "!=" or ">" or "<" or ">=" or "<=";

    /// <summary>Whether the operator is one of sets.</summary>
    internal bool IsSet => Operator is "and" or "or" or "unless";
}

/// <summary>A sign in front.</summary>
public sealed record Unary(string Operator, Expr Inner) : Expr
{
    /// <inheritdoc/>
    public override ExprType Type => Inner.Type;
}
