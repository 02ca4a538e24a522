using System.Collections.Concurrent;
using System.Globalization;
using SloEngine.Storage;

namespace SloEngine.Query.Metrics;

/// <summary>
/// What roll-ups have of days whose samples are gone. Such a day does not change, and a window of a month begins in one for ever: what was read of it stays in
/// memory, packed, until the table changes.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="maxBytes">Memory for it, about.</param>
/// <param name="options">Limits.</param>
internal sealed class RolledUpSamples(IColumnStore store, long maxBytes, QueryOptions options)
{
    /// <summary>A query holds so many rows before they are taken over.</summary>
    private const long RowsAtOnce = 16_000_000;
    private const long DayMs = 86_400_000;
    private const int RowsADay = 288;

    /// <summary>What a day of a series takes, packed, about.</summary>
    private const int UsualBytesADay = 1 << 10;

    private Kept _kept = new(null);

    /// <summary>
    /// Stretches of the series within a range, which touches the days; of a series there may be several, in order of time.
    /// </summary>
    /// <param name="ids">The series, in order.</param>
    /// <param name="days">The days, in order.</param>
    /// <param name="value">What of a roll-up is asked for, over its columns.</param>
    /// <param name="range">The range.</param>
    /// <param name="tooMany">What to throw when there are more than a query may read.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    public async ValueTask<List<SampleStretch>> ReadAsync(
        UInt128[] ids, IReadOnlyList<DateOnly> days, string value, TimeRange range, Func<StoreException> tooMany, CancellationToken cancellation)
    {
        // Before anything is read: what changes meanwhile is kept under a version that is over.
        long? version = store.Version("samples_5m");
        if (version is null || (long)ids.Length * days.Count * UsualBytesADay > maxBytes)
        {
            return Within(await StoredAsync(ids, days, value, tooMany, cancellation), range, tooMany);
        }
        Kept kept = _kept;
        if (kept.Version != version || kept.Bytes > maxBytes)
        {
            _kept = kept = new Kept(version);
        }
        DateOnly[] lackingDays = [.. days.Where(day => Array.Exists(ids, id => !kept.Chunks.ContainsKey((id, day, value))))];
        if (lackingDays.Length > 0)
        {
            UInt128[] lacking = Array.FindAll(ids, id => Array.Exists(lackingDays, day => !kept.Chunks.ContainsKey((id, day, value))));
            Dictionary<UInt128, SampleStretch> read = (await StoredAsync(lacking, lackingDays, value, tooMany, cancellation)).ToDictionary(static stretch => stretch.Id);
            foreach (UInt128 id in lacking)
            {
                foreach (DateOnly day in lackingDays)
                {
                    SampleStretch part = read.GetValueOrDefault(id).Within(Of(day));
                    kept.Add((id, day, value), SampleChunk.Pack(part.TimesMs, part.Values));
                }
            }
        }
        var stretches = new List<SampleStretch>(ids.Length * days.Count);
        foreach (UInt128 id in ids)
        {
            foreach (DateOnly day in days)
            {
                byte[] chunk = kept.Chunks[(id, day, value)];
                var stretch = new SampleStretch(id, new long[SampleChunk.Count(chunk)], new double[SampleChunk.Count(chunk)]);
                SampleChunk.Unpack(chunk, stretch.TimesMs, stretch.Values);
                stretches.Add(stretch);
            }
        }
        return Within(stretches, range, tooMany);
    }

    private List<SampleStretch> Within(List<SampleStretch> stretches, TimeRange range, Func<StoreException> tooMany)
    {
        List<SampleStretch> within = [.. stretches.Select(stretch => stretch.Within(range)).Where(static stretch => stretch.TimesMs is { Length: > 0 })];
        return within.Sum(static stretch => (long)stretch.TimesMs.Length) <= options.MaxSamples ? within : throw tooMany();
    }

    /// <summary>The days from the store, of each series one stretch.</summary>
    private async ValueTask<List<SampleStretch>> StoredAsync(
        UInt128[] ids, IReadOnlyList<DateOnly> days, string value, Func<StoreException> tooMany, CancellationToken cancellation)
    {
        string when = $" AND toDate(slot) IN ('{string.Join("', '", days.Select(static day => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)))}')";
        var range = new TimeRange(Of(days[0]).StartMs, Of(days[^1]).EndMs);
        // A range may begin and end within a day.
        long left = options.MaxSamples + (2L * RowsADay * ids.Length);
        var read = new List<SampleStretch>(ids.Length);
        foreach (UInt128[] part in ids.Chunk((int)Math.Clamp(RowsAtOnce / (RowsADay * (long)days.Count), 1, ids.Length)))
        {
            StoreQuery query = SeriesStatement.Of($"SELECT id, last_ts AS ts, {value} AS value FROM samples_5m FINAL", part, range, options, when) with { MaxResultRows = left };
            read.AddRange(await store.ReadAsync(query, result => (left -= result.Rows) >= 0 ? SampleRuns.OfValues(result) : throw tooMany(), cancellation));
        }
        return read;
    }

    /// <summary>A day, after its start by less than a millisecond to its end: the first sample of a day is at its start.</summary>
    private static TimeRange Of(DateOnly day)
    {
        long start = (day.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber) * DayMs;
        return new TimeRange(start - 1, start + DayMs - 1);
    }

    /// <summary>Days of series at a version of the table, packed; of a series without rows an empty chunk.</summary>
    private sealed class Kept(long? version)
    {
        /// <summary>What an entry takes beside its chunk, about.</summary>
        private const int EntryBytes = 128;

        private long _bytes;

        public long? Version => version;

        public long Bytes => Volatile.Read(ref _bytes);

        public ConcurrentDictionary<(UInt128 Id, DateOnly Day, string Value), byte[]> Chunks { get; } = [];

        public void Add((UInt128 Id, DateOnly Day, string Value) key, byte[] chunk)
        {
            if (Chunks.TryAdd(key, chunk))
            {
                Interlocked.Add(ref _bytes, EntryBytes + chunk.Length);
            }
        }
    }
}
