namespace SloEngine.PromQL.Evaluation;

/// <summary>Order of texts in which numbers stand: by text, but numbers by value.</summary>
internal static class NaturalOrder
{
    public static int Compare(string left, string right)
    {
        int leftAt = 0;
        int rightAt = 0;
        while (leftAt < left.Length && rightAt < right.Length)
        {
            ReadOnlySpan<char> leftPart = Part(left, ref leftAt);
            ReadOnlySpan<char> rightPart = Part(right, ref rightAt);
            int order = char.IsAsciiDigit(leftPart[0]) && char.IsAsciiDigit(rightPart[0])
                ? CompareNumbers(leftPart, rightPart)
                : leftPart.CompareTo(rightPart, StringComparison.Ordinal);
            if (order != 0)
            {
                return order;
            }
        }
        int rest = (left.Length - leftAt).CompareTo(right.Length - rightAt);
        return rest != 0 ? rest : string.CompareOrdinal(left, right);
    }

    private static ReadOnlySpan<char> Part(string text, ref int position)
    {
        int start = position;
        bool digits = char.IsAsciiDigit(text[position]);
        while (position < text.Length && char.IsAsciiDigit(text[position]) == digits)
        {
            position++;
        }
        return text.AsSpan(start, position - start);
    }

    private static int CompareNumbers(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        left = left.TrimStart('0');
        right = right.TrimStart('0');
        return left.Length != right.Length ? left.Length.CompareTo(right.Length) : left.CompareTo(right, StringComparison.Ordinal);
    }
}
