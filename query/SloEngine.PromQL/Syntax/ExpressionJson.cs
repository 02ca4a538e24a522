using System.Text.Json;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Expressions in the JSON of Prometheus' <c>parse_query</c>. Durations and times are milliseconds there.</summary>
public static class ExpressionJson
{
    /// <summary>Writes a tree as an object.</summary>
    public static void Write(Utf8JsonWriter json, Expr expression)
    {
        json.WriteStartObject();
        switch (expression)
        {
            case NumberLiteral number:
                json.WriteString("type", "numberLiteral");
                json.WriteString("val", NumberText.Plain(number.Value));
                break;
            case StringLiteral text:
                json.WriteString("type", "stringLiteral");
                json.WriteString("val", text.Value);
                break;
            case Parentheses parentheses:
                json.WriteString("type", "parenExpr");
                Child(json, "expr", parentheses.Inner);
                break;
            case Unary unary:
                json.WriteString("type", "unaryExpr");
                json.WriteString("op", unary.Operator);
                Child(json, "expr", unary.Inner);
                break;
            case VectorSelector selector:
                json.WriteString("type", "vectorSelector");
                Selector(json, selector);
                break;
            case MatrixSelector matrix:
                json.WriteString("type", "matrixSelector");
                Selector(json, matrix.Vector);
                json.WriteNumber("range", matrix.RangeMs);
                break;
            case Subquery subquery:
                json.WriteString("type", "subquery");
                Child(json, "expr", subquery.Inner);
                json.WriteNumber("range", subquery.RangeMs);
                json.WriteNumber("step", subquery.StepMs);
                Time(json, subquery.Time);
                break;
            case Call call:
                Function(json, call);
                break;
            case Aggregation aggregation:
                json.WriteString("type", "aggregation");
                json.WriteString("op", aggregation.Operator);
                Child(json, "expr", aggregation.Inner);
                Child(json, "param", aggregation.Parameter);
                Texts(json, "grouping", aggregation.Grouping);
                json.WriteBoolean("without", aggregation.Without);
                break;
            case Binary binary:
                json.WriteString("type", "binaryExpr");
                json.WriteString("op", binary.Operator);
                Child(json, "lhs", binary.Left);
                Child(json, "rhs", binary.Right);
                Matching(json, binary.Matching);
                json.WriteBoolean("bool", binary.ReturnBool);
                break;
            default:
                throw new ArgumentException($"{expression.GetType().Name} is no part of a query on its own", nameof(expression));
        }
        json.WriteEndObject();
    }

    private static void Child(Utf8JsonWriter json, string name, Expr? child)
    {
        json.WritePropertyName(name);
        if (child is null)
        {
            json.WriteNullValue();
            return;
        }
        Write(json, child);
    }

    private static void Selector(Utf8JsonWriter json, VectorSelector selector)
    {
        json.WriteString("name", selector.Name);
        json.WriteStartArray("matchers");
        foreach (LabelMatcher matcher in selector.Matchers)
        {
            json.WriteStartObject();
            json.WriteString("name", matcher.Label);
            json.WriteString("value", matcher.Value);
            json.WriteString("type", matcher.Kind switch { MatchKind.Equal => "=", MatchKind.NotEqual => "!=", MatchKind.Regex => "=~", _ => "!~" });
            json.WriteEndObject();
        }
        json.WriteEndArray();
        Time(json, selector.Time);
    }

    private static void Time(Utf8JsonWriter json, TimeModifier time)
    {
        json.WriteNumber("offset", time.OffsetMs);
        json.WritePropertyName("timestamp");
        if (time.AtMs is { } at)
        {
            json.WriteNumberValue(at);
        }
        else
        {
            json.WriteNullValue();
        }
        json.WriteString("startOrEnd", time.AtStart ? "start" : time.AtEnd ? "end" : null);
    }

    private static void Function(Utf8JsonWriter json, Call call)
    {
        FunctionSignature signature = Functions.All[call.Function];
        json.WriteString("type", "call");
        json.WriteStartObject("func");
        json.WriteString("name", call.Function);
        Texts(json, "argTypes", signature.Arguments.Select(Name));
        json.WriteNumber("variadic", signature.Variadic);
        json.WriteString("returnType", Name(signature.Result));
        json.WriteEndObject();
        json.WriteStartArray("args");
        foreach (Expr argument in call.Arguments)
        {
            Write(json, argument);
        }
        json.WriteEndArray();
    }

    private static void Matching(Utf8JsonWriter json, VectorMatching? matching)
    {
        if (matching is null)
        {
            json.WriteNull("matching");
            return;
        }
        json.WriteStartObject("matching");
        json.WriteString("card", matching.Cardinality switch
        {
            MatchCardinality.OneToOne => "one-to-one",
            MatchCardinality.ManyToOne => "many-to-one",
            MatchCardinality.OneToMany => "one-to-many",
            _ => "many-to-many",
        });
        Texts(json, "labels", matching.Labels);
        json.WriteBoolean("on", matching.On);
        Texts(json, "include", matching.Include);
        json.WriteEndObject();
    }

    private static void Texts(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }
        json.WriteEndArray();
    }

    private static string Name(ExprType type) => type switch
    {
        ExprType.Scalar => "scalar",
        ExprType.String => "string",
        ExprType.InstantVector => "vector",
        _ => "matrix",
    };
}
