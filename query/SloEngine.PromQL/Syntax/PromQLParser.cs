using System.Globalization;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Syntax;

/// <summary>
/// Parses PromQL (prometheus.io/docs/prometheus/latest/querying/basics) by precedence climbing. Errors have the texts and places of
/// Prometheus; where several are found, types are only checked if the syntax is right.
/// </summary>
public sealed partial class PromQLParser
{
    private const int MaxDepth = 300;
    private const int MaxOperators = 1000;
    private const int SignPrecedence = 5;
    private const int PowerPrecedence = 6;

    private static readonly ParserOptions Defaults = new();

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
        ["</"] = 3,
        [">/"] = 3,
        ["+"] = 4,
        ["-"] = 4,
        ["*"] = SignPrecedence,
        ["/"] = SignPrecedence,
        ["%"] = SignPrecedence,
        ["atan2"] = SignPrecedence,
        ["^"] = PowerPrecedence,
    };

    private readonly string _text;
    private readonly ParserOptions _options;
    private readonly List<Token> _tokens;
    private readonly List<ParseError> _errors = [];
    private readonly TypeChecker _types;
    /// <summary>What messages about an unexpected token add: the construct that the parser is in.</summary>
    private string _context = "";
    private int _next;
    private int _depth;
    private int _operators;

    private PromQLParser(string text, ParserOptions options)
    {
        (_text, _options, _tokens) = (text, options, Lexer.Tokenize(text));
        _types = new TypeChecker(text);
    }

    /// <summary>Parses an expression.</summary>
    /// <exception cref="PromQLParseException">The text is no PromQL.</exception>
    public static Expr Parse(string text) => Parse(text, Defaults);

    /// <summary>Parses an expression.</summary>
    /// <param name="text">Text.</param>
    /// <param name="options">What is allowed.</param>
    /// <exception cref="PromQLParseException">The text is no PromQL.</exception>
    public static Expr Parse(string text, ParserOptions options)
    {
        var parser = new PromQLParser(text, options);
        try
        {
            if (parser.Peek.Kind == TokenKind.End)
            {
                throw new PromQLParseException("no expression found in input", 0, text);
            }
            Expr expression = parser.Expression(0);
            if (parser.Peek.Kind != TokenKind.End)
            {
                throw parser.Unexpected();
            }
            return parser.Finish(expression);
        }
        catch (SyntaxFailure)
        {
            throw new PromQLParseException(parser._errors, text);
        }
    }

    /// <summary>Parses a selector, as <c>match[]</c> parameters hold it.</summary>
    /// <exception cref="PromQLParseException">The text is no selector.</exception>
    public static VectorSelector ParseSelector(string text) =>
        Parse(text) as VectorSelector ?? throw new PromQLParseException("expected a series selector", 0, text);

    /// <summary>Parses the labels of a series, as exposition formats and tests hold them.</summary>
    /// <exception cref="PromQLParseException">The text is no series.</exception>
    public static Labels ParseMetric(string text)
    {
        var parser = new PromQLParser(text, Defaults);
        try
        {
            Labels labels = parser.Metric();
            return parser.Peek.Kind == TokenKind.End ? labels : throw parser.Unexpected();
        }
        catch (SyntaxFailure)
        {
            throw new PromQLParseException(parser._errors, text);
        }
    }

    /// <summary>Parses a duration such as 5m or 1h30m into milliseconds.</summary>
    public static bool TryParseDuration(string text, out long milliseconds) => Duration.TryParse(text, out milliseconds, out _);

    private Expr Finish(Expr expression)
    {
        List<ParseError> errors = _errors.Count > 0 ? _errors : _types.Errors;
        return errors.Count == 0 ? expression : throw new PromQLParseException(errors, _text);
    }

    private Token Peek => _tokens[_next];

    private Token Ahead => _tokens[Math.Min(_next + 1, _tokens.Count - 1)];

    /// <summary>The next token, consumed; the end stays.</summary>
    private Token Take() => Peek.Kind is TokenKind.End or TokenKind.Error ? Peek : _tokens[_next++];

    private Expr Expression(int least)
    {
        if (++_depth > MaxDepth)
        {
            throw Fail(string.Create(CultureInfo.InvariantCulture, $"the expression is nested deeper than {MaxDepth}"), Peek.Range);
        }
        Expr left = Prefixed();
        while (Peek.Kind == TokenKind.Operator && Precedence.TryGetValue(Peek.Name, out int precedence) && precedence > least)
        {
            CountOperator();
            string operation = Take().Name;
            (bool returnBool, VectorMatching matching) = Modifiers();
            // ^ binds to the right.
            Expr right = Expression(precedence == PowerPrecedence ? precedence - 1 : precedence);
            var range = new SourceRange(left.Range.Start, right.Range.End);
            if (!_options.FillModifiers && (matching.FillLeft ?? matching.FillRight) is not null)
            {
                Add("binop fill modifiers are experimental and not enabled", range);
            }
            left = _types.Check(new Binary(operation, left, right, returnBool, matching) { Range = range });
        }
        _depth--;
        return left;
    }

    /// <summary>Trees lean to the left as far as there are operators: those who walk them must not run out of stack.</summary>
    private void CountOperator()
    {
        if (++_operators > MaxOperators)
        {
            throw Fail(string.Create(CultureInfo.InvariantCulture, $"the expression has more than {MaxOperators} operators"), Peek.Range);
        }
    }

    private Expr Prefixed()
    {
        if (!IsOperator("-") && !IsOperator("+"))
        {
            return Postfixed(Primary());
        }
        if (++_depth > MaxDepth)
        {
            throw Fail(string.Create(CultureInfo.InvariantCulture, $"the expression is nested deeper than {MaxDepth}"), Peek.Range);
        }
        Token sign = Take();
        // A sign binds less than ^ and as much as *.
        Expr inner = Expression(SignPrecedence);
        _depth--;
        var range = new SourceRange(sign.Range.Start, inner.Range.End);
        return inner is NumberLiteral number
            ? number with { Value = sign.Source == "-" ? -number.Value : number.Value, Range = range }
            : _types.Check(new Unary(sign.Source, inner) { Range = range });
    }

    private (bool ReturnBool, VectorMatching Matching) Modifiers()
    {
        bool returnBool = TryKeyword("bool");
        bool on = false;
        IReadOnlyList<string> labels = [];
        IReadOnlyList<string> include = [];
        var cardinality = MatchCardinality.OneToOne;
        if (IsKeyword("on") || IsKeyword("ignoring"))
        {
            on = Take().Name == "on";
            labels = LabelNames();
            if (IsKeyword("group_left") || IsKeyword("group_right"))
            {
                cardinality = Take().Name == "group_left" ? MatchCardinality.ManyToOne : MatchCardinality.OneToMany;
                include = IsSymbol("(") ? LabelNames() : [];
            }
        }
        return (returnBool, Fill(new VectorMatching(on, labels, cardinality, include)));
    }

    private VectorMatching Fill(VectorMatching matching)
    {
        if (TryKeyword("fill"))
        {
            double both = FillValue();
            return matching with { FillLeft = both, FillRight = both };
        }
        if (TryKeyword("fill_left"))
        {
            matching = matching with { FillLeft = FillValue() };
            return TryKeyword("fill_right") ? matching with { FillRight = FillValue() } : matching;
        }
        if (TryKeyword("fill_right"))
        {
            matching = matching with { FillRight = FillValue() };
            return TryKeyword("fill_left") ? matching with { FillLeft = FillValue() } : matching;
        }
        return matching;
    }

    private double FillValue()
    {
        Expect("(");
        bool negative = IsOperator("-");
        if (negative || IsOperator("+"))
        {
            Take();
        }
        if (Peek.Kind is not (TokenKind.Number or TokenKind.Duration))
        {
            throw Unexpected();
        }
        double value = Literal().Value;
        Expect(")");
        return negative ? -value : value;
    }

    private Expr Primary()
    {
        Token token = Peek;
        switch (token.Kind)
        {
            case TokenKind.Number or TokenKind.Duration:
                return Literal();
            case TokenKind.Text:
                Take();
                return new StringLiteral(TextLiteral.ReadBytes(token.Source)) { Range = token.Range };
            case TokenKind.Symbol when token.Source == "(":
                Take();
                Expr inner = Expression(0);
                Token closing = Expect(")");
                return new Parentheses(inner) { Range = new SourceRange(token.Range.Start, closing.Range.End) };
            case TokenKind.Symbol when token.Source == "{":
                return Selector("", token.Range);
            case TokenKind.Identifier or TokenKind.Preprocessor when Ahead is { Kind: TokenKind.Symbol, Source: "(" }:
                Take();
                return Function(token);
            case TokenKind.Aggregator when Ahead is { Kind: TokenKind.Symbol, Source: "(" } || (Ahead.Kind == TokenKind.Keyword && Ahead.Name is "by" or "without"):
                Take();
                return Aggregate(token);
            default:
                if (!IsMetricName(token))
                {
                    throw Unexpected();
                }
                Take();
                return Selector(token.Source, token.Range);
        }
    }

    /// <summary>Whether a token may be a metric's name: most keywords may.</summary>
    private static bool IsMetricName(Token token) => token.Kind switch
    {
        TokenKind.Identifier or TokenKind.MetricIdentifier or TokenKind.Aggregator or TokenKind.Preprocessor => true,
        TokenKind.Operator => token.Name is "and" or "or" or "unless",
        TokenKind.Keyword => token.Name is "by" or "offset" or "without" or "anchored" or "smoothed" or "fill" or "fill_left" or "fill_right",
        _ => false,
    };

    private NumberLiteral Literal()
    {
        Token token = Take();
        if (token.Kind == TokenKind.Number)
        {
            if (!NumberLiteralText.TryParse(token.Source, out double value))
            {
                Add($"error parsing number: strconv.ParseFloat: parsing \"{token.Source}\": {NumberLiteralText.Problem(token.Source)}", token.Range);
            }
            return new NumberLiteral(value) { Range = token.Range };
        }
        if (!Duration.TryParse(token.Source, out long milliseconds, out string? wrong))
        {
            Add(wrong!, token.Range);
        }
        return new NumberLiteral(milliseconds / 1000d, IsDuration: true) { Range = token.Range };
    }

    private bool IsSymbol(string symbol) => Peek.Kind == TokenKind.Symbol && Peek.Source == symbol;

    private bool IsOperator(string symbol) => Peek.Kind == TokenKind.Operator && Peek.Source == symbol;

    private bool IsKeyword(string keyword) => Peek.Kind == TokenKind.Keyword && Peek.Name == keyword;

    private bool TryKeyword(string keyword)
    {
        if (!IsKeyword(keyword))
        {
            return false;
        }
        Take();
        return true;
    }

    private Token Expect(string symbol) => IsSymbol(symbol) ? Take() : throw Unexpected();

    private void Add(string message, SourceRange range) => _errors.Add(new ParseError(message, range));

    private SyntaxFailure Fail(string message, SourceRange range)
    {
        Add(message, range);
        return new SyntaxFailure();
    }

    private SyntaxFailure Unexpected() => Unexpected(_context);

    private SyntaxFailure Unexpected(string context, string expected) => Unexpected($" in {context}, expected {expected}");

    private SyntaxFailure Unexpected(string context)
    {
        Token token = Peek;
        if (token.Kind == TokenKind.Error)
        {
            Add(token.Source, token.Range);
        }
        else
        {
            Add($"unexpected {token.Describe()}{context}", token.Range);
        }
        return new SyntaxFailure();
    }

    /// <summary>Syntax that cannot be read on from; the error is noted.</summary>
    private sealed class SyntaxFailure : Exception;
}
