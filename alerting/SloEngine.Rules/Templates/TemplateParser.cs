using System.Text;
using SloEngine.PromQL.Text;

namespace SloEngine.Rules.Templates;

/// <summary>Parses the template language of Go (pkg.go.dev/text/template). Unknown functions and variables are errors here, not later.</summary>
internal sealed class TemplateParser
{
    private const int MaxDepth = 200;

    private readonly string _name;
    private readonly string _text;
    private readonly List<TemplateToken> _tokens;
    private readonly Dictionary<string, IReadOnlyList<TemplateNode>> _defined;
    private readonly List<string> _variables = ["$"];
    private int _next;
    private int _depth;
    private int _ranges;

    private TemplateParser(string name, string text, Dictionary<string, IReadOnlyList<TemplateNode>> defined)
    {
        (_name, _text, _defined) = (name, text, defined);
        _tokens = TemplateLexer.Tokenize(name, text);
    }

    /// <summary>Parses a template.</summary>
    /// <param name="name">Name in messages.</param>
    /// <param name="text">Text.</param>
    /// <param name="defined">Gets the templates that it defines.</param>
    /// <exception cref="TemplateException">The text is no template.</exception>
    public static IReadOnlyList<TemplateNode> Parse(string name, string text, Dictionary<string, IReadOnlyList<TemplateNode>> defined)
    {
        var parser = new TemplateParser(name, text, defined);
        List<TemplateNode> nodes = parser.Nodes(out TemplateToken end);
        return end.Kind == TemplateTokenKind.End ? nodes : throw parser.Fail(end, $"unexpected {{{{{end.Text}}}}}");
    }

    private TemplateToken Peek => _tokens[_next];

    private TemplateToken Take() => _tokens[_next].Kind == TemplateTokenKind.End ? _tokens[_next] : _tokens[_next++];

    private TemplateToken TakeSkippingSpace()
    {
        SkipSpace();
        return Take();
    }

    private void SkipSpace()
    {
        while (Peek.Kind == TemplateTokenKind.Space)
        {
            _next++;
        }
    }

    /// <summary>Reads up to the end of the template, or to an <c>end</c> or <c>else</c>, which is consumed.</summary>
    private List<TemplateNode> Nodes(out TemplateToken end)
    {
        if (++_depth > MaxDepth)
        {
            throw Fail(Peek, "the template is nested too deeply");
        }
        var nodes = new List<TemplateNode>();
        while (true)
        {
            TemplateToken token = Take();
            if (token.Kind == TemplateTokenKind.End)
            {
                _depth--;
                end = token;
                return nodes;
            }
            if (token.Kind == TemplateTokenKind.Text)
            {
                nodes.Add(new TextNode(token.Position, token.Text));
                continue;
            }
            SkipSpace();
            TemplateToken word = Peek;
            if (word is { Kind: TemplateTokenKind.Word, Text: "end" or "else" })
            {
                Take();
                _depth--;
                end = word;
                return nodes;
            }
            if (Action(word) is { } node)
            {
                nodes.Add(node);
            }
        }
    }

    private TemplateNode? Action(TemplateToken word)
    {
        if (word.Kind == TemplateTokenKind.Word)
        {
            switch (word.Text)
            {
                case "if" or "with" or "range":
                    Take();
                    return Branch(word);
                case "break" or "continue":
                    Take();
                    Close(word.Text);
                    return _ranges > 0 ? new JumpNode(word.Position, word.Text == "break") : throw Fail(word, $"{{{{{word.Text}}}}} outside {{{{range}}}}");
                case "define" or "block":
                    Take();
                    return Define(word);
                case "template":
                    Take();
                    return Call(word);
                default:
                    break;
            }
        }
        PipelineNode pipeline = Pipeline("command", TemplateTokenKind.Close);
        return new ActionNode(word.Position, pipeline);
    }

    private BranchNode Branch(TemplateToken keyword)
    {
        if (++_depth > MaxDepth)
        {
            throw Fail(keyword, "the template is nested too deeply");
        }
        int variables = _variables.Count;
        PipelineNode pipeline = Pipeline(keyword.Text, TemplateTokenKind.Close);
        if (keyword.Text == "range")
        {
            _ranges++;
        }
        List<TemplateNode> then = Nodes(out TemplateToken end);
        List<TemplateNode>? otherwise = null;
        if (end.Text == "else")
        {
            SkipSpace();
            if (Peek is { Kind: TemplateTokenKind.Word, Text: "if" or "with" } chained && chained.Text == keyword.Text)
            {
                // The chain shares the end of its last branch.
                Take();
                otherwise = [Branch(chained)];
                _variables.RemoveRange(variables, _variables.Count - variables);
                _depth--;
                return new BranchNode(keyword.Position, keyword.Text, pipeline, then, otherwise);
            }
            Close("else");
            otherwise = Nodes(out end);
        }
        if (end is not { Kind: TemplateTokenKind.Word, Text: "end" })
        {
            throw end.Kind == TemplateTokenKind.End ? Fail(end, "unexpected EOF") : Fail(end, $"expected end; found {{{{{end.Text}}}}}");
        }
        Close("end");
        if (keyword.Text == "range")
        {
            _ranges--;
        }
        _variables.RemoveRange(variables, _variables.Count - variables);
        _depth--;
        return new BranchNode(keyword.Position, keyword.Text, pipeline, then, otherwise);
    }

    private TemplateCallNode? Define(TemplateToken keyword)
    {
        string name = Name(keyword.Text);
        PipelineNode? pipeline = null;
        if (keyword.Text == "block")
        {
            pipeline = Pipeline("block clause", TemplateTokenKind.Close);
        }
        else
        {
            Close("define clause");
        }
        List<string> outer = [.. _variables];
        _variables.RemoveRange(1, _variables.Count - 1);
        List<TemplateNode> nodes = Nodes(out TemplateToken end);
        if (end is not { Kind: TemplateTokenKind.Word, Text: "end" })
        {
            throw end.Kind == TemplateTokenKind.End ? Fail(end, "unexpected EOF") : Fail(end, $"unexpected {{{{{end.Text}}}}} in {keyword.Text} clause");
        }
        Close("end");
        _variables.Clear();
        _variables.AddRange(outer);
        _defined[name] = nodes;
        return pipeline is null ? null : new TemplateCallNode(keyword.Position, name, pipeline);
    }

    private TemplateCallNode Call(TemplateToken keyword)
    {
        string name = Name("template clause");
        SkipSpace();
        if (Peek.Kind == TemplateTokenKind.Close)
        {
            Take();
            return new TemplateCallNode(keyword.Position, name, null);
        }
        return new TemplateCallNode(keyword.Position, name, Pipeline("template clause", TemplateTokenKind.Close));
    }

    private string Name(string context)
    {
        TemplateToken name = TakeSkippingSpace();
        return name.Kind == TemplateTokenKind.Quoted && TemplateNumber.Unquote(name.Text) is { } text ? text : throw Unexpected(name, context);
    }

    private void Close(string context)
    {
        TemplateToken close = TakeSkippingSpace();
        if (close.Kind != TemplateTokenKind.Close)
        {
            throw Unexpected(close, context);
        }
    }

    /// <summary>A pipeline up to the end of its action, or to a closing parenthesis.</summary>
    private PipelineNode Pipeline(string context, TemplateTokenKind until)
    {
        if (++_depth > MaxDepth)
        {
            throw Fail(Peek, "the template is nested too deeply");
        }
        SkipSpace();
        int position = Peek.Position;
        (List<string> variables, bool isAssignment) = Declarations(context);
        var commands = new List<CommandNode>();
        while (true)
        {
            SkipSpace();
            TemplateToken token = Peek;
            bool ends = token.Kind == until && (until == TemplateTokenKind.Close || token.Text == ")");
            if (ends)
            {
                if (commands.Count == 0)
                {
                    throw Fail(token, $"missing value for {context}");
                }
                Take();
                break;
            }
            commands.Add(Command(context));
            SkipSpace();
            if (Peek is { Kind: TemplateTokenKind.Symbol, Text: "|" })
            {
                TemplateToken pipe = Take();
                SkipSpace();
                if (Peek.Kind == until && (until == TemplateTokenKind.Close || Peek.Text == ")"))
                {
                    throw Fail(pipe, $"missing value for {context}");
                }
            }
        }
        CommandNode? constant = commands.Skip(1).FirstOrDefault(static command => command.Operands[0] is ConstantNode or DotNode or NilNode);
        if (constant is not null)
        {
            throw Fail(constant.Position, "non executable command in pipeline stage " + (commands.IndexOf(constant) + 1));
        }
        // A variable is known behind its own pipeline only.
        if (!isAssignment)
        {
            _variables.AddRange(variables);
        }
        _depth--;
        return new PipelineNode(position, variables, isAssignment, commands);
    }

    private (List<string> Variables, bool IsAssignment) Declarations(string context)
    {
        int start = _next;
        var variables = new List<string>();
        while (Peek.Kind == TemplateTokenKind.Variable)
        {
            variables.Add(Take().Text);
            SkipSpace();
            if (Peek is { Kind: TemplateTokenKind.Symbol, Text: ":=" or "=" })
            {
                bool isAssignment = Take().Text == "=";
                foreach (string variable in isAssignment ? variables : [])
                {
                    Known(variable, _tokens[start]);
                }
                return (variables, isAssignment);
            }
            if (Peek is not { Kind: TemplateTokenKind.Symbol, Text: "," })
            {
                break;
            }
            TemplateToken comma = Take();
            if (context != "range" || variables.Count > 1)
            {
                throw Fail(comma, $"too many declarations in {context}");
            }
            SkipSpace();
        }
        _next = start;
        return ([], false);
    }

    private CommandNode Command(string context)
    {
        int position = Peek.Position;
        var operands = new List<OperandNode>();
        while (true)
        {
            SkipSpace();
            if (Peek is { Kind: TemplateTokenKind.Close or TemplateTokenKind.End } or { Kind: TemplateTokenKind.Symbol, Text: "|" or ")" })
            {
                break;
            }
            operands.Add(Operand(context));
            TemplateToken next = Peek;
            if (next.Kind is not (TemplateTokenKind.Space or TemplateTokenKind.Close) && next is not { Kind: TemplateTokenKind.Symbol, Text: "|" or ")" })
            {
                throw Unexpected(next, "operand");
            }
        }
        return operands.Count > 0 ? new CommandNode(position, operands) : throw Fail(Peek, "empty command");
    }

    private OperandNode Operand(string context)
    {
        OperandNode term = Term(context);
        if (Peek.Kind != TemplateTokenKind.Field)
        {
            return term;
        }
        int position = Peek.Position;
        var names = new List<string>();
        while (Peek.Kind == TemplateTokenKind.Field)
        {
            names.Add(Take().Text[1..]);
        }
        return term switch
        {
            FieldsNode { Of: null } fields => fields with { Names = [.. fields.Names, .. names] },
            VariableNode => new FieldsNode(term.Position, term, names),
            ConstantNode or NilNode or DotNode => throw Fail(position, $"unexpected . after term {QuotedText.Quote(term.Show())}"),
            _ => new FieldsNode(position, term, names),
        };
    }

    private OperandNode Term(string context)
    {
        TemplateToken token = Take();
        switch (token.Kind)
        {
            case TemplateTokenKind.Field:
                return new FieldsNode(token.Position, null, [token.Text[1..]]);
            case TemplateTokenKind.Variable:
                Known(token.Text, token);
                return new VariableNode(token.Position, token.Text);
            case TemplateTokenKind.Quoted:
                return new ConstantNode(token.Position, TemplateNumber.Unquote(token.Text) ?? throw Fail(token, "invalid syntax"), token.Text);
            case TemplateTokenKind.Number when token.Text[0] == '\'':
                Rune[] characters = [.. (TemplateNumber.Unquote(token.Text) ?? "").EnumerateRunes()];
                return characters is [Rune character]
                    ? new ConstantNode(token.Position, (long)character.Value, token.Text)
                    : throw Fail(token, $"malformed character constant: {token.Text}");
            case TemplateTokenKind.Number:
                return new ConstantNode(
                    token.Position, TemplateNumber.TryParse(token.Text, out object number) ? number : throw Fail(token, "bad number syntax"), token.Text);
            case TemplateTokenKind.Word:
                return token.Text switch
                {
                    "true" or "false" => new ConstantNode(token.Position, token.Text == "true", token.Text),
                    "nil" => new NilNode(token.Position),
                    _ => TemplateFunctions.Exists(token.Text)
                        ? new FunctionNode(token.Position, token.Text)
                        : throw Fail(token, $"function {QuotedText.Quote(token.Text)} not defined"),
                };
            case TemplateTokenKind.Symbol when token.Text == ".":
                return new DotNode(token.Position);
            case TemplateTokenKind.Symbol when token.Text == "(":
                return Pipeline("parenthesized pipeline", TemplateTokenKind.Symbol);
            default:
                throw Unexpected(token, context);
        }
    }

    private void Known(string variable, TemplateToken token)
    {
        if (!_variables.Contains(variable))
        {
            throw Fail(token, $"undefined variable {QuotedText.Quote(variable)}");
        }
    }

    private TemplateException Unexpected(TemplateToken token, string context) => token.Kind == TemplateTokenKind.End
        ? Fail(token, "unexpected EOF")
        : Fail(token, $"unexpected <{token.Text}> in {context}");

    private TemplateException Fail(TemplateToken token, string message) => Fail(token.Position, message);

    private TemplateException Fail(int position, string message) => TemplateException.Parsing(_name, _text, position, message);
}
