namespace SloEngine.PromQL.Syntax;

/// <summary>Durations, and calculations of them.</summary>
public sealed partial class PromQLParser
{
    /// <summary>Seconds that fit into 64 bits of nanoseconds.</summary>
    private const double MaxSeconds = long.MaxValue / 1e9;

    private Expr DurationExpression(int least)
    {
        if (++_depth > MaxDepth)
        {
            throw Fail($"the expression is nested deeper than {MaxDepth}", Peek.Range);
        }
        Expr left = DurationPrefixed(behindOffset: false);
        while (Peek.Kind == TokenKind.Operator && Peek.Source is "+" or "-" or "*" or "/" or "%" or "^" && Precedence[Peek.Source] > least)
        {
            CountOperator();
            Token operation = Take();
            int precedence = Precedence[operation.Source];
            Expr right = DurationExpression(precedence == PowerPrecedence ? precedence - 1 : precedence);
            Experimental(left.Range);
            if (operation.Source is "/" or "%" && right is NumberLiteral { Value: 0 })
            {
                Add(operation.Source == "/" ? "division by zero" : "modulo by zero", operation.Range);
                left = new NumberLiteral(0);
                continue;
            }
            left = new DurationExpr(operation.Source, left, right) { Range = new SourceRange(left.Range.Start, right.Range.End) };
        }
        _depth--;
        return left;
    }

    /// <summary>What may follow <c>offset</c>: no operator, as that one is of the expression around it, unless there are parentheses.</summary>
    private Expr OffsetDuration()
    {
        string outer = _context;
        _context = $" in offset, expected {DurationExpected}";
        Expr duration = DurationPrefixed(behindOffset: true);
        _context = outer;
        return duration;
    }

    private Expr DurationPrefixed(bool behindOffset)
    {
        if (!IsOperator("-") && !IsOperator("+"))
        {
            return DurationPrimary();
        }
        if (++_depth > MaxDepth)
        {
            throw Fail($"the expression is nested deeper than {MaxDepth}", Peek.Range);
        }
        Token sign = Take();
        bool wraps = behindOffset && IsSymbol("(");
        Expr inner = behindOffset ? DurationPrefixed(behindOffset) : DurationExpression(SignPrecedence);
        _depth--;
        if (wraps && inner is DurationExpr { Operator: "+", Left: null, Right: NumberLiteral number } wrapped)
        {
            // Behind a sign, the number alone is what messages point at.
            inner = wrapped with { Range = number.Range };
        }
        if (behindOffset && inner is DurationExpr { Operator: "min_of" or "max_of", IsWrapped: false, Right: { } last })
        {
            // Prometheus' grammar has these end with their last argument where a sign stands before them.
            inner = inner with { Range = new SourceRange(inner.Range.Start, last.Range.End) };
        }
        bool negative = sign.Source == "-";
        var range = new SourceRange(sign.Range.Start, inner.Range.End);
        if (inner is NumberLiteral literal)
        {
            return literal with { Value = negative ? -literal.Value : literal.Value, Range = range };
        }
        bool isFunction = inner is DurationExpr { Operator: "step" or "range" or "min_of" or "max_of", IsWrapped: false };
        return negative || (behindOffset && isFunction) ? new DurationExpr(sign.Source, null, inner) { Range = range } : inner;
    }

    private Expr DurationPrimary()
    {
        Token token = Peek;
        switch (token.Kind)
        {
            case TokenKind.Number or TokenKind.Duration:
                NumberLiteral literal = Literal();
                if (Math.Abs(literal.Value) > MaxSeconds)
                {
                    Add("duration out of range", literal.Range);
                    return new NumberLiteral(0);
                }
                return literal;
            case TokenKind.Preprocessor when token.Name is "step" or "range":
                Take();
                Expect("(");
                int end = Expect(")").Range.End;
                return Function(token, null, null, end);
            case TokenKind.Preprocessor when token.Name is "min_of" or "max_of":
                Take();
                Expect("(");
                Expr left = DurationExpression(0);
                Expect(",");
                Expr right = DurationExpression(0);
                return Function(token, left, right, Expect(")").Range.End);
            case TokenKind.Symbol when token.Source == "(":
                return WrappedDuration();
            default:
                throw Unexpected();
        }
    }

    private DurationExpr Function(Token name, Expr? left, Expr? right, int end)
    {
        var range = new SourceRange(name.Range.Start, end);
        Experimental(range);
        return new DurationExpr(name.Name, left, right) { Range = range };
    }

    private DurationExpr WrappedDuration()
    {
        Token open = Take();
        Expr inner = DurationExpression(0);
        Token close = Expect(")");
        Experimental(inner.Range);
        return inner is DurationExpr duration
            ? duration with { IsWrapped = true }
            : new DurationExpr("+", null, inner, IsWrapped: true) { Range = new SourceRange(open.Range.Start, close.Range.End) };
    }

    private void Experimental(SourceRange range)
    {
        if (!_options.DurationExpressions)
        {
            Add("experimental duration expression is not enabled", range);
        }
    }
}
