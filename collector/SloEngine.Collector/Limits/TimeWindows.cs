using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;

namespace SloEngine.Collector.Limits;

/// <summary>
/// Times that each signal may have now. A clock that is set while the collector runs may be wrong, before or after: the time that has passed since then counts as well, and follows what
/// the clock says by a day an hour, so that what comes meanwhile is not rejected for good. Safe for concurrent use.
/// </summary>
internal sealed class TimeWindows(CollectorOptions options, TimeProvider time)
{
    private const double MostSpeed = 24;

    private readonly Lock _lock = new();
    private DateTimeOffset _followed = time.GetUtcNow();
    private long _readAt = time.GetTimestamp();

    /// <summary>The times that a signal may have now.</summary>
    public TimeWindow Of(Signal signal)
    {
        TimeSpan? past = options.Retention.TryGetValue(signal, out TimeSpan kept) ? kept : null;
        (DateTimeOffset clock, DateTimeOffset followed) = Read();
        return new TimeWindow(
            TimeWindow.Around(clock < followed ? clock : followed, past, null).First,
            TimeWindow.Around(clock < followed ? followed : clock, null, options.MaxFuture).Last);
    }

    private (DateTimeOffset Clock, DateTimeOffset Followed) Read()
    {
        lock (_lock)
        {
            DateTimeOffset clock = time.GetUtcNow();
            long readAt = time.GetTimestamp();
            TimeSpan passed = time.GetElapsedTime(_readAt, readAt);
            TimeSpan behind = clock - (_followed + passed);
            TimeSpan most = passed * MostSpeed;
            _followed += passed + (behind > most ? most : behind < -most ? -most : behind);
            _readAt = readAt;
            return (clock, _followed);
        }
    }
}
