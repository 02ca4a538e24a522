using System.Globalization;

namespace SloEngine.Alerting.Http;

/// <summary>Reads times of requests: Unix seconds or RFC 3339.</summary>
internal static class RequestTime
{
    /// <summary>Reads a time; false when the text is none.</summary>
    /// <param name="text">The text, or null when there is none.</param>
    /// <param name="otherwise">What stands for none.</param>
    /// <param name="time">The time.</param>
    public static bool TryRead(string? text, DateTimeOffset otherwise, out DateTimeOffset time)
    {
        time = otherwise;
        if (string.IsNullOrEmpty(text))
        {
            return true;
        }
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && seconds is >= 0 and < 1e11)
        {
            time = DateTimeOffset.UnixEpoch.AddSeconds(seconds);
            return true;
        }
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }
}
