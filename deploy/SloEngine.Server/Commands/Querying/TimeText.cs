using System.Globalization;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Server.Commands.Querying;

/// <summary>Times in arguments of commands: Unix seconds, RFC 3339, or how long ago.</summary>
internal static class TimeText
{
    /// <summary>A time in milliseconds.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static long Read(string? text, long otherwiseMs, long nowMs)
    {
        if (text is null or "now")
        {
            return text is null ? otherwiseMs : nowMs;
        }
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds))
        {
            return (long)(seconds * 1000);
        }
        if (PromQLParser.TryParseDuration(text, out long agoMs))
        {
            return nowMs - agoMs;
        }
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUnixTimeMilliseconds()
            : throw new FormatException($"{text}: expected Unix seconds, a time such as 2026-01-02T15:04:05Z, or how long ago, such as 5m");
    }
}
