using System.Text;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Inside brackets: durations, calculations of them, and the colon of subqueries.</summary>
internal sealed partial class Lexer
{
    private void BracketWord(char first)
    {
        _position++;
        if (first == ':')
        {
            if (_gotColon)
            {
                Fail("unexpected colon ':'");
                return;
            }
            Emit(TokenKind.Symbol);
            _gotColon = true;
            return;
        }
        if (!TakeDurationWord())
        {
            Fail($"unexpected character: {QuotedText.QuoteRune(new Rune(first))}, expected ':'");
        }
    }

    /// <summary>A word that calculates durations; nothing is consumed but letters if it is another.</summary>
    private bool TakeDurationWord()
    {
        if (char.ToLowerInvariant(_text[_start]) is not ('s' or 'r' or 'm'))
        {
            return false;
        }
        while (IsAlpha(Current))
        {
            _position++;
        }
        if (!DurationWords.Contains(_text[_start.._position].ToLowerInvariant()))
        {
            return false;
        }
        Emit(TokenKind.Preprocessor);
        return true;
    }

    private void InsideDuration()
    {
        char first = Current;
        if (AtEnd)
        {
            Fail("unexpected end of input in duration expression");
            return;
        }
        if (IsDigit(first) || (first == '.' && _position + 1 < _text.Length && IsDigit(_text[_position + 1])))
        {
            (_gotDuration, _inDuration) = (true, false);
            NumberOrDuration();
            return;
        }
        _position++;
        switch (first)
        {
            case ']':
                Emit(TokenKind.Symbol);
                (_inBrackets, _gotColon, _inDuration) = (false, false, false);
                break;
            case ':' when !_gotDuration:
                Fail("unexpected colon before duration in duration expression");
                break;
            case ':' when _gotColon:
                Fail("unexpected repeated colon in duration expression");
                break;
            case ':':
                Emit(TokenKind.Symbol);
                _gotColon = true;
                break;
            case '(' or ')':
                Parenthesis(first);
                break;
            case '+' or '-' or '*' or '/' or '%' or '^':
                Emit(TokenKind.Operator);
                break;
            case ',':
                Emit(TokenKind.Symbol);
                break;
            default:
                if (!TakeDurationWord())
                {
                    Fail($"unexpected character in duration expression: {QuotedText.QuoteRune(FirstRune())}");
                }
                break;
        }
    }
}
