using System.Buffers;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Series;

/// <summary>Names of labels: any text that is not empty, quoted where it is more than letters, digits and underscores.</summary>
public static class LabelName
{
    private static readonly SearchValues<char> Plain = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    /// <summary>Whether a name needs no quotes.</summary>
    public static bool IsPlain(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && !name.AsSpan().ContainsAnyExcept(Plain);

    /// <summary>The name as expressions hold it.</summary>
    public static string Print(string name) => IsPlain(name) ? name : QuotedText.Quote(name);
}
