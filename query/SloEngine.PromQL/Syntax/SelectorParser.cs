using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Selectors: label matchers, grouping labels, and what follows a selector.</summary>
public sealed partial class PromQLParser
{
    private const string DurationExpected = "number, duration, step(), or range()";

    private VectorSelector Selector(string name, SourceRange start)
    {
        var matchers = new List<LabelMatcher>();
        SourceRange range = start;
        if (IsSymbol("{"))
        {
            Take();
            Matchers(matchers);
            range = new SourceRange(start.Start, Take().Range.End);
        }
        if (name.Length > 0)
        {
            matchers.Add(new LabelMatcher(Labels.MetricName, MatchKind.Equal, name));
        }
        return _types.Check(new VectorSelector(name, matchers, TimeModifier.None) { Range = range });
    }

    private void Matchers(List<LabelMatcher> matchers)
    {
        while (!IsSymbol("}"))
        {
            Token label = Peek;
            if (label.Kind is not (TokenKind.Identifier or TokenKind.Text))
            {
                throw Unexpected("label matching", "identifier or \"}\"");
            }
            Take();
            string name = label.Kind == TokenKind.Text ? TextLiteral.Read(label.Source) : label.Source;
            if (IsMatchOperator(Peek))
            {
                matchers.Add(Matcher(name, label));
            }
            else if (label.Kind == TokenKind.Text)
            {
                // A metric's name in quotes.
                matchers.Add(new LabelMatcher(Labels.MetricName, MatchKind.Equal, name));
            }
            else
            {
                throw Unexpected("label matching", "label matching operator");
            }
            if (IsSymbol(","))
            {
                Take();
            }
            else if (!IsSymbol("}"))
            {
                throw Unexpected("label matching", "\",\" or \"}\"");
            }
        }
    }

    private static bool IsMatchOperator(Token token) => token.Kind is TokenKind.Symbol or TokenKind.Operator && token.Source is "=" or "!=" or "=~" or "!~";

    private LabelMatcher Matcher(string name, Token label)
    {
        MatchKind kind = Take().Source switch
        {
            "=" => MatchKind.Equal,
            "!=" => MatchKind.NotEqual,
            "=~" => MatchKind.Regex,
            _ => MatchKind.NotRegex,
        };
        if (Peek.Kind != TokenKind.Text)
        {
            throw Unexpected("label matching", "string");
        }
        Token value = Take();
        var matcher = new LabelMatcher(name, kind, TextLiteral.Read(value.Source));
        try
        {
            _ = LabelPattern.Of(matcher);
        }
        catch (ArgumentException)
        {
            Add($"error parsing regexp: {Re2.Explain($"^(?s:{matcher.Value})$")}", new SourceRange(label.Range.Start, value.Range.End));
            return new LabelMatcher(name, MatchKind.Equal, matcher.Value);
        }
        return matcher;
    }

    private List<string> LabelNames()
    {
        if (!IsSymbol("("))
        {
            throw Unexpected("grouping opts", "\"(\"");
        }
        Take();
        var names = new List<string>();
        while (!IsSymbol(")"))
        {
            Token token = Peek;
            bool word = token.Kind is TokenKind.Identifier or TokenKind.MetricIdentifier or TokenKind.Aggregator or TokenKind.Preprocessor
                || (token.Kind == TokenKind.Keyword && token.Name != "without")
                || (token.Kind == TokenKind.Operator && char.IsAsciiLetter(token.Source[0]));
            if (!word && token.Kind != TokenKind.Text)
            {
                throw Unexpected("grouping opts", "label");
            }
            Take();
            string name = word ? token.Source : TextLiteral.Read(token.Source);
            if (name.Length == 0)
            {
                Add($"invalid label name for grouping: {QuotedText.Quote(name)}", token.Range);
            }
            names.Add(name);
            if (IsSymbol(","))
            {
                Take();
            }
            else if (!IsSymbol(")"))
            {
                throw Unexpected("grouping opts", "\",\" or \")\"");
            }
        }
        Take();
        return names;
    }

    /// <summary>Labels of a series: a name, and label set.</summary>
    private Labels Metric()
    {
        var pairs = new List<KeyValuePair<string, string>>();
        if (IsMetricName(Peek))
        {
            pairs.Add(new(Labels.MetricName, Take().Source));
        }
        if (!IsSymbol("{"))
        {
            return pairs.Count > 0 || Peek.Kind == TokenKind.End ? Labels.Of(pairs) : throw Unexpected();
        }
        Take();
        while (!IsSymbol("}"))
        {
            Token label = Peek;
            if (label.Kind is not (TokenKind.Identifier or TokenKind.Text))
            {
                throw Unexpected("label set", "identifier or \"}\"");
            }
            Take();
            string name = label.Kind == TokenKind.Text ? TextLiteral.Read(label.Source) : label.Source;
            if (IsSymbol("="))
            {
                Take();
                pairs.Add(Peek.Kind == TokenKind.Text ? new(name, TextLiteral.Read(Take().Source)) : throw Unexpected("label set", "string"));
            }
            else if (label.Kind == TokenKind.Text)
            {
                pairs.Add(new(Labels.MetricName, name));
            }
            else
            {
                throw Unexpected("label set", "\"=\"");
            }
            if (IsSymbol(","))
            {
                Take();
            }
            else if (!IsSymbol("}"))
            {
                throw Unexpected("label set", "\",\" or \"}\"");
            }
        }
        Take();
        return Labels.Of(pairs);
    }

    private Expr Postfixed(Expr expression)
    {
        while (true)
        {
            if (IsSymbol("["))
            {
                expression = Bracket(expression);
            }
            else if (TryKeyword("offset"))
            {
                expression = Offset(expression);
            }
            else if (IsOperator("@"))
            {
                Take();
                expression = At(expression);
            }
            else if (IsKeyword("anchored") || IsKeyword("smoothed"))
            {
                expression = Extend(expression, Take().Name);
            }
            else
            {
                return expression;
            }
        }
    }

    private Expr Bracket(Expr expression)
    {
        Token open = Take();
        string outer = _context;
        _context = $" in subquery or range selector, expected {DurationExpected}";
        Expr range = Positive(DurationExpression(0));
        if (!IsSymbol(":"))
        {
            if (!IsSymbol("]"))
            {
                throw Unexpected("subquery or range", "\":\" or \"]\"");
            }
            _context = outer;
            return Matrix(expression, range, new SourceRange(open.Range.Start, Take().Range.End));
        }
        Take();
        _context = $" in subquery selector, expected {DurationExpected}, or \"]\"";
        Expr? step = IsSymbol("]") ? null : Positive(DurationExpression(0));
        if (!IsSymbol("]"))
        {
            throw Unexpected("subquery selector", "\"]\"");
        }
        _context = outer;
        int end = Take().Range.End;
        return _types.Check(new Subquery(expression, Milliseconds(range), step is null ? 0 : Milliseconds(step), TimeModifier.None)
        {
            RangeExpression = range as DurationExpr,
            StepExpression = step as DurationExpr,
            Range = new SourceRange(expression.Range.Start, end),
        });
    }

    private MatrixSelector Matrix(Expr expression, Expr range, SourceRange brackets)
    {
        var selector = expression as VectorSelector;
        string? wrong = selector is null ? "ranges only allowed for vector selectors"
            : selector.Time.HasOffset ? "no offset modifiers allowed before range"
            : selector.Time.HasAt ? "no @ modifiers allowed before range"
            : null;
        if (wrong is not null)
        {
            Add(wrong, brackets);
        }
        // Something to go on with: the error is noted.
        selector ??= new VectorSelector("", [], TimeModifier.None) { Range = expression.Range };
        return new MatrixSelector(selector, Milliseconds(range))
        {
            RangeExpression = range as DurationExpr,
            Range = new SourceRange(expression.Range.Start, brackets.End),
        };
    }

    private Expr Positive(Expr duration)
    {
        if (duration is NumberLiteral { Value: <= 0 } literal)
        {
            Add("duration must be greater than 0", literal.Range);
        }
        return duration;
    }

    private static long Milliseconds(Expr duration) => duration is NumberLiteral literal ? (long)Math.Round(literal.Value * 1000) : 0;

    private Expr Offset(Expr expression)
    {
        Expr offset = OffsetDuration();
        int end = _tokens[_next - 1].Range.End;
        return WithTime(expression, end, "offset", time =>
        {
            if (time.HasOffset)
            {
                Add("offset may not be set multiple times", expression.Range);
                return time;
            }
            return offset is NumberLiteral ? time with { OffsetMs = Milliseconds(offset) } : time with { OffsetExpression = offset };
        });
    }

    private Expr At(Expr expression)
    {
        TimeModifier at;
        if (Peek.Kind == TokenKind.Preprocessor && Peek.Name is "start" or "end")
        {
            bool start = Take().Name == "start";
            foreach (string symbol in (string[])["(", ")"])
            {
                if (!IsSymbol(symbol))
                {
                    throw Unexpected("@", "timestamp");
                }
                Take();
            }
            at = new TimeModifier(AtStart: start, AtEnd: !start);
        }
        else
        {
            bool negative = IsOperator("-");
            if (negative || IsOperator("+"))
            {
                Take();
            }
            if (Peek.Kind is not (TokenKind.Number or TokenKind.Duration))
            {
                throw Unexpected("@", "timestamp");
            }
            double seconds = Literal().Value * (negative ? -1 : 1);
            if (!(Math.Abs(seconds) < long.MaxValue))
            {
                string shown = double.IsFinite(seconds) ? seconds.ToString("F6", CultureInfo.InvariantCulture) : NumberText.Plain(seconds);
                Add($"timestamp out of bounds for @ modifier: {shown}", expression.Range);
            }
            at = new TimeModifier(AtMs: (long)Math.Round(seconds * 1000, MidpointRounding.AwayFromZero));
        }
        int end = _tokens[_next - 1].Range.End;
        return WithTime(expression, end, "@", time =>
        {
            if (time.HasAt)
            {
                Add("@ <timestamp> may not be set multiple times", expression.Range);
                return time;
            }
            return time with { AtMs = at.AtMs, AtStart = at.AtStart, AtEnd = at.AtEnd };
        });
    }

    private Expr WithTime(Expr expression, int end, string modifier, Func<TimeModifier, TimeModifier> change)
    {
        var range = new SourceRange(expression.Range.Start, end);
        switch (expression)
        {
            case VectorSelector selector:
                return selector with { Time = change(selector.Time), Range = range };
            case MatrixSelector matrix:
                return matrix with { Vector = matrix.Vector with { Time = change(matrix.Vector.Time) }, Range = range };
            case Subquery subquery:
                return subquery with { Time = change(subquery.Time), Range = range };
            default:
                Add($"{modifier} modifier must be preceded by an instant vector selector or range vector selector or a subquery", expression.Range);
                return expression;
        }
    }

    private Expr Extend(Expr expression, string modifier)
    {
        if (!_options.RangeExtensions)
        {
            Add($"{modifier} modifier is experimental and not enabled", expression.Range);
            return expression;
        }
        var extension = modifier == "anchored" ? RangeExtension.Anchored : RangeExtension.Smoothed;
        VectorSelector Extended(VectorSelector selector)
        {
            if (selector.Extension != RangeExtension.None && selector.Extension != extension)
            {
                Add("anchored and smoothed modifiers cannot be used together", expression.Range);
            }
            return selector with { Extension = extension };
        }
        switch (expression)
        {
            case VectorSelector selector:
                return Extended(selector);
            case MatrixSelector matrix:
                return matrix with { Vector = Extended(matrix.Vector) };
            default:
                Add(expression is Subquery ? $"{modifier} modifier is not supported for subqueries" : $"{modifier} modifier not implemented", expression.Range);
                return expression;
        }
    }
}
