using System.Globalization;

namespace SloEngine.PromQL.Syntax;

/// <summary>Function calls and aggregations.</summary>
public sealed partial class PromQLParser
{
    private Call Function(Token name)
    {
        bool known = Functions.All.TryGetValue(name.Source, out FunctionSignature? signature);
        int errors = _types.Errors.Count;
        (List<Expr> arguments, int end) = Arguments();
        if (!known)
        {
            Add($"unknown function with name \"{name.Source}\"", name.Range);
        }
        else if (signature!.IsExperimental && !_options.ExperimentalFunctions)
        {
            Add($"function \"{name.Source}\" is not enabled", name.Range);
        }
        var call = new Call(name.Source, arguments) { Range = new SourceRange(name.Range.Start, end) };
        return known ? _types.Check(call, signature!, errors) : call;
    }

    private Aggregation Aggregate(Token operation)
    {
        IReadOnlyList<string> grouping = [];
        bool without = false;
        string outer = _context;
        _context = " in aggregation";
        bool given = TryGrouping(ref grouping, ref without);
        (List<Expr> arguments, int end) = Arguments();
        _context = outer;
        if (!given && TryGrouping(ref grouping, ref without))
        {
            end = _tokens[_next - 1].Range.End;
        }
        var range = new SourceRange(operation.Range.Start, end);
        string name = operation.Name;
        bool hasParameter = name is "topk" or "bottomk" or "quantile" or "count_values" or "limitk" or "limit_ratio";
        int expected = hasParameter ? 2 : 1;
        if (arguments.Count == 0)
        {
            Add("no arguments for aggregate expression provided", range);
        }
        else if (name is "limitk" or "limit_ratio" && !_options.ExperimentalFunctions)
        {
            Add($"{name}() is experimental and must be enabled with --enable-feature=promql-experimental-functions", range);
        }
        else if (arguments.Count != expected)
        {
            Add(
                string.Create(
                    CultureInfo.InvariantCulture, $"wrong number of arguments for aggregate expression provided, expected {expected}, got {arguments.Count}"),
                range);
        }
        Expr inner = arguments.Count > 0 ? arguments[^1] : new NumberLiteral(0);
        var aggregation = new Aggregation(name, inner, hasParameter && arguments.Count > 0 ? arguments[0] : null, grouping, without) { Range = range };
        return arguments.Count == expected ? _types.Check(aggregation) : aggregation;
    }

    private bool TryGrouping(ref IReadOnlyList<string> grouping, ref bool without)
    {
        if (!IsKeyword("by") && !IsKeyword("without"))
        {
            return false;
        }
        without = Take().Name == "without";
        grouping = LabelNames();
        return true;
    }

    private (List<Expr> Arguments, int End) Arguments()
    {
        Expect("(");
        var arguments = new List<Expr>();
        while (!IsSymbol(")"))
        {
            arguments.Add(Expression(0));
            while (IsSymbol(","))
            {
                Token comma = Take();
                if (!IsSymbol(")") && !IsSymbol(","))
                {
                    break;
                }
                Add("trailing commas not allowed in function call args", comma.Range);
            }
            if (!IsSymbol(")") && _tokens[_next - 1] is not { Kind: TokenKind.Symbol, Source: "," })
            {
                throw Unexpected();
            }
        }
        return (arguments, Take().Range.End);
    }
}
