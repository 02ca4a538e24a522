using System.Collections;
using System.Text;
using SloEngine.PromQL.Histograms;

namespace SloEngine.Rules.Templates;

/// <summary>What becomes of keys that a map does not have, and of characters that mean something in HTML.</summary>
internal sealed record TemplateOptions(bool MissingKeyIsError = false, bool Html = false);

/// <summary>A template, parsed once; safe for concurrent use.</summary>
internal sealed class Template
{
    private readonly string _name;
    private readonly string _text;
    private readonly IReadOnlyList<TemplateNode> _nodes;
    private readonly Dictionary<string, IReadOnlyList<TemplateNode>> _defined = new(StringComparer.Ordinal);

    private Template(string name, string text)
    {
        (_name, _text) = (name, text);
        _nodes = TemplateParser.Parse(name, text, _defined);
    }

    /// <exception cref="TemplateException">The text is no template.</exception>
    public static Template Parse(string name, string text) => new(name, text);

    /// <summary>Parses and expands, with errors as Prometheus words them.</summary>
    /// <exception cref="TemplateException">The template is wrong, or cannot be expanded with this data.</exception>
    public static string Expand(string name, string text, object? data, TemplateEnvironment environment, TemplateOptions options)
    {
        Template template;
        try
        {
            template = Parse(name, text);
        }
        catch (TemplateException wrong)
        {
            throw wrong.Within($"error parsing template {name}");
        }
        return template.Expand(data, environment, options);
    }

    /// <exception cref="TemplateException">It cannot be expanded with this data.</exception>
    public string Expand(object? data, TemplateEnvironment environment, TemplateOptions options)
    {
        try
        {
            var run = new Run(this, environment, options);
            run.Nodes(_nodes, data);
            return run.Output.ToString();
        }
        catch (TemplateException wrong)
        {
            throw wrong.Within($"error executing template {_name}");
        }
    }

    /// <summary>One expansion: variables, output, and the node that an error would be told of.</summary>
    private sealed class Run(Template template, TemplateEnvironment environment, TemplateOptions options)
    {
        private const int MaxDepth = 100;
        private const int MaxOutput = 1_000_000;

        private readonly List<(string Name, object? Value)> _variables = [];
        private TemplateNode _at = new TextNode(0, "");
        private string _shown = "";
        private int _depth;

        private enum Flow
        {
            Next,
            Break,
            Continue,
        }

        public StringBuilder Output { get; } = new();

        public void Nodes(IReadOnlyList<TemplateNode> nodes, object? dot)
        {
            _variables.Add(("$", dot));
            List(nodes, dot);
        }

        private Flow List(IReadOnlyList<TemplateNode> nodes, object? dot)
        {
            foreach (TemplateNode node in nodes)
            {
                if (Walk(node, dot) is var flow and not Flow.Next)
                {
                    return flow;
                }
            }
            return Flow.Next;
        }

        private Flow Walk(TemplateNode node, object? dot)
        {
            switch (node)
            {
                case TextNode text:
                    Write(text.Text);
                    break;
                case ActionNode action:
                    object? value = Pipeline(action.Pipeline, dot);
                    if (action.Pipeline.Variables.Count == 0)
                    {
                        Write(Printed(value));
                    }
                    break;
                case JumpNode jump:
                    return jump.IsBreak ? Flow.Break : Flow.Continue;
                case BranchNode { Keyword: "range" } range:
                    Range(range, dot);
                    break;
                case BranchNode branch:
                    return Branch(branch, dot);
                case TemplateCallNode call:
                    Call(call, dot);
                    break;
                default:
                    break;
            }
            return Flow.Next;
        }

        private string Printed(object? value) => !options.Html ? TemplateValue.Print(value)
            : value is null ? "" : value is SafeHtml safe ? safe.Text : TemplateFunctions.EscapeHtml(TemplateValue.Print(value));

        private void Write(string text)
        {
            if (Output.Length + text.Length > MaxOutput)
            {
                throw Fail("the result is too long");
            }
            Output.Append(text);
        }

        private Flow Branch(BranchNode branch, object? dot)
        {
            int variables = _variables.Count;
            object? value = Pipeline(branch.Pipeline, dot);
            Flow flow = TemplateValue.IsTrue(value) ? List(branch.Then, branch.Keyword == "with" ? value : dot)
                : branch.Else is { } otherwise ? List(otherwise, dot) : Flow.Next;
            Forget(variables);
            return flow;
        }

        private void Forget(int variables) => _variables.RemoveRange(variables, _variables.Count - variables);

        private void Range(BranchNode range, object? dot)
        {
            int outer = _variables.Count;
            object? over = Pipeline(range.Pipeline, dot);
            int declared = _variables.Count;
            IReadOnlyList<string> names = range.Pipeline.Variables;
            bool any = false;
            foreach ((object? key, object? value) in Elements(over))
            {
                any = true;
                if (names.Count > 0)
                {
                    Set(names[^1], value);
                }
                if (names.Count > 1)
                {
                    Set(names[0], key);
                }
                Flow flow = List(range.Then, value);
                Forget(declared);
                if (flow == Flow.Break)
                {
                    break;
                }
            }
            if (!any && range.Else is { } otherwise)
            {
                List(otherwise, dot);
            }
            Forget(outer);
        }

        private IEnumerable<(object? Key, object? Value)> Elements(object? over) => over switch
        {
            null => [],
            QueryResult result => result.Samples.Select(static (sample, index) => ((object?)(long)index, (object?)sample)),
            IReadOnlyDictionary<string, string> map => map.OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => ((object?)pair.Key, (object?)pair.Value)),
            IReadOnlyDictionary<string, object?> map => map.OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => ((object?)pair.Key, pair.Value)),
            IList list => list.Cast<object?>().Select(static (value, index) => ((object?)(long)index, value)),
            long count => Enumerable.Range(0, (int)Math.Clamp(count, 0, MaxOutput)).Select(static index => ((object?)(long)index, (object?)(long)index)),
            _ => throw Fail($"range can't iterate over {TemplateValue.Print(over)}"),
        };

        private void Call(TemplateCallNode call, object? dot)
        {
            _at = call;
            _shown = call.Pipeline is null ? $"{{{{template \"{call.Name}\"}}}}" : $"{{{{template \"{call.Name}\" {call.Pipeline.Show()}}}}}";
            if (!template._defined.TryGetValue(call.Name, out IReadOnlyList<TemplateNode>? nodes))
            {
                throw Fail($"template \"{call.Name}\" not defined");
            }
            object? data = call.Pipeline is null ? null : Pipeline(call.Pipeline, dot);
            if (++_depth > MaxDepth)
            {
                throw Fail($"exceeded maximum template depth ({MaxDepth})");
            }
            List<(string Name, object? Value)> outer = [.. _variables];
            _variables.Clear();
            Nodes(nodes, data);
            _variables.Clear();
            _variables.AddRange(outer);
            _depth--;
        }

        private void At(OperandNode node) => (_at, _shown) = (node, node.Show());

        private TemplateException Fail(string message) => TemplateException.Executing(template._name, template._text, _at, _shown, message);

        private void Set(string name, object? value) => _variables[_variables.FindLastIndex(variable => variable.Name == name)] = (name, value);

        private object? Pipeline(PipelineNode pipeline, object? dot)
        {
            At(pipeline);
            (object? Value, bool Is) final = (null, false);
            foreach (CommandNode command in pipeline.Commands)
            {
                final = (Command(command, dot, final), true);
            }
            foreach (string variable in pipeline.Variables)
            {
                if (pipeline.IsAssignment)
                {
                    Set(variable, final.Value);
                }
                else
                {
                    _variables.Add((variable, final.Value));
                }
            }
            return final.Value;
        }

        private object? Command(CommandNode command, object? dot, (object? Value, bool Is) final)
        {
            OperandNode first = command.Operands[0];
            IReadOnlyList<OperandNode> arguments = [.. command.Operands.Skip(1)];
            switch (first)
            {
                case FunctionNode function:
                    At(function);
                    return Function(function.Name, command, arguments, dot, final);
                case FieldsNode fields:
                    return Fields(fields, arguments, dot, final);
                default:
                    if (arguments.Count > 0 || final.Is)
                    {
                        At(first);
                        throw Fail($"can't give argument to non-function {first.Show()}");
                    }
                    return first is NilNode ? throw FailAt(first, "nil is not a command") : Value(first, dot);
            }
        }

        private TemplateException FailAt(OperandNode node, string message)
        {
            At(node);
            return Fail(message);
        }

        private object? Value(OperandNode operand, object? dot)
        {
            if (operand is PipelineNode pipeline)
            {
                return Pipeline(pipeline, dot);
            }
            At(operand);
            return operand switch
            {
                DotNode => dot,
                ConstantNode constant => constant.Value,
                VariableNode variable => _variables.FindLast(known => known.Name == variable.Name).Value,
                FieldsNode fields => Fields(fields, [], dot, (null, false)),
                FunctionNode function => Function(function.Name, new CommandNode(function.Position, [function]), [], dot, (null, false)),
                _ => null,
            };
        }

        private object? Fields(FieldsNode fields, IReadOnlyList<OperandNode> arguments, object? dot, (object? Value, bool Is) final)
        {
            At(fields);
            object? value = fields.Of is null ? dot : Value(fields.Of, dot);
            if (fields.Of is VariableNode)
            {
                At(fields);
            }
            for (int index = 0; index < fields.Names.Count; index++)
            {
                bool last = index == fields.Names.Count - 1;
                value = Field(value, fields.Names[index], last ? arguments : [], dot, last ? final : (null, false));
            }
            return value;
        }

        private object? Field(object? of, string name, IReadOnlyList<OperandNode> arguments, object? dot, (object? Value, bool Is) final)
        {
            if (of is TemplateTime or TemplateDuration)
            {
                List<object?> given = [.. arguments.Select(argument => Value(argument, dot)), .. final.Is ? [final.Value] : Array.Empty<object?>()];
                return (of is TemplateTime time ? time.Call(name, given) : ((TemplateDuration)of).Call(name))
                    ?? throw Fail($"can't evaluate field {name} in type {TemplateValue.TypeName(of)}");
            }
            if (arguments.Count > 0 || final.Is)
            {
                throw Fail($"{name} has arguments but cannot be invoked as function");
            }
            return (of, name) switch
            {
                (null, _) => options.MissingKeyIsError ? throw Fail($"nil data; no entry for key \"{name}\"") : null,
                (AlertTemplateData data, "Labels") => data.Labels,
                (AlertTemplateData data, "ExternalLabels") => data.ExternalLabels,
                (AlertTemplateData data, "ExternalURL") => data.ExternalUrl,
                (AlertTemplateData data, "Value") => data.Value,
                (TemplateSample sample, "Labels") => sample.Labels,
                (TemplateSample sample, "Value") => sample.Value,
                (FloatHistogram histogram, "Count") => histogram.Count,
                (FloatHistogram histogram, "Sum") => histogram.Sum,
                (FloatHistogram histogram, "ZeroCount") => histogram.ZeroCount,
                (FloatHistogram histogram, "String") => histogram.ToString(),
                (IReadOnlyDictionary<string, string> map, _) => map.TryGetValue(name, out string? value) ? value
                    : options.MissingKeyIsError ? throw Fail($"map has no entry for key \"{name}\"") : "",
                (IReadOnlyDictionary<string, object?> map, _) => map.TryGetValue(name, out object? value) ? value
                    : options.MissingKeyIsError ? throw Fail($"map has no entry for key \"{name}\"") : null,
                _ => throw Fail($"can't evaluate field {name} in type {TemplateValue.TypeName(of)}"),
            };
        }

        private object? Function(string name, CommandNode command, IReadOnlyList<OperandNode> operands, object? dot, (object? Value, bool Is) final)
        {
            string parameters = TemplateFunctions.Parameters(name);
            bool variadic = parameters.EndsWith('*');
            int least = variadic ? parameters.Length - 1 : parameters.Length;
            int count = operands.Count + (final.Is ? 1 : 0);
            if (variadic ? count < least : count != least)
            {
                throw Fail($"wrong number of args for {name}: want {(variadic ? "at least " : "")}{least} got {count}");
            }
            var arguments = new object?[count];
            for (int index = 0; index < count; index++)
            {
                object? value = index < operands.Count ? Value(operands[index], dot) : final.Value;
                // These two look no further than they have to.
                if (index < operands.Count - 1 && name is "and" or "or" && TemplateValue.IsTrue(value) == (name == "or"))
                {
                    return value;
                }
                char expected = index < parameters.Length && parameters[index] != '*' ? parameters[index] : 'a';
                arguments[index] = expected == 'n' ? value : Checked(value, expected);
            }
            try
            {
                if (parameters == "n")
                {
                    arguments[0] = TemplateFunctions.ToFloat(arguments[0]);
                }
                return TemplateFunctions.Call(name, environment, arguments);
            }
            catch (TemplateFunctionException wrong)
            {
                At(command);
                throw Fail($"error calling {name}: {wrong.Message}");
            }
        }

        private object? Checked(object? value, char expected)
        {
            (bool fits, string type) = expected switch
            {
                's' => (value is string or SafeHtml, "string"),
                'r' => (value is QueryResult, "template.queryResult"),
                'm' => (value is TemplateSample, "*template.sample"),
                _ => (true, ""),
            };
            if (!fits)
            {
                throw Fail(value is null ? $"invalid value; expected {type}" : $"wrong type for value; expected {type}; got {TemplateValue.TypeName(value)}");
            }
            return expected == 's' ? value!.ToString() : value;
        }
    }
}
