using System.Globalization;

namespace SloEngine.Rules.Templates;

/// <summary>Kinds of tokens of a template.</summary>
internal enum TemplateTokenKind
{
    /// <summary>Text outside of actions.</summary>
    Text,
    /// <summary><c>{{</c></summary>
    Open,
    /// <summary><c>}}</c></summary>
    Close,
    /// <summary>Spaces within an action: they separate arguments.</summary>
    Space,
    /// <summary><c>.name</c></summary>
    Field,
    /// <summary><c>$name</c></summary>
    Variable,
    /// <summary>A name or keyword.</summary>
    Word,
    /// <summary>A number or character.</summary>
    Number,
    /// <summary>A text in quotes.</summary>
    Quoted,
    /// <summary>Anything of one or two characters.</summary>
    Symbol,
    /// <summary>End of the template.</summary>
    End,
}

/// <summary>A token of a template.</summary>
internal readonly record struct TemplateToken(TemplateTokenKind Kind, int Position, string Text);

/// <summary>Splits a template into tokens (pkg.go.dev/text/template, "Text and spaces" and "Actions").</summary>
internal sealed class TemplateLexer
{
    private const string TrimmedSpace = " \t\r\n";

    private readonly string _text;
    private readonly string _name;
    private readonly List<TemplateToken> _tokens = [];
    private int _position;
    private int _parentheses;

    private TemplateLexer(string name, string text) => (_name, _text) = (name, text);

    /// <exception cref="TemplateException">The text is no template.</exception>
    public static List<TemplateToken> Tokenize(string name, string text)
    {
        var lexer = new TemplateLexer(name, text);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        bool trim = false;
        while (true)
        {
            int open = _text.IndexOf("{{", _position, StringComparison.Ordinal);
            string text = open < 0 ? _text[_position..] : _text[_position..open];
            int start = _position;
            if (trim)
            {
                text = text.TrimStart(TrimmedSpace.ToCharArray());
            }
            bool trimEnd = open >= 0 && IsTrimMark(open + 2);
            if (trimEnd)
            {
                text = text.TrimEnd(TrimmedSpace.ToCharArray());
            }
            if (text.Length > 0)
            {
                _tokens.Add(new TemplateToken(TemplateTokenKind.Text, start, text));
            }
            if (open < 0)
            {
                _tokens.Add(new TemplateToken(TemplateTokenKind.End, _text.Length, ""));
                return;
            }
            _position = open + 2 + (trimEnd ? 2 : 0);
            if (_text.AsSpan(_position).StartsWith("/*"))
            {
                trim = Comment();
                continue;
            }
            _tokens.Add(new TemplateToken(TemplateTokenKind.Open, open, "{{"));
            trim = Action(open);
        }
    }

    /// <summary>A minus sign with space beside it, right inside the braces.</summary>
    private bool IsTrimMark(int position) =>
        position + 1 < _text.Length && _text[position] == '-' && TrimmedSpace.Contains(_text[position + 1], StringComparison.Ordinal);

    private bool Comment()
    {
        int end = _text.IndexOf("*/", _position + 2, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Fail(_position, "unclosed comment");
        }
        _position = end + 2;
        if (AtClose(out bool trim, out int length))
        {
            _position += length;
            return trim;
        }
        throw Fail(_position, "comment ends before closing delimiter");
    }

    private bool AtClose(out bool trim, out int length)
    {
        ReadOnlySpan<char> rest = _text.AsSpan(_position);
        trim = rest.Length >= 4 && TrimmedSpace.Contains(rest[0], StringComparison.Ordinal) && rest[1..].StartsWith("-}}");
        length = trim ? 4 : 2;
        return trim || rest.StartsWith("}}");
    }

    /// <summary>Reads up to the end of an action; gives whether the text behind it is to be trimmed.</summary>
    private bool Action(int open)
    {
        _parentheses = 0;
        while (_position < _text.Length)
        {
            if (AtClose(out bool trim, out int length))
            {
                if (_parentheses > 0)
                {
                    throw Fail(_position, "unclosed left paren");
                }
                _tokens.Add(new TemplateToken(TemplateTokenKind.Close, _position, "}}"));
                _position += length;
                return trim;
            }
            Token();
        }
        throw Fail(open, "unclosed action");
    }

    private void Token()
    {
        char next = _text[_position];
        char after = _position + 1 < _text.Length ? _text[_position + 1] : '\0';
        switch (next)
        {
            case ' ' or '\t' or '\r' or '\n':
                Take(TemplateTokenKind.Space, static c => TrimmedSpace.Contains(c, StringComparison.Ordinal));
                break;
            case '"' or '`' or '\'':
                Quoted(next);
                break;
            case '$':
                Take(TemplateTokenKind.Variable, IsName, 1);
                break;
            case '.' when !char.IsAsciiDigit(after):
                Take(IsName(after) ? TemplateTokenKind.Field : TemplateTokenKind.Symbol, IsName, 1);
                break;
            case '+' or '-' or '.' or (>= '0' and <= '9'):
                Number();
                break;
            case ':' when after == '=':
                Symbol(2);
                break;
            case '(':
                _parentheses++;
                Symbol(1);
                break;
            case ')':
                if (--_parentheses < 0)
                {
                    throw Fail(_position, "unexpected right paren");
                }
                Symbol(1);
                break;
            case '|' or ',' or '=':
                Symbol(1);
                break;
            default:
                if (!IsName(next))
                {
                    throw Fail(_position, string.Create(CultureInfo.InvariantCulture, $"unrecognized character in action: U+{(int)next:X4} '{next}'"));
                }
                Take(TemplateTokenKind.Word, IsName);
                break;
        }
    }

    private static bool IsName(char character) => character == '_' || char.IsLetterOrDigit(character);

    private void Symbol(int length)
    {
        _tokens.Add(new TemplateToken(TemplateTokenKind.Symbol, _position, _text.Substring(_position, length)));
        _position += length;
    }

    private void Take(TemplateTokenKind kind, Predicate<char> belongs, int atLeast = 0)
    {
        int end = _position + atLeast;
        while (end < _text.Length && belongs(_text[end]))
        {
            end++;
        }
        _tokens.Add(new TemplateToken(kind, _position, _text[_position..end]));
        _position = end;
    }

    private void Number()
    {
        int start = _position++;
        bool hexadecimal = _text.AsSpan(start).TrimStart("+-").StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        while (_position < _text.Length)
        {
            char next = _text[_position];
            bool sign = next is '+' or '-' && !hexadecimal && _text[_position - 1] is 'e' or 'E';
            if (next != '.' && !IsName(next) && !sign)
            {
                break;
            }
            _position++;
        }
        string text = _text[start.._position];
        if (!TemplateNumber.TryParse(text, out _))
        {
            throw Fail(start, $"bad number syntax: \"{text}\"");
        }
        _tokens.Add(new TemplateToken(TemplateTokenKind.Number, start, text));
    }

    private void Quoted(char quote)
    {
        int start = _position++;
        while (_position < _text.Length && _text[_position] != quote)
        {
            if (_text[_position] == '\n' && quote != '`')
            {
                break;
            }
            _position += _text[_position] == '\\' && quote != '`' ? 2 : 1;
        }
        if (_position >= _text.Length || _text[_position] != quote)
        {
            throw Fail(start, quote switch { '`' => "unterminated raw quoted string", '\'' => "unterminated character constant", _ => "unterminated quoted string" });
        }
        _position++;
        _tokens.Add(new TemplateToken(quote == '\'' ? TemplateTokenKind.Number : TemplateTokenKind.Quoted, start, _text[start.._position]));
    }

    private TemplateException Fail(int position, string message) => TemplateException.Parsing(_name, _text, position, message);
}
