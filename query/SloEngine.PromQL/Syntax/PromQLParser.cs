using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Syntax;

/// <summary>Parses PromQL (prometheus.io/docs/prometheus/latest/querying/basics) by precedence climbing.</summary>
public sealed class PromQLParser
{
    private const int MaxDepth = 200;

    private static readonly Dictionary<string, int> Precedence = new(StringComparer.Ordinal)
    {
        ["or"] = 1,
        ["and"] = 2,
        ["unless"] = 2,
        ["=="] = 3,
        ["!="] = 3,
        ["<="] = 3,
        ["<"] = 3,
        [">="] = 3,
        [">"] = 3,
        ["+"] = 4,
        ["-"] = 4,
        ["*"] = 5,
        ["/"] = 5,
        ["%"] = 5,
        ["atan2"] = 5,
        ["^"] = 6,
    };

    private static readonly HashSet<string> Aggregations =
        ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"];

    private readonly string _text;
    private readonly List<Token> _tokens;
    private int _next;
    private int _depth;

    private PromQLParser(string text) => (_text, _tokens) = (text, Lexer.Tokenize(text));

    /// <summary>Parses an expression.</summary>
    /// <exception cref="PromQLParseException">The text is no PromQL.</exception>
    public static Expr Parse(string text)
    {
        var parser = new PromQLParser(text);
        if (parser.Peek.Kind == TokenKind.End)
        {
            throw new PromQLParseException("no expression found in input", 0, text);
        }
        Expr expression = parser.Expression(0);
        if (parser.Peek.Kind != TokenKind.End)
        {
            throw parser.Unexpected("");
        }
        return expression;
    }

    /// <summary>Parses a selector, as <c>match[]</c> parameters hold it.</summary>
    /// <exception cref="PromQLParseException">The text is no selector.</exception>
    public static VectorSelector ParseSelector(string text) =>
        Parse(text) as VectorSelector ?? throw new PromQLParseException("expected a series selector", 0, text);

    /// <summary>Parses a duration such as 5m or 1h30m into milliseconds.</summary>
    public static bool TryParseDuration(string text, out long milliseconds) => Lexer.TryDuration(text, out milliseconds);

    private Token Peek => _tokens[_next];

    /// <summary>The next token, consumed; the end stays.</summary>
    private Token Take() => Peek.Kind == TokenKind.End ? Peek : _tokens[_next++];

    private Expr Expression(int least)
    {
        if (++_depth > MaxDepth)
        {
            throw new PromQLParseException($"the expression is nested deeper than {MaxDepth}", Peek.Position, _text);
        }
        Expr left = Unary();
        while (Operator() is { } operation && Precedence[operation] > least)
        {
            int position = Peek.Position;
            _next++;
            bool returnBool = TryKeyword("bool");
            VectorMatching matching = Matching(operation);
            // ^ binds to the right.
            Expr right = Expression(operation == "^" ? Precedence[operation] - 1 : Precedence[operation]);
            left = Check(new Binary(operation, left, right, returnBool, matching), position);
        }
        _depth--;
        return left;
    }

    private string? Operator()
    {
        Token token = Peek;
        string name = token.Kind == TokenKind.Identifier ? token.Text.ToLowerInvariant() : token.Text;
        return token.Kind is TokenKind.Symbol or TokenKind.Identifier && Precedence.ContainsKey(name) ? name : null;
    }

    private Binary Check(Binary binary, int position)
    {
        bool set = binary.Operator is "and" or "or" or "unless";
        bool comparison = Precedence[binary.Operator] == 3;
        foreach (Expr side in (Expr[])[binary.Left, binary.Right])
        {
            if (side.Type is not (ExprType.Scalar or ExprType.InstantVector))
            {
                throw new PromQLParseException("binary expression must contain only scalar and instant vector types", position, _text);
            }
        }
        bool scalars = binary.Left.Type == ExprType.Scalar || binary.Right.Type == ExprType.Scalar;
        string? wrong = binary.ReturnBool && !comparison ? "bool modifier can only be used on comparison operators"
            : comparison && !binary.ReturnBool && binary.Type == ExprType.Scalar ? "comparisons between scalars must use BOOL modifier"
            : set && scalars ? $"set operator \"{binary.Operator}\" not allowed in binary scalar expression"
            : set && binary.Matching.Group != 0 ? $"no grouping allowed for \"{binary.Operator}\" operation"
            : scalars && (binary.Matching.Group != 0 || binary.Matching.Labels.Count > 0 || binary.Matching.On) ? "vector matching only allowed between instant vectors"
            : null;
        return wrong is null ? binary : throw new PromQLParseException(wrong, position, _text);
    }

    private VectorMatching Matching(string operation)
    {
        bool on = false;
        IReadOnlyList<string> labels = [];
        IReadOnlyList<string> include = [];
        int group = 0;
        if (IsKeyword("on") || IsKeyword("ignoring"))
        {
            on = TryKeyword("on");
            if (!on)
            {
                _next++;
            }
            labels = LabelNames();
            if (IsKeyword("group_left") || IsKeyword("group_right"))
            {
                group = TryKeyword("group_left") ? -1 : 1;
                if (group == 1)
                {
                    _next++;
                }
                include = IsSymbol("(") ? LabelNames() : [];
            }
        }
        return new VectorMatching(on, labels, group, include);
    }

    private Expr Unary()
    {
        if (IsSymbol("-") || IsSymbol("+"))
        {
            Token sign = Take();
            // A sign binds less than ^ and more than *.
            Expr inner = Expression(Precedence["*"]);
            if (inner.Type is not (ExprType.Scalar or ExprType.InstantVector))
            {
                throw new PromQLParseException("unary expression only allowed on expressions of type scalar or instant vector", sign.Position, _text);
            }
            return sign.Text == "+" ? inner : inner is NumberLiteral number ? new NumberLiteral(-number.Value) : new Negation(inner);
        }
        return Postfix(Primary());
    }

    private Expr Primary()
    {
        Token token = Peek;
        switch (token.Kind)
        {
            case TokenKind.Number:
                _next++;
                return new NumberLiteral(token.Value);
            case TokenKind.Duration:
                _next++;
                return new NumberLiteral(token.Value / 1000);
            case TokenKind.Text:
                _next++;
                return new StringLiteral(token.Text);
            case TokenKind.Symbol when token.Text == "(":
                _next++;
                Expr inner = Expression(0);
                Expect(")");
                return inner;
            case TokenKind.Symbol when token.Text == "{":
                return new VectorSelector(Matchers(null, token.Position), new TimeModifier());
            case TokenKind.Identifier:
                return Named(token);
            default:
                throw Unexpected("");
        }
    }

    private Expr Named(Token token)
    {
        string lower = token.Text.ToLowerInvariant();
        bool opens = _tokens[_next + 1] is { Kind: TokenKind.Symbol, Text: "(" };
        bool groups = _tokens[_next + 1] is { Kind: TokenKind.Identifier } after && after.Text.ToLowerInvariant() is "by" or "without";
        if (Aggregations.Contains(lower) && (opens || groups))
        {
            _next++;
            return Aggregate(lower, token.Position);
        }
        if (lower is "nan" or "inf" && !opens)
        {
            _next++;
            return new NumberLiteral(lower == "nan" ? double.NaN : double.PositiveInfinity);
        }
        if (opens)
        {
            _next++;
            return Function(token);
        }
        if (Precedence.ContainsKey(lower) || lower is "by" or "without" or "on" or "ignoring" or "group_left" or "group_right" or "offset" or "bool")
        {
            throw Unexpected("");
        }
        _next++;
        return new VectorSelector(
            IsSymbol("{") ? Matchers(token.Text, token.Position) : [new LabelMatcher(Labels.MetricName, MatchKind.Equal, token.Text)], new TimeModifier());
    }

    private Call Function(Token name)
    {
        if (!Functions.All.TryGetValue(name.Text, out FunctionSignature? signature))
        {
            throw new PromQLParseException($"unknown function with name \"{name.Text}\"", name.Position, _text);
        }
        List<Expr> arguments = Arguments();
        int most = signature.Arguments.Length;
        int least = most - Math.Abs(signature.Optional);
        if (arguments.Count < least || (arguments.Count > most && signature.Optional >= 0))
        {
            string expected = signature.Optional == 0 ? $"{most}" : $"at least {least}";
            throw new PromQLParseException($"expected {expected} argument(s) in call to \"{name.Text}\", got {arguments.Count}", name.Position, _text);
        }
        for (int index = 0; index < arguments.Count; index++)
        {
            ExpectType(arguments[index], signature.Arguments[Math.Min(index, most - 1)], $"call to function \"{name.Text}\"", name.Position);
        }
        return new Call(name.Text, arguments);
    }

    private Aggregation Aggregate(string operation, int position)
    {
        IReadOnlyList<string> grouping = [];
        bool without = false;
        bool given = TryGrouping(ref grouping, ref without);
        List<Expr> arguments = Arguments();
        if (!given)
        {
            TryGrouping(ref grouping, ref without);
        }
        bool needsParameter = operation is "topk" or "bottomk" or "quantile" or "count_values";
        int expected = needsParameter ? 2 : 1;
        if (arguments.Count != expected)
        {
            throw new PromQLParseException($"wrong number of arguments for aggregate expression provided, expected {expected}, got {arguments.Count}", position, _text);
        }
        Expr? parameter = needsParameter ? arguments[0] : null;
        if (parameter is not null)
        {
            ExpectType(parameter, operation == "count_values" ? ExprType.String : ExprType.Scalar, "aggregation parameter", position);
        }
        ExpectType(arguments[^1], ExprType.InstantVector, "aggregation expression", position);
        return new Aggregation(operation, arguments[^1], parameter, grouping, without);
    }

    private bool TryGrouping(ref IReadOnlyList<string> grouping, ref bool without)
    {
        if (!IsKeyword("by") && !IsKeyword("without"))
        {
            return false;
        }
        without = Take().Text.Equals("without", StringComparison.OrdinalIgnoreCase);
        grouping = LabelNames();
        return true;
    }

    private List<Expr> Arguments()
    {
        Expect("(");
        var arguments = new List<Expr>();
        while (!IsSymbol(")"))
        {
            arguments.Add(Expression(0));
            if (!IsSymbol(")"))
            {
                Expect(",");
            }
        }
        _next++;
        return arguments;
    }

    private List<string> LabelNames()
    {
        Expect("(");
        var names = new List<string>();
        while (!IsSymbol(")"))
        {
            Token name = Take();
            if (name.Kind is not (TokenKind.Identifier or TokenKind.Text))
            {
                throw Unexpected("grouping opts", back: 1);
            }
            names.Add(name.Text);
            if (!IsSymbol(")"))
            {
                Expect(",");
            }
        }
        _next++;
        return names;
    }

    private List<LabelMatcher> Matchers(string? name, int position)
    {
        Expect("{");
        var matchers = new List<LabelMatcher>();
        while (!IsSymbol("}"))
        {
            Token label = Take();
            if (label.Kind is not (TokenKind.Identifier or TokenKind.Text))
            {
                throw Unexpected("label matching", back: 1);
            }
            if (label.Kind == TokenKind.Text && (IsSymbol(",") || IsSymbol("}")))
            {
                // A quoted metric name: {"a.b"}.
                name = name is null ? label.Text : throw new PromQLParseException($"metric name must not be set twice: \"{name}\" or \"{label.Text}\"", label.Position, _text);
            }
            else
            {
                matchers.Add(Matcher(label));
            }
            if (!IsSymbol("}"))
            {
                Expect(",");
            }
        }
        _next++;
        if (name is not null)
        {
            if (matchers.Exists(matcher => matcher.Label == Labels.MetricName))
            {
                throw new PromQLParseException($"metric name must not be set twice: \"{name}\"", position, _text);
            }
            matchers.Insert(0, new LabelMatcher(Labels.MetricName, MatchKind.Equal, name));
        }
        if (matchers.TrueForAll(MatchesEmpty))
        {
            throw new PromQLParseException("vector selector must contain at least one non-empty matcher", position, _text);
        }
        return matchers;
    }

    private LabelMatcher Matcher(Token label)
    {
        Token comparison = Take();
        MatchKind kind = comparison is { Kind: TokenKind.Symbol } ? comparison.Text switch
        {
            "=" => MatchKind.Equal,
            "!=" => MatchKind.NotEqual,
            "=~" => MatchKind.Regex,
            "!~" => MatchKind.NotRegex,
            _ => throw Unexpected("label matching", back: 1),
        }
        : throw Unexpected("label matching", back: 1);
        Token value = Take();
        if (value.Kind != TokenKind.Text)
        {
            throw Unexpected("label matching, expected string", back: 1);
        }
        var matcher = new LabelMatcher(label.Text, kind, value.Text);
        try
        {
            _ = LabelPattern.Of(matcher);
        }
        catch (ArgumentException bad)
        {
            throw new PromQLParseException($"error parsing regexp: {bad.Message}", value.Position, _text);
        }
        return matcher;
    }

    private static bool MatchesEmpty(LabelMatcher matcher) => LabelPattern.Of(matcher).Matches("");

    private Expr Postfix(Expr expression)
    {
        while (true)
        {
            if (IsSymbol("["))
            {
                expression = Range(expression);
            }
            else if (IsKeyword("offset"))
            {
                int position = Take().Position;
                bool negative = IsSymbol("-");
                if (negative || IsSymbol("+"))
                {
                    _next++;
                }
                long offset = Duration("offset");
                expression = WithTime(expression, time => time with { OffsetMs = negative ? -offset : offset }, "offset", position);
            }
            else if (IsSymbol("@"))
            {
                int position = Take().Position;
                expression = At(expression, position);
            }
            else
            {
                return expression;
            }
        }
    }

    private Expr Range(Expr expression)
    {
        int position = Take().Position;
        long range = Duration("range");
        if (range <= 0)
        {
            throw new PromQLParseException("duration must be greater than 0", position, _text);
        }
        if (IsSymbol(":"))
        {
            _next++;
            long step = IsSymbol("]") ? 0 : Duration("subquery step");
            Expect("]");
            return expression.Type == ExprType.InstantVector || expression.Type == ExprType.Scalar
                ? new Subquery(expression, range, step, new TimeModifier())
                : throw new PromQLParseException($"subquery is only allowed on instant vector, got {Name(expression.Type)} instead", position, _text);
        }
        Expect("]");
        return expression is VectorSelector selector
            ? selector.Time == new TimeModifier() ? new MatrixSelector(selector, range) : throw new PromQLParseException("no offset modifiers allowed before range", position, _text)
            : throw new PromQLParseException("ranges only allowed for vector selectors", position, _text);
    }

    private Expr At(Expr expression, int position)
    {
        if (Peek.Kind == TokenKind.Identifier && Peek.Text is "start" or "end")
        {
            bool start = Take().Text == "start";
            Expect("(");
            Expect(")");
            return WithTime(expression, time => time with { AtStart = start, AtEnd = !start }, "@", position);
        }
        bool negative = IsSymbol("-");
        if (negative || IsSymbol("+"))
        {
            _next++;
        }
        Token number = Take();
        if (number.Kind != TokenKind.Number || !double.IsFinite(number.Value))
        {
            throw Unexpected("@, expected timestamp", back: 1);
        }
        long at = (long)Math.Round(number.Value * 1000) * (negative ? -1 : 1);
        return WithTime(expression, time => time with { AtMs = at }, "@", position);
    }

    private Expr WithTime(Expr expression, Func<TimeModifier, TimeModifier> change, string modifier, int position) => expression switch
    {
        VectorSelector selector => selector with { Time = change(selector.Time) },
        MatrixSelector matrix => matrix with { Vector = matrix.Vector with { Time = change(matrix.Vector.Time) } },
        Subquery subquery => subquery with { Time = change(subquery.Time) },
        _ => throw new PromQLParseException($"{modifier} modifier must be preceded by an instant vector selector or range vector selector or a subquery", position, _text),
    };

    private long Duration(string context)
    {
        Token token = Take();
        return token.Kind switch
        {
            TokenKind.Duration => (long)token.Value,
            TokenKind.Number => (long)(token.Value * 1000),
            _ => throw Unexpected($"{context}, expected duration", back: 1),
        };
    }

    private void ExpectType(Expr expression, ExprType expected, string context, int position)
    {
        if (expression.Type != expected)
        {
            throw new PromQLParseException($"expected type {Name(expected)} in {context}, got {Name(expression.Type)}", position, _text);
        }
    }

    private static string Name(ExprType type) => type switch
    {
        ExprType.Scalar => "scalar",
        ExprType.String => "string",
        ExprType.InstantVector => "instant vector",
        _ => "range vector",
    };

    private bool IsSymbol(string symbol) => Peek.Kind == TokenKind.Symbol && Peek.Text == symbol;

    private bool IsKeyword(string keyword) => Peek.Kind == TokenKind.Identifier && Peek.Text.Equals(keyword, StringComparison.OrdinalIgnoreCase);

    private bool TryKeyword(string keyword)
    {
        if (!IsKeyword(keyword))
        {
            return false;
        }
        _next++;
        return true;
    }

    private void Expect(string symbol)
    {
        if (!IsSymbol(symbol))
        {
            throw Unexpected($"expected \"{symbol}\"");
        }
        _next++;
    }

    private PromQLParseException Unexpected(string context, int back = 0)
    {
        Token token = Peek.Kind == TokenKind.End ? Peek : _tokens[_next - back];
        string what = token.Kind == TokenKind.End ? "end of input" : $"\"{token.Text}\"";
        return new PromQLParseException($"unexpected {what}{(context.Length > 0 ? " in " + context : "")}", token.Position, _text);
    }
}
