using System.Globalization;

namespace SloEngine.Otlp.Protobuf;

/// <summary>A request that is no valid OTLP message. The message says what is wrong, where, and what was expected.</summary>
public sealed class OtlpFormatException : Exception
{
    /// <summary>Creates the exception for a place known by its offset only.</summary>
    public OtlpFormatException(string problem, int offset)
        : base(string.Create(CultureInfo.InvariantCulture, $"{problem} at byte {offset}")) => (Problem, Offset) = (problem, offset);

    /// <summary>Creates the exception for a place known by its path.</summary>
    public OtlpFormatException(string path, OtlpFormatException inner)
        : base(string.Create(CultureInfo.InvariantCulture, $"{path}: {inner.Problem} at byte {inner.Offset}"), inner) =>
        (Problem, Offset) = (inner.Problem, inner.Offset);

    /// <summary>Creates the exception for a JSON body.</summary>
    public OtlpFormatException(string message)
        : base(message) => Problem = message;

    /// <summary>What is wrong and what was expected, without the place.</summary>
    public string Problem { get; }

    /// <summary>Byte offset in the request.</summary>
    public int Offset { get; }
}
