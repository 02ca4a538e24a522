namespace SloEngine.Storage;

/// <summary>Text for the few places where the engine takes no parameter, and for values inside array parameters.</summary>
public static class SqlText
{
    /// <summary>The condition that a row of a table of histograms is no stale marker, which tells that a series ended and has a count of 0.</summary>
    public const string IsNoStaleMarker = "reinterpretAsUInt64(sum) != 0x7FF0000000000002";

    private const int MostInLiteral = 50_000;

    /// <summary>Escapes text for use between single quotes.</summary>
    public static string Quote(string text) => text.Replace("\\", @"\\").Replace("'", @"\'");

    /// <summary>The value of an <c>Array(String)</c> parameter.</summary>
    public static string Array(IEnumerable<string> values) => "[" + string.Join(",", values.Select(value => $"'{Quote(value)}'")) + "]";

    /// <summary>The value of an <c>Array</c> parameter of numbers.</summary>
    public static string Array(IEnumerable<UInt128> values) => "[" + string.Join(",", values) + "]";

    /// <summary>
    /// The condition that <c>id</c> is one of the numbers of the parameter <c>ids</c>. The engine's analyzer takes a minute over a literal of more than 65,536
    /// items; the result of a subquery is none, and costs a few milliseconds more where there are few.
    /// </summary>
    /// <param name="count">How many numbers there are.</param>
    public static string IsOneOfIds(int count) => count <= MostInLiteral ? "id IN {ids:Array(UInt128)}" : "id IN (SELECT arrayJoin({ids:Array(UInt128)}))";

    /// <summary>Text of a parameter as the engine reads it: a scalar as an escaped field of its TSV format, an array as it stands.</summary>
    internal static string Parameter(string sql, string name, string value)
    {
        if (sql.Contains($"{{{name}:Array(", StringComparison.Ordinal) || !value.AsSpan().ContainsAny("\\\t\n\r\0"))
        {
            return value;
        }
        return value.Replace("\\", @"\\").Replace("\t", @"\t").Replace("\n", @"\n").Replace("\r", @"\r").Replace("\0", @"\0");
    }

    /// <summary>The text of a parameter that came escaped.</summary>
    public static string FromParameter(string sql, string name, string text)
    {
        if (sql.Contains($"{{{name}:Array(", StringComparison.Ordinal) || !text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }
        var value = new System.Text.StringBuilder(text.Length);
        for (int at = 0; at < text.Length; at++)
        {
            value.Append(text[at] != '\\' || ++at == text.Length ? text[Math.Min(at, text.Length - 1)] : text[at] switch
            {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                '0' => '\0',
                char other => other,
            });
        }
        return value.ToString();
    }
}
