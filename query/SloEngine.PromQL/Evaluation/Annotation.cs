using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>How much a remark on a result weighs.</summary>
public enum AnnotationKind
{
    /// <summary>The result may not be what was meant.</summary>
    Warning,
    /// <summary>The query may be written for something else.</summary>
    Info,
}

/// <summary>A remark on a result that is no error.</summary>
/// <param name="Kind">Weight.</param>
/// <param name="Message">What was noticed, without its place.</param>
/// <param name="Range">The part of the query it is about.</param>
public record Annotation(AnnotationKind Kind, string Message, SourceRange Range)
{
    /// <summary>The remark as the HTTP API of Prometheus shows it: with its kind in front and its place behind.</summary>
    /// <param name="query">Text of the query.</param>
    public string Describe(string query) => $"{Prefix}{Message}{Details} ({Range.Place(query)})";

    /// <summary>What was counted over all occurrences.</summary>
    private protected virtual string Details => "";

    /// <summary>This remark and an equal one in one.</summary>
    internal virtual Annotation Merge(Annotation other) => this;

    private string Prefix => Kind == AnnotationKind.Warning ? "PromQL warning: " : "PromQL info: ";
}
