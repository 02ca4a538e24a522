namespace SloEngine.PromQL.Syntax;

/// <summary>One thing that is wrong with a text.</summary>
/// <param name="Message">What.</param>
/// <param name="Range">Where.</param>
public sealed record ParseError(string Message, SourceRange Range);

/// <summary>Text that is no PromQL; the message is that of the first error and begins with line and column, as Prometheus words it.</summary>
public sealed class PromQLParseException : Exception
{
    /// <summary>A single error.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="position">Offset in the text.</param>
    /// <param name="text">The text.</param>
    public PromQLParseException(string message, int position, string text)
        : this([new ParseError(message, new SourceRange(position, position))], text)
    {
    }

    /// <summary>Errors in the order they were found.</summary>
    /// <param name="errors">The errors.</param>
    /// <param name="text">The text.</param>
    public PromQLParseException(IReadOnlyList<ParseError> errors, string text)
        : base($"{errors[0].Range.Place(text)}: parse error: {errors[0].Message}") => Errors = errors;

    /// <summary>All errors; the first is the one to show.</summary>
    public IReadOnlyList<ParseError> Errors { get; }

    /// <summary>The first error, without its place.</summary>
    public string Reason => Errors[0].Message;

    /// <summary>Where the first error is.</summary>
    public SourceRange Range => Errors[0].Range;

    /// <summary>Offset of the error in the text.</summary>
    public int Position => Range.Start;
}
