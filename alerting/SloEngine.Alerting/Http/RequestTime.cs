using System.Globalization;

namespace SloEngine.Alerting.Http;

/// <summary>Reads times of requests: Unix seconds or RFC 3339.</summary>
internal static class RequestTime
{
    /// <summary>What is expected, for messages.</summary>
    public const string Expected = "Unix seconds or RFC 3339, from 1970 to 2200";

    /// <summary>The first time that is none: the store keeps no later ones exactly.</summary>
    private static readonly DateTimeOffset End = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Reads a time from 1970 to 2200; false when the text is none.</summary>
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
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds))
        {
            if (!(seconds >= 0 && seconds < (End - DateTimeOffset.UnixEpoch).TotalSeconds))
            {
                return false;
            }
            time = DateTimeOffset.UnixEpoch.AddSeconds(seconds);
            return true;
        }
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time) && time >= DateTimeOffset.UnixEpoch && time < End;
    }
}
