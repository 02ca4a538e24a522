using System.Globalization;

namespace SloEngine.Otlp.Common;

/// <summary>Times that points, log records and spans may have, in Unix nanoseconds, both inclusive: each day of them is a partition in the store.</summary>
/// <param name="First">The earliest; more than 0.</param>
/// <param name="Last">The latest.</param>
public readonly record struct TimeWindow(long First, long Last)
{
    /// <summary>From 1970 to 2262.</summary>
    public static TimeWindow All { get; } = new(1, long.MaxValue);

    /// <summary>The window around a moment: back to the beginning of a day (UTC), as days are kept as a whole.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="past">How long before it the first day is; null for 1970.</param>
    /// <param name="future">How long after it the window ends; null for 2262.</param>
    public static TimeWindow Around(DateTimeOffset now, TimeSpan? past, TimeSpan? future)
    {
        DateTime utc = now.UtcDateTime;
        long first = past is { } back && back < utc - DateTime.UnixEpoch ? Nanos((utc - back).Date) : All.First;
        return new TimeWindow(first, future is { } ahead && ahead < Latest - utc ? Nanos(utc + ahead) : All.Last);
    }

    /// <summary>Whether a time is in the window.</summary>
    public bool Contains(long nanos) => nanos >= First && nanos <= Last;

    /// <summary>Why a time that is not in the window cannot be taken.</summary>
    /// <param name="field">What gives the time.</param>
    /// <param name="nanos">The time.</param>
    public string Refusal(string field, long nanos) =>
        nanos == 0 ? $"{field} is missing"
        : nanos < 0 ? $"{field} is past the year 2262"
        : nanos < First ? $"{field} is {Text(nanos)}, and nothing before {Text(First)} is kept (retention)"
        : $"{field} is {Text(nanos)}, and what is later than {Text(Last)} is ahead of the clock by more than it may be (limits.max_future)";

    private static DateTime Latest { get; } = DateTime.UnixEpoch.AddTicks(long.MaxValue / TimeSpan.NanosecondsPerTick);

    private static long Nanos(DateTime utc) => Math.Max(All.First, (utc - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick);

    private static string Text(long nanos) =>
        DateTime.UnixEpoch.AddTicks(nanos / TimeSpan.NanosecondsPerTick).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
