using System.Globalization;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Testing;

/// <summary>Reads start times of samples: durations relative to the sample's own time, which may be repeated or counted up.</summary>
internal static class StartTimeNotation
{
    /// <exception cref="FormatException">An item is no duration.</exception>
    public static IReadOnlyList<SequenceValue> Read(string text)
    {
        var values = new List<SequenceValue>();
        foreach (string item in text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                ReadItem(item, values);
            }
            catch (FormatException wrong)
            {
                throw new FormatException($"invalid ST item \"{item}\": {wrong.Message}");
            }
        }
        return values;
    }

    private static void ReadItem(string item, List<SequenceValue> values)
    {
        if (item.StartsWith('_'))
        {
            int omitted = item == "_" ? 1 : item.StartsWith("_x", StringComparison.Ordinal) ? Count(item[2..]) : 0;
            values.AddRange(omitted > 0 ? Enumerable.Repeat(new SequenceValue(0, IsOmitted: true), omitted) : throw new FormatException("invalid repeat count"));
            return;
        }
        int position = 0;
        long offset = ReadDuration(item, ref position);
        if (position == item.Length)
        {
            values.Add(new SequenceValue(offset));
            return;
        }
        long step = 0;
        if (item[position] != 'x')
        {
            bool negative = item[position] == '-';
            if (!negative && item[position] != '+')
            {
                throw new FormatException($"unexpected character '{item[position]}' after duration");
            }
            position++;
            step = ReadDuration(item, ref position) * (negative ? -1 : 1);
        }
        if (position >= item.Length || item[position] != 'x')
        {
            throw new FormatException("expected 'x<count>' after step duration");
        }
        int count = Count(item[(position + 1)..]) + 1;
        for (int index = 0; index < count; index++)
        {
            values.Add(new SequenceValue(offset));
            offset += step;
        }
    }

    private static int Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= 1_000_000
            ? count
            : throw new FormatException("invalid repeat count");

    private static long ReadDuration(string text, ref int position)
    {
        bool negative = position < text.Length && text[position] == '-';
        if (position < text.Length && text[position] is '-' or '+')
        {
            position++;
        }
        int start = position;
        while (position < text.Length && (char.IsAsciiDigit(text[position]) || (char.IsAsciiLetter(text[position]) && text[position] != 'x')))
        {
            position++;
        }
        return Duration.TryParse(text[start..position], out long milliseconds, out string? wrong)
            ? negative ? -milliseconds : milliseconds
            : throw new FormatException(wrong);
    }
}
