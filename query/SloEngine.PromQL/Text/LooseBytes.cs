using System.Buffers;
using System.Text;

namespace SloEngine.PromQL.Text;

/// <summary>
/// Bytes that are no UTF-8 within text: each stands as a low surrogate of its own, U+DC00 and the byte, which no text has, so that none is lost (the way of PEP
/// 383). Where such text leaves the program as UTF-8, it has U+FFFD there.
/// </summary>
public static class LooseBytes
{
    private const char First = '\uDC80';
    private const char Last = '\uDCFF';

    /// <summary>Bytes as text.</summary>
    public static string Decode(ReadOnlySpan<byte> utf8)
    {
        var text = new StringBuilder(utf8.Length);
        while (!utf8.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(utf8, out Rune rune, out int length) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                // Each byte for itself: there may be several within what was looked at.
                text.Append((char)(First - 0x80 + utf8[0]));
                length = 1;
            }
            utf8 = utf8[length..];
        }
        return text.ToString();
    }

    /// <summary>Such text as text, with U+FFFD for each of these bytes.</summary>
    public static string Replace(string text) =>
        text.AsSpan().IndexOfAnyInRange(First, Last) < 0 ? text : string.Concat(text.EnumerateRunes());

    /// <summary>The byte that a character of such text stands for.</summary>
    public static bool Is(char character, out byte value)
    {
        value = (byte)character;
        return character is >= First and <= Last;
    }
}
