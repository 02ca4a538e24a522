namespace SloEngine.Storage;

/// <summary>Text for the few places where the engine takes no parameter, and for values inside array parameters.</summary>
public static class SqlText
{
    /// <summary>Escapes text for use between single quotes.</summary>
    public static string Quote(string text) => text.Replace("\\", @"\\").Replace("'", @"\'");

    /// <summary>The value of an <c>Array(String)</c> parameter.</summary>
    public static string Array(IEnumerable<string> values) => "[" + string.Join(",", values.Select(value => $"'{Quote(value)}'")) + "]";

    /// <summary>The value of an <c>Array</c> parameter of numbers.</summary>
    public static string Array(IEnumerable<UInt128> values) => "[" + string.Join(",", values) + "]";
}
