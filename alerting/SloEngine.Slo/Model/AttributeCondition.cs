using System.Buffers;
using System.Text;

namespace SloEngine.Slo.Model;

/// <summary>Reads attributes of spans or log records by row: their own, else those of their resource.</summary>
public interface IRecordAttributes
{
    /// <summary>Finds an attribute of the record itself, as UTF-8; valid until the block that it is in changes.</summary>
    bool TryGetOwn(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value);

    /// <summary>Finds an attribute of the record's resource.</summary>
    bool TryGetOfResource(int row, string key, out string value);
}

/// <summary>A condition on an attribute, on the bytes as they came: nothing is allocated for a record.</summary>
internal sealed class AttributeCondition(Matcher matcher)
{
    private readonly byte[] _key = Encoding.UTF8.GetBytes(matcher.Label);
    private readonly byte[] _value = Encoding.UTF8.GetBytes(matcher.Value);

    /// <summary>Whether the record's attribute holds it; one that is absent is empty.</summary>
    public bool Holds(IRecordAttributes attributes, int row)
    {
        if (!attributes.TryGetOwn(row, _key, out ReadOnlySpan<byte> own))
        {
            return matcher.Matches(attributes.TryGetOfResource(row, matcher.Label, out string? found) ? found : "");
        }
        return matcher.Comparison switch
        {
            "=" => own.SequenceEqual(_value),
            "!=" => !own.SequenceEqual(_value),
            _ => Utf8Text.Test(own, matcher, static (text, matcher) => matcher.Matches(text)),
        };
    }
}

/// <summary>Asks patterns of UTF-8 text, which they read as UTF-16.</summary>
internal static class Utf8Text
{
    private const int OnStack = 512;

    /// <summary>A question about a text.</summary>
    public delegate bool Question<in T>(ReadOnlySpan<char> text, T what);

    /// <summary>Answers a question about a text.</summary>
    public static bool Test<T>(ReadOnlySpan<byte> utf8, T what, Question<T> question)
    {
        if (utf8.Length <= OnStack)
        {
            Span<char> text = stackalloc char[OnStack];
            return question(text[..Encoding.UTF8.GetChars(utf8, text)], what);
        }
        char[] rented = ArrayPool<char>.Shared.Rent(utf8.Length);
        try
        {
            return question(rented.AsSpan(0, Encoding.UTF8.GetChars(utf8, rented)), what);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(rented);
        }
    }
}
