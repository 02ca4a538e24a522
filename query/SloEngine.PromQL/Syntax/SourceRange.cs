using System.Globalization;
using System.Text;

namespace SloEngine.PromQL.Syntax;

/// <summary>Where a part of an expression stands in its text.</summary>
/// <param name="Start">Offset of its first character.</param>
/// <param name="End">Offset behind its last.</param>
public readonly record struct SourceRange(int Start, int End)
{
    /// <summary>Line and column of the start, counted from 1 and in bytes, as Prometheus tells them.</summary>
    public string Place(string text)
    {
        if (text.Length == 0)
        {
            return "unknown position";
        }
        if (Start < 0 || Start > text.Length)
        {
            return "invalid position";
        }
        ReadOnlySpan<char> before = text.AsSpan(0, Start);
        int line = before.Count('\n') + 1;
        int column = Encoding.UTF8.GetByteCount(before[(before.LastIndexOf('\n') + 1)..]) + 1;
        return string.Create(CultureInfo.InvariantCulture, $"{line}:{column}");
    }
}
