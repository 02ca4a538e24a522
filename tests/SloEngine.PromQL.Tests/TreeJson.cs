using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Tests;

/// <summary>Trees in the JSON that conformance cases hold; fields with default values are left out.</summary>
internal sealed class TreeJson(string text)
{
    public JsonObject Write(Expr expression) => expression switch
    {
        NumberLiteral number => new JsonObject
        {
            ["_type"] = "NumberLiteral",
            ["Val"] = double.IsFinite(number.Value) ? number.Value : double.IsNaN(number.Value) ? "NaN" : number.Value > 0 ? "+Inf" : "-Inf",
            ["Duration"] = number.IsDuration,
            ["PosRange"] = Range(number),
        },
        StringLiteral literal => new JsonObject { ["_type"] = "StringLiteral", ["Val"] = Text(literal.Value), ["PosRange"] = Range(literal) },
        Parentheses parentheses => new JsonObject { ["_type"] = "ParenExpr", ["Expr"] = Write(parentheses.Inner), ["PosRange"] = Range(parentheses) },
        Unary unary => new JsonObject { ["_type"] = "UnaryExpr", ["Op"] = Operator(unary.Operator), ["Expr"] = Write(unary.Inner), ["StartPos"] = At(unary.Range.Start) },
        VectorSelector selector => Selector(selector),
        MatrixSelector matrix => new JsonObject
        {
            ["_type"] = "MatrixSelector",
            ["VectorSelector"] = Selector(matrix.Vector),
            ["Range"] = matrix.RangeMs * 1_000_000,
            ["RangeExpr"] = matrix.RangeExpression is null ? null : Write(matrix.RangeExpression),
            ["EndPos"] = At(matrix.Range.End),
        },
        Subquery subquery => Subquery(subquery),
        DurationExpr duration => Duration(duration),
        Call call => new JsonObject
        {
            ["_type"] = "Call",
            ["Func"] = new JsonObject { ["func"] = call.Function },
            ["Args"] = new JsonArray([.. call.Arguments.Select(Write)]),
            ["PosRange"] = Range(call),
        },
        Aggregation aggregation => new JsonObject
        {
            ["_type"] = "AggregateExpr",
            ["Op"] = aggregation.Operator.ToUpperInvariant(),
            ["Expr"] = Write(aggregation.Inner),
            ["Param"] = aggregation.Parameter is null ? null : Write(aggregation.Parameter),
            ["Grouping"] = Texts(aggregation.Grouping),
            ["Without"] = aggregation.Without,
            ["PosRange"] = Range(aggregation),
        },
        Binary binary => new JsonObject
        {
            ["_type"] = "BinaryExpr",
            ["Op"] = Operator(binary.Operator),
            ["LHS"] = Write(binary.Left),
            ["RHS"] = Write(binary.Right),
            ["ReturnBool"] = binary.ReturnBool,
            ["VectorMatching"] = binary.Matching is null ? null : Matching(binary.Matching),
        },
        _ => throw new ArgumentException(expression.GetType().Name),
    };

    /// <summary>The same without fields that have default values.</summary>
    public static JsonNode? Normal(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields when (string?)fields["_type"] == "Expressions":
                return null;
            case JsonObject fields:
                var kept = new JsonObject();
                foreach ((string name, JsonNode? value) in fields.OrderBy(field => field.Key, StringComparer.Ordinal))
                {
                    if (Normal(value) is { } normal && name != "BypassEmptyMatcherCheck")
                    {
                        kept[name] = normal;
                    }
                }
                return kept;
            case JsonArray items:
                return items.Count == 0 ? null : new JsonArray([.. items.Select(Normal)]);
            case JsonValue value:
                return value.ToJsonString() is "0" or "false" or "\"\"" or "-0" ? null
                    : value.GetValueKind() == JsonValueKind.Number ? JsonValue.Create(double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture))
                    : value.DeepClone();
            default:
                return null;
        }
    }

    /// <summary>Text; or its bytes where some are no UTF-8.</summary>
    private static JsonNode Text(string text) => !text.Any(static character => LooseBytes.Is(character, out _)) ? text : new JsonObject
    {
        ["_bytes_hex"] = string.Concat(text.EnumerateRunes().Zip(Starts(text), (rune, at) => Convert.ToHexStringLower(
            LooseBytes.Is(text[at], out byte loose) ? [loose] : Encoding.UTF8.GetBytes(rune.ToString())))),
    };

    /// <summary>Where the runes of a text begin.</summary>
    private static IEnumerable<int> Starts(string text) => Enumerable.Range(0, text.Length).Where(at => at == 0 || !char.IsSurrogatePair(text, at - 1));

    private JsonObject Selector(VectorSelector selector) => new()
    {
        ["_type"] = "VectorSelector",
        ["Name"] = selector.Name,
        ["OriginalOffset"] = selector.Time.OffsetMs * 1_000_000,
        ["OriginalOffsetExpr"] = selector.Time.OffsetExpression is null ? null : Write(selector.Time.OffsetExpression),
        ["Timestamp"] = selector.Time.AtMs,
        ["StartOrEnd"] = StartOrEnd(selector.Time),
        ["LabelMatchers"] = new JsonArray([.. selector.Matchers.Select(Matcher)]),
        ["Anchored"] = selector.Extension == RangeExtension.Anchored,
        ["Smoothed"] = selector.Extension == RangeExtension.Smoothed,
        ["PosRange"] = Range(selector),
    };

    private JsonObject Subquery(Subquery subquery) => new()
    {
        ["_type"] = "SubqueryExpr",
        ["Expr"] = Write(subquery.Inner),
        ["Range"] = subquery.RangeMs * 1_000_000,
        ["RangeExpr"] = subquery.RangeExpression is null ? null : Write(subquery.RangeExpression),
        ["OriginalOffset"] = subquery.Time.OffsetMs * 1_000_000,
        ["OriginalOffsetExpr"] = subquery.Time.OffsetExpression is null ? null : Write(subquery.Time.OffsetExpression),
        ["Timestamp"] = subquery.Time.AtMs,
        ["StartOrEnd"] = StartOrEnd(subquery.Time),
        ["Step"] = subquery.StepMs * 1_000_000,
        ["StepExpr"] = subquery.StepExpression is null ? null : Write(subquery.StepExpression),
        ["EndPos"] = At(subquery.Range.End),
    };

    private JsonObject Duration(DurationExpr duration)
    {
        bool isFunction = duration.Operator is "step" or "range" or "min_of" or "max_of";
        bool isSign = !isFunction && duration.Left is null;
        return new JsonObject
        {
            ["_type"] = "DurationExpr",
            ["Op"] = isFunction ? duration.Operator.ToUpperInvariant() : Operator(duration.Operator),
            ["LHS"] = duration.Left is null ? null : Write(duration.Left),
            ["RHS"] = duration.Right is null ? null : Write(duration.Right),
            ["Wrapped"] = duration.IsWrapped,
            ["StartPos"] = isFunction || isSign ? At(duration.Range.Start) : 0,
            ["EndPos"] = isFunction || (isSign && duration is { IsWrapped: true, Operator: "+" } or { Right: DurationExpr { Operator: "min_of" or "max_of" } }) ? At(duration.Range.End) : 0,
        };
    }

    private static JsonObject Matching(VectorMatching matching) => new()
    {
        ["_type"] = "VectorMatching",
        ["Card"] = "Card" + matching.Cardinality,
        ["MatchingLabels"] = Texts(matching.Labels),
        ["On"] = matching.On,
        ["Include"] = Texts(matching.Include),
        ["FillValues"] = matching.FillLeft is null && matching.FillRight is null
            ? null : new JsonObject { ["LHS"] = matching.FillLeft, ["RHS"] = matching.FillRight },
    };

    private static JsonObject Matcher(LabelMatcher matcher) => new()
    {
        ["op"] = matcher.Kind switch { MatchKind.Equal => "=", MatchKind.NotEqual => "!=", MatchKind.Regex => "=~", _ => "!~" },
        ["name"] = matcher.Label,
        ["value"] = matcher.Value,
    };

    private static string StartOrEnd(TimeModifier time) => time.AtStart ? "START" : time.AtEnd ? "END" : "";

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode?)JsonValue.Create(text))]);

    private static string Operator(string symbol) => symbol switch
    {
        "+" => "ADD",
        "-" => "SUB",
        "*" => "MUL",
        "/" => "DIV",
        "%" => "MOD",
        "^" => "POW",
        "==" => "EQLC",
        "!=" => "NEQ",
        ">" => "GTR",
        "<" => "LSS",
        ">=" => "GTE",
        "<=" => "LTE",
        "</" => "TRIM_UPPER",
        ">/" => "TRIM_LOWER",
        "and" => "LAND",
        "or" => "LOR",
        "unless" => "LUNLESS",
        _ => symbol.ToUpperInvariant(),
    };

    private JsonObject Range(Expr expression) => new()
    {
        ["_type"] = "posrange.PositionRange",
        ["Start"] = At(expression.Range.Start),
        ["End"] = At(expression.Range.End),
    };

    /// <summary>Positions are counted in bytes.</summary>
    public int At(int position) => Encoding.UTF8.GetByteCount(text.AsSpan(0, Math.Clamp(position, 0, text.Length)));
}
