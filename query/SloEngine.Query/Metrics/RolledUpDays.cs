using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>The days (UTC) whose samples are gone and of which roll-ups are there.</summary>
internal sealed class RolledUpDays(IColumnStore store, TimeProvider time)
{
    private const long DayMs = 86_400_000;

    /// <summary>How long they are kept where the store does not tell that they have changed.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(1);

    private Known? _known;

    /// <summary>Those that a range touches, in order; most often none.</summary>
    public async ValueTask<IReadOnlyList<DateOnly>> WithinAsync(TimeRange range, CancellationToken cancellation)
    {
        long? version = store.Version("rollup_days");
        Known? known = _known;
        if (known is null || (version is null ? time.GetElapsedTime(known.ReadAt) > Kept : known.Version != version))
        {
            _known = known = new Known(version, time.GetTimestamp(), await ReadAsync(cancellation));
        }
        (long first, long last) = (range.StartMs / DayMs, range.EndMs / DayMs);
        return [.. known.Days.Where(day => day >= first && day <= last).Select(static day => DateOnly.FromDayNumber(Epoch + day))];
    }

    private static readonly int Epoch = new DateOnly(1970, 1, 1).DayNumber;

    private async ValueTask<int[]> ReadAsync(CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(new StoreQuery("SELECT toInt32(day) AS number FROM rollup_days FINAL WHERE dropped = 1 ORDER BY number"), cancellation);
        return [.. result.Blocks.SelectMany(static block => block.Values<int>(0).ToArray())];
    }

    private sealed record Known(long? Version, long ReadAt, int[] Days);
}
