using System.Text;

namespace SloEngine.Query.Metrics;

/// <summary>One string for each text: series of a metric have most of their labels' values in common.</summary>
internal sealed class SharedTexts
{
    private const int ShortText = 256;

    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);

    /// <summary>The text of UTF-8 bytes.</summary>
    public string Of(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > ShortText)
        {
            return Encoding.UTF8.GetString(utf8);
        }
        Span<char> text = stackalloc char[ShortText];
        text = text[..Encoding.UTF8.GetChars(utf8, text)];
        HashSet<string>.AlternateLookup<ReadOnlySpan<char>> known = _texts.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!known.TryGetValue(text, out string? same))
        {
            same = text.ToString();
            _texts.Add(same);
        }
        return same;
    }
}
