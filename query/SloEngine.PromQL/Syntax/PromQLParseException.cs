namespace SloEngine.PromQL.Syntax;

/// <summary>Text that is no PromQL; the message begins with line and column, as Prometheus words it.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="position">Offset in the text.</param>
/// <param name="text">The text.</param>
public sealed class PromQLParseException(string message, int position, string text) : Exception($"{Place(text, position)}: parse error: {message}")
{
    /// <summary>Offset of the error in the text.</summary>
    public int Position { get; } = position;

    private static string Place(string text, int position)
    {
        int line = 1;
        int column = 1;
        for (int index = 0; index < Math.Min(position, text.Length); index++)
        {
            (line, column) = text[index] == '\n' ? (line + 1, 1) : (line, column + 1);
        }
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{line}:{column}");
    }
}
