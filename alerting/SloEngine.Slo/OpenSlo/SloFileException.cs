namespace SloEngine.Slo.OpenSlo;

/// <summary>A definition that cannot be used: where, what, and what is expected.</summary>
/// <param name="File">File name.</param>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column, from 1.</param>
/// <param name="Message">What is wrong and what is expected.</param>
public sealed record SloFileError(string File, long Line, long Column, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{File}:{Line}:{Column}: {Message}";
}

/// <summary>Ends the reading of one definition.</summary>
public sealed class SloFileException(SloFileError error) : Exception(error.ToString())
{
    /// <summary>Where, what, and what is expected.</summary>
    public SloFileError Error { get; } = error;
}
