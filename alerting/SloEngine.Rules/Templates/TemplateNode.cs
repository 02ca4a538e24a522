namespace SloEngine.Rules.Templates;

/// <summary>A part of a template, as <see cref="TemplateParser"/> reads it.</summary>
/// <param name="Position">Offset in the template.</param>
internal abstract record TemplateNode(int Position);

/// <summary>Text that is copied.</summary>
internal sealed record TextNode(int Position, string Text) : TemplateNode(Position);

/// <summary>A pipeline whose result is printed, unless it only sets variables.</summary>
internal sealed record ActionNode(int Position, PipelineNode Pipeline) : TemplateNode(Position);

/// <summary><c>if</c>, <c>with</c> or <c>range</c>; a chained <c>else if</c> is a branch within <see cref="Else"/>.</summary>
internal sealed record BranchNode(
    int Position, string Keyword, PipelineNode Pipeline, IReadOnlyList<TemplateNode> Then, IReadOnlyList<TemplateNode>? Else) : TemplateNode(Position);

/// <summary><c>break</c> or <c>continue</c>.</summary>
internal sealed record JumpNode(int Position, bool IsBreak) : TemplateNode(Position);

/// <summary><c>template "name" pipeline</c>.</summary>
internal sealed record TemplateCallNode(int Position, string Name, PipelineNode? Pipeline) : TemplateNode(Position);

/// <summary>Something that has a value; its text is what messages quote.</summary>
internal abstract record OperandNode(int Position) : TemplateNode(Position)
{
    /// <summary>The operand as messages show it.</summary>
    public abstract string Show();
}

/// <summary>Commands joined by <c>|</c>, with the variables that get the result.</summary>
internal sealed record PipelineNode(int Position, IReadOnlyList<string> Variables, bool IsAssignment, IReadOnlyList<CommandNode> Commands) : OperandNode(Position)
{
    public override string Show()
    {
        string variables = Variables.Count == 0 ? "" : $"{string.Join(", ", Variables)} {(IsAssignment ? "=" : ":=")} ";
        return variables + string.Join(" | ", Commands.Select(static command => command.Show()));
    }
}

/// <summary>An operand, or a function with its arguments.</summary>
internal sealed record CommandNode(int Position, IReadOnlyList<OperandNode> Operands) : OperandNode(Position)
{
    public override string Show() => string.Join(' ', Operands.Select(static operand => operand is PipelineNode ? $"({operand.Show()})" : operand.Show()));
}

/// <summary>The current value.</summary>
internal sealed record DotNode(int Position) : OperandNode(Position)
{
    public override string Show() => ".";
}

/// <summary><c>nil</c>.</summary>
internal sealed record NilNode(int Position) : OperandNode(Position)
{
    public override string Show() => "nil";
}

/// <summary>A number, text, character or boolean.</summary>
internal sealed record ConstantNode(int Position, object Value, string Source) : OperandNode(Position)
{
    public override string Show() => Source;
}

/// <summary>The name of a function.</summary>
internal sealed record FunctionNode(int Position, string Name) : OperandNode(Position)
{
    public override string Show() => Name;
}

/// <summary>Fields of a value, one after the other; without a <see cref="Of"/> they are those of the current value.</summary>
internal sealed record FieldsNode(int Position, OperandNode? Of, IReadOnlyList<string> Names) : OperandNode(Position)
{
    public override string Show() =>
        (Of is PipelineNode ? $"({Of.Show()})" : Of?.Show()) + string.Concat(Names.Select(static name => "." + name));
}

/// <summary>A variable, with its dollar sign.</summary>
internal sealed record VariableNode(int Position, string Name) : OperandNode(Position)
{
    public override string Show() => Name;
}
