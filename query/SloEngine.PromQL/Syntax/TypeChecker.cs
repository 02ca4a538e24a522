using System.Globalization;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Syntax;

/// <summary>Checks types and meaning of nodes as they are put together; errors count only if the syntax is right.</summary>
internal sealed class TypeChecker(string text)
{
    private const string NoMatcher = "vector selector must contain at least one non-empty matcher";

    public List<ParseError> Errors { get; } = [];

    public VectorSelector Check(VectorSelector selector)
    {
        if (selector.Name.Length > 0)
        {
            foreach (LabelMatcher matcher in selector.Matchers.Take(selector.Matchers.Count - 1))
            {
                if (matcher.Label == Labels.MetricName)
                {
                    Add($"metric name must not be set twice: \"{selector.Name}\" or \"{matcher.Value}\"", selector.Range);
                }
            }
        }
        else if (selector.Matchers.All(static matcher => LabelPattern.Of(matcher).Matches("")))
        {
            Add(NoMatcher, selector.Range);
        }
        return selector;
    }

    public Unary Check(Unary unary)
    {
        if (!IsNumeric(unary.Inner.Type))
        {
            Add($"unary expression only allowed on expressions of type scalar or instant vector, got \"{Name(unary.Inner.Type)}\"", unary.Range);
        }
        return unary;
    }

    public Subquery Check(Subquery subquery)
    {
        if (subquery.Inner.Type != ExprType.InstantVector)
        {
            string type = subquery.Inner.Type == ExprType.RangeVector ? "matrix" : Name(subquery.Inner.Type);
            Add($"subquery is only allowed on instant vector, got {type} instead", subquery.Range);
        }
        return subquery;
    }

    public Aggregation Check(Aggregation aggregation)
    {
        Expect(aggregation.Inner, ExprType.InstantVector, "aggregation expression");
        if (aggregation.Parameter is not null)
        {
            Expect(aggregation.Parameter, aggregation.Operator == "count_values" ? ExprType.String : ExprType.Scalar, "aggregation parameter");
        }
        return aggregation;
    }

    /// <summary>Checks an operation; its matching is kept only between vectors.</summary>
    public Binary Check(Binary binary)
    {
        VectorMatching matching = binary.Matching!;
        bool vectors = binary.Left.Type == ExprType.InstantVector && binary.Right.Type == ExprType.InstantVector;
        if (binary.ReturnBool && !binary.IsComparison)
        {
            Add("bool modifier can only be used on comparison operators", OperatorRange(binary));
        }
        if (binary.IsComparison && !binary.ReturnBool && binary.Type == ExprType.Scalar)
        {
            Add("comparisons between scalars must use BOOL modifier", OperatorRange(binary));
        }
        if (binary.IsSet && matching.Cardinality == MatchCardinality.OneToOne)
        {
            matching = matching with { Cardinality = MatchCardinality.ManyToMany };
        }
        foreach (string label in matching.On ? matching.Labels.Where(matching.Include.Contains) : [])
        {
            Add($"label \"{label}\" must not occur in ON and GROUP clause at once", OperatorRange(binary));
        }
        foreach (Expr side in (Expr[])[binary.Left, binary.Right])
        {
            if (!IsNumeric(side.Type))
            {
                Add("binary expression must contain only scalar and instant vector types", side.Range);
            }
        }
        bool fills = (matching.FillLeft ?? matching.FillRight) is not null;
        if (!vectors)
        {
            AddIf(matching.Labels.Count > 0, "vector matching only allowed between instant vectors", binary.Range);
            AddIf(fills, "filling in missing series only allowed between instant vectors", binary.Range);
        }
        else if (binary.IsSet)
        {
            bool groups = matching.Cardinality != MatchCardinality.ManyToMany;
            AddIf(groups, $"no grouping allowed for \"{binary.Operator}\" operation", binary.Range);
            AddIf(groups, "set operations must always be many-to-many", binary.Range);
            AddIf(fills, "filling in missing series not allowed for set operators", binary.Range);
        }
        bool scalar = binary.Left.Type == ExprType.Scalar || binary.Right.Type == ExprType.Scalar;
        AddIf(scalar && binary.IsSet, $"set operator \"{binary.Operator}\" not allowed in binary scalar expression", binary.Range);
        return binary with { Matching = vectors ? matching : null };
    }

    /// <summary>Checks a call; what is wrong with their number goes before what is wrong with the arguments themselves.</summary>
    public Call Check(Call call, FunctionSignature signature, int before)
    {
        List<ParseError> inside = Errors[before..];
        Errors.RemoveRange(before, inside.Count);
        CheckCount(call, signature);
        if (call.Function == "info" && call.Arguments.Count > 1)
        {
            CheckInfo(call, inside);
        }
        Errors.AddRange(inside);
        for (int index = 0; index < call.Arguments.Count && (index < signature.Arguments.Length || signature.Variadic != 0); index++)
        {
            ExprType expected = signature.Arguments[Math.Min(index, signature.Arguments.Length - 1)];
            Expect(call.Arguments[index], expected, $"call to function \"{call.Function}\"");
        }
        return call;
    }

    private void CheckCount(Call call, FunctionSignature signature)
    {
        int given = call.Arguments.Count;
        int named = signature.Arguments.Length;
        (string Bound, int Count)? wrong = signature.Variadic == 0
            ? given == named ? null : ("", named)
            : given < named - 1 ? ("at least ", named - 1)
            : signature.Variadic > 0 && given > named - 1 + signature.Variadic ? ("at most ", named - 1 + signature.Variadic)
            : null;
        if (wrong is { } expected)
        {
            string counts = string.Create(CultureInfo.InvariantCulture, $"expected {expected.Bound}{expected.Count} argument(s)");
            Add(string.Create(CultureInfo.InvariantCulture, $"{counts} in call to \"{call.Function}\", got {given}"), call.Range);
        }
    }

    private void CheckInfo(Call call, List<ParseError> inside)
    {
        Expr labels = call.Arguments[1];
        AddIf(labels.Type != ExprType.InstantVector, $"expected type instant vector in call to function \"info\", got {Name(labels.Type)}", call.Range);
        if (labels is VectorSelector selector)
        {
            AddIf(selector.Name.Length > 0, "expected label selectors only, got vector selector instead", labels.Range);
            // Any label selector is fine here, an empty one, too.
            inside.RemoveAll(error => error.Message == NoMatcher && error.Range == labels.Range);
        }
        else
        {
            Add("expected label selectors only", labels.Range);
        }
    }

    private void Expect(Expr expression, ExprType expected, string context) => AddIf(
        expression.Type != expected, $"expected type {Name(expected)} in {context}, got {Name(expression.Type)}", expression.Range);

    /// <summary>From the operator to the end of its modifiers.</summary>
    private SourceRange OperatorRange(Binary binary)
    {
        int start = binary.Left.Range.End;
        while (start < text.Length && char.IsWhiteSpace(text[start]))
        {
            start++;
        }
        int end = Math.Max(start, binary.Right.Range.Start - 1);
        while (end > start && char.IsWhiteSpace(text[end]))
        {
            end--;
        }
        return new SourceRange(start, end);
    }

    private void AddIf(bool wrong, string message, SourceRange range)
    {
        if (wrong)
        {
            Add(message, range);
        }
    }

    private void Add(string message, SourceRange range) => Errors.Add(new ParseError(message, range));

    private static bool IsNumeric(ExprType type) => type is ExprType.Scalar or ExprType.InstantVector;

    private static string Name(ExprType type) => type switch
    {
        ExprType.Scalar => "scalar",
        ExprType.String => "string",
        ExprType.InstantVector => "instant vector",
        _ => "range vector",
    };
}
