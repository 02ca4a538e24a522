namespace SloEngine.Storage.Retention;

/// <summary>
/// The time by which ages are measured. What retention drops is gone, so a clock that is set far ahead, by mistake or after it stood still, is
/// followed by a day an hour at most: there is time to notice. At the start the newest day of telemetry says what time it was.
/// </summary>
internal sealed class RetentionClock(TimeProvider time)
{
    private const double MostSpeed = 24;

    /// <summary>How long telemetry may have been silent at the start before the clock is doubted.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromDays(1);

    private DateTimeOffset? _reached;
    private long _readAt;

    /// <summary>How far this time is behind the clock.</summary>
    public TimeSpan Behind { get; private set; }

    /// <summary>The time now.</summary>
    /// <param name="newest">End of the newest day with telemetry; null without any.</param>
    public DateTimeOffset Read(DateTimeOffset? newest)
    {
        DateTimeOffset clock = time.GetUtcNow();
        long readAt = time.GetTimestamp();
        DateTimeOffset most = _reached is { } reached ? reached + (time.GetElapsedTime(_readAt, readAt) * MostSpeed) : (newest ?? clock) + Silence;
        DateTimeOffset now = clock < most ? clock : most;
        (_reached, _readAt, Behind) = (now, readAt, clock - now);
        return now;
    }
}
