using System.Text;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Splits PromQL into tokens. What a character means depends on where it stands: inside braces, brackets, or neither.</summary>
internal sealed partial class Lexer
{
    private static readonly Dictionary<string, TokenKind> Words = Build();

    private static readonly HashSet<string> DurationWords = new(["step", "range", "max_of", "min_of"], StringComparer.Ordinal);

    private readonly string _text;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _start;
    private int _parentheses;
    private bool _inBraces;
    private bool _inBrackets;
    private bool _gotColon;
    private bool _gotDuration;
    /// <summary>Whether only what calculates durations may follow: behind a bracket, up to the first number.</summary>
    private bool _inDuration;

    private Lexer(string text) => _text = text;

    /// <summary>Tokens up to the end or the first error, which is the last token then.</summary>
    public static List<Token> Tokenize(string text)
    {
        var lexer = new Lexer(text);
        do
        {
            lexer.Next();
        }
        while (lexer._tokens.Count == 0 || lexer._tokens[^1].Kind is not (TokenKind.End or TokenKind.Error));
        return lexer._tokens;
    }

    private char Current => _position < _text.Length ? _text[_position] : '\0';

    private bool AtEnd => _position >= _text.Length;

    private void Next()
    {
        SkipSpaceAndComments();
        _start = _position;
        if (_inBraces)
        {
            InsideBraces();
        }
        else if (_inDuration)
        {
            InsideDuration();
        }
        else
        {
            Statement();
        }
    }

    private void Statement()
    {
        char first = Current;
        if (AtEnd)
        {
            if (_parentheses != 0)
            {
                Fail("unclosed left parenthesis");
            }
            else if (_inBrackets)
            {
                Fail("unclosed left bracket");
            }
            else
            {
                Emit(TokenKind.End);
            }
        }
        else if (IsDigit(first) || (first == '.' && _position + 1 < _text.Length && IsDigit(_text[_position + 1])))
        {
            NumberOrDuration();
        }
        else if (IsAlpha(first) || first == ':')
        {
            Word(first);
        }
        else if (first is '"' or '\'' or '`')
        {
            Quoted(first);
        }
        else
        {
            Symbol(first);
        }
    }

    private void Symbol(char first)
    {
        _position++;
        switch (first)
        {
            case ',':
                Emit(TokenKind.Symbol);
                break;
            case '*' or '/' or '%' or '+' or '-' or '^' or '@':
                Emit(TokenKind.Operator);
                break;
            case '=' when Current == '~':
                Fail("unexpected character after '=': '~'");
                break;
            case '=':
                TakeIf('=');
                Emit(_position - _start == 2 ? TokenKind.Operator : TokenKind.Symbol);
                break;
            case '!' when Current == '=':
                _position++;
                Emit(TokenKind.Operator);
                break;
            case '!':
                Fail($"unexpected character after '!': {NextQuoted()}");
                break;
            case '<' or '>':
                _ = TakeIf('=') || TakeIf('/');
                Emit(TokenKind.Operator);
                break;
            case '(' or ')':
                Parenthesis(first);
                break;
            case '{':
                Emit(TokenKind.Symbol);
                _inBraces = true;
                break;
            case '[' when _inBrackets:
                Fail("unexpected left bracket '['");
                break;
            case '[':
                Emit(TokenKind.Symbol);
                (_gotColon, _gotDuration, _inBrackets, _inDuration) = (false, false, true, true);
                break;
            case ']' when !_inBrackets:
                Fail("unexpected right bracket ']'");
                break;
            case ']':
                Emit(TokenKind.Symbol);
                _inBrackets = false;
                break;
            default:
                _position--;
                string quoted = NextQuoted();
                _position++;
                Fail($"unexpected character: {quoted}");
                break;
        }
    }

    private void Parenthesis(char which)
    {
        Emit(TokenKind.Symbol);
        _parentheses += which == '(' ? 1 : -1;
        if (_parentheses < 0)
        {
            _tokens.RemoveAt(_tokens.Count - 1);
            Fail("unexpected right parenthesis ')'");
        }
    }

    private void Word(char first)
    {
        if (_inBrackets)
        {
            BracketWord(first);
            return;
        }
        while (IsAlpha(Current) || IsDigit(Current) || Current == ':')
        {
            _position++;
        }
        string word = _text[_start.._position].ToLowerInvariant();
        if (!Words.TryGetValue(word, out TokenKind kind))
        {
            kind = word.Contains(':', StringComparison.Ordinal) ? TokenKind.MetricIdentifier : TokenKind.Identifier;
        }
        else if (word is "fill" or "fill_left" or "fill_right" && !ParenthesisFollows())
        {
            // Metrics may have these names: only with a value are they keywords.
            kind = TokenKind.Identifier;
        }
        Emit(kind);
    }

    private void InsideBraces()
    {
        if (AtEnd)
        {
            Fail("unexpected end of input inside braces");
            return;
        }
        char first = Current;
        if (IsAlpha(first))
        {
            while (IsAlpha(Current) || IsDigit(Current))
            {
                _position++;
            }
            Emit(TokenKind.Identifier);
            return;
        }
        if (first is '"' or '\'' or '`')
        {
            Quoted(first);
            return;
        }
        _position++;
        switch (first)
        {
            case ',':
                Emit(TokenKind.Symbol);
                break;
            case '=':
                Emit(TakeIf('~') ? TokenKind.Operator : TokenKind.Symbol);
                break;
            case '!' when TakeIf('~') || TakeIf('='):
                Emit(TokenKind.Operator);
                break;
            case '!':
                Fail($"unexpected character after '!' inside braces: {NextQuoted()}");
                break;
            case '{':
                Fail("unexpected left brace '{'");
                break;
            case '}':
                Emit(TokenKind.Symbol);
                _inBraces = false;
                break;
            default:
                Fail($"unexpected character inside braces: {QuotedText.QuoteRune(FirstRune())}");
                break;
        }
    }

    private void Quoted(char quote)
    {
        string? wrong = TextLiteral.Scan(_text, ref _position, quote);
        if (wrong is null)
        {
            Emit(TokenKind.Text);
        }
        else
        {
            Fail(wrong);
        }
    }

    private void NumberOrDuration()
    {
        if (NumberScanner.TryScan(_text, ref _position))
        {
            Emit(TokenKind.Number);
        }
        else if (NumberScanner.TryScanDuration(_text, ref _position))
        {
            Emit(TokenKind.Duration);
        }
        else
        {
            Fail($"bad number or duration syntax: {QuotedText.Quote(_text[_start.._position])}");
        }
    }

    private void SkipSpaceAndComments()
    {
        while (!AtEnd && (Current is ' ' or '\t' or '\n' or '\r' || (Current == '#' && !_inDuration)))
        {
            if (Current != '#')
            {
                _position++;
                continue;
            }
            while (!AtEnd && Current is not ('\n' or '\r'))
            {
                _position++;
            }
        }
    }

    private bool ParenthesisFollows()
    {
        int ahead = _position;
        while (ahead < _text.Length && _text[ahead] is ' ' or '\t' or '\n' or '\r')
        {
            ahead++;
        }
        return ahead < _text.Length && _text[ahead] == '(';
    }

    private bool TakeIf(char expected)
    {
        if (Current != expected)
        {
            return false;
        }
        _position++;
        return true;
    }

    private Rune FirstRune()
    {
        Rune.DecodeFromUtf16(_text.AsSpan(_start), out Rune rune, out int length);
        _position = _start + length;
        return rune;
    }

    private string NextQuoted()
    {
        if (AtEnd)
        {
            // Behind the end Prometheus' reader returns a character that is none, and prints it so.
            return "'\\U0010ffff'";
        }
        Rune.DecodeFromUtf16(_text.AsSpan(_position), out Rune rune, out _);
        return QuotedText.QuoteRune(rune);
    }

    private void Emit(TokenKind kind)
    {
        _tokens.Add(new Token(kind, _text[_start.._position], new SourceRange(_start, _position)));
        _start = _position;
    }

    private void Fail(string message) => _tokens.Add(new Token(TokenKind.Error, message, new SourceRange(_start, _text.Length)));

    private static bool IsAlpha(char letter) => char.IsAsciiLetter(letter) || letter == '_';

    private static bool IsDigit(char digit) => char.IsAsciiDigit(digit);

    private static Dictionary<string, TokenKind> Build()
    {
        var words = new Dictionary<string, TokenKind>(StringComparer.Ordinal) { ["inf"] = TokenKind.Number, ["nan"] = TokenKind.Number };
        void Add(TokenKind kind, params ReadOnlySpan<string> names)
        {
            foreach (string name in names)
            {
                words.Add(name, kind);
            }
        }
        Add(TokenKind.Operator, "and", "or", "unless", "atan2");
        Add(
            TokenKind.Aggregator,
            "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio");
        Add(
            TokenKind.Keyword,
            "offset", "smoothed", "anchored", "by", "without", "on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right", "bool");
        Add(TokenKind.Preprocessor, "start", "end", "step", "range", "max_of", "min_of");
        return words;
    }
}
