using System.Globalization;
using SloEngine.Storage;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Metrics;

/// <summary>
/// Reads samples of series: slots of time that are over out of the cache, the slot under way out of what is kept of it; both take what they lack
/// from the store. Where others write into the store too, all comes from there.
/// </summary>
internal sealed class SampleReader(IColumnStore store, SampleCache cache, LiveSamples live, QueryOptions options, TimeProvider time)
{
    /// <summary>Rows that one statement is to read: few statements, since each looks into every part, and no result that is large (32 bytes a row).</summary>
    private const long RowsAtOnce = 16_000_000;

    /// <summary>Statements that read, and threads that unpack, at one time.</summary>
    private const int Readers = 2;

    /// <summary>What is taken for the interval of samples before they are read.</summary>
    private const long UsualIntervalMs = 15_000;

    /// <summary>Bytes that the packed samples of a slot take, about.</summary>
    private const long UsualChunkBytes = 400;

    /// <summary>Rows up to which a slot is read as a whole although little of it is asked for.</summary>
    private const long FewRows = 4_000_000;

    /// <summary>How long a slot is over before it is kept: until then it changes with most batches.</summary>
    private const long SettlingMs = 60_000;

    /// <summary>How far ahead of now samples are kept: clocks of senders differ.</summary>
    private const long AheadMs = 3_600_000;

    /// <summary>The engine's code of a statement that reads more than it may.</summary>
    private const int TooManyRows = 396;

    /// <summary>Samples of series after the start of a range and up to its end, each series' ascending in time and those of the cache packed.</summary>
    /// <param name="ids">The series, ascending: those that are neighbours in the table are read together.</param>
    /// <param name="isWhole">Whether these are all series of their metrics.</param>
    /// <param name="range">The range.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="StoreException">There are more samples than a query may read, or the engine failed.</exception>
    public async ValueTask<IReadOnlyList<ReadSeries>> ReadAsync(UInt128[] ids, bool isWhole, TimeRange range, CancellationToken cancellation)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        long settled = SlotVersions.Of(now - SettlingMs) - 1;
        long first = SlotVersions.Of(range.StartMs + 1);
        long last = Math.Min(SlotVersions.Of(range.EndMs), settled);
        if (store.SampleSlots is not { } slots || first < 0 || (last - first + 1) * ids.Length * UsualChunkBytes > cache.MaxBytes)
        {
            return Plain(await StoredAsync(ids, isWhole, range, options.MaxSamples, cancellation));
        }
        if (first > settled)
        {
            return Plain(await UnderWayAsync(ids, isWhole, now, SlotVersions.EndMs(settled), range, cancellation));
        }
        var wanted = new SlotReads(ids, first, (int)(last - first + 1), slots, cache);
        if (wanted.Lacking.Count > 0)
        {
            long rows = (long)wanted.Lacking.Count * wanted.Versions.Length * (SlotVersions.SlotMs / UsualIntervalMs);
            bool isWide = (range.EndMs - range.StartMs) * 4 > wanted.Versions.Length * SlotVersions.SlotMs;
            if ((!isWide && rows > FewRows) || !await FillAsync(wanted, isWhole, cancellation))
            {
                return Plain(await StoredAsync(ids, isWhole, range, options.MaxSamples, cancellation));
            }
        }
        long end = SlotVersions.EndMs(last);
        Dictionary<UInt128, SampleStretch> behind = [];
        if (end < range.EndMs)
        {
            IReadOnlyCollection<SampleStretch> underWay = await UnderWayAsync(ids, isWhole, now, end, new TimeRange(end, range.EndMs), cancellation);
            behind = underWay.ToDictionary(static stretch => stretch.Id);
        }
        var read = new List<ReadSeries>(ids.Length);
        long samples = 0;
        for (int index = 0; index < ids.Length; index++)
        {
            PackedSamples packed = wanted.Packed(index, range, behind.GetValueOrDefault(ids[index]));
            if (packed.Count > 0)
            {
                read.Add(new ReadSeries(ids[index], packed));
            }
            samples += packed.Count;
        }
        return samples <= options.MaxSamples ? read : throw TooMany();
    }

    /// <summary>Samples of the slot under way, which begins after <paramref name="slotStart"/>.</summary>
    private async ValueTask<IReadOnlyCollection<SampleStretch>> UnderWayAsync(
        UInt128[] ids, bool isWhole, long now, long slotStart, TimeRange range, CancellationToken cancellation)
    {
        var kept = new TimeRange(slotStart, now + AheadMs);
        long usual = 1 + ((now - slotStart) / UsualIntervalMs);
        if (range.EndMs > kept.EndMs || ids.Length * usual > FewRows || LiveSamples.BytesOf(ids.Length, usual) > live.MaxBytes / 2)
        {
            return await StoredAsync(ids, isWhole, range, options.MaxSamples, cancellation);
        }
        var found = new Dictionary<UInt128, SampleStretch>(ids.Length);
        LackingSeries lacking = live.Take(ids, slotStart, range, found);
        if (lacking.Ids.Count > 0)
        {
            List<SampleStretch> read;
            try
            {
                read = await StoredAsync([.. lacking.Ids], isWhole && lacking.Ids.Count * 2 > ids.Length, kept, options.MaxSamples, cancellation);
            }
            catch (StoreException failure) when (failure.Code == TooManyRows)
            {
                return await StoredAsync(ids, isWhole, range, options.MaxSamples, cancellation);
            }
            Dictionary<UInt128, SampleStretch> byId = read.ToDictionary(static stretch => stretch.Id);
            live.Keep(lacking, kept, byId);
            foreach (UInt128 id in lacking.Ids)
            {
                if (byId.GetValueOrDefault(id).Within(range) is { TimesMs.Length: > 0 } stretch)
                {
                    found.Add(id, stretch);
                }
            }
        }
        return found.Values.Sum(static stretch => (long)stretch.TimesMs.Length) <= options.MaxSamples ? found.Values : throw TooMany();
    }

    private static ReadSeries[] Plain(IReadOnlyCollection<SampleStretch> read) => [.. read.Select(static stretch => new ReadSeries(stretch.Id, PackedSamples.Of(stretch)))];

    /// <summary>Takes what the cache lacks from the store; false when that is more than a query may read.</summary>
    private async ValueTask<bool> FillAsync(SlotReads wanted, bool isWhole, CancellationToken cancellation)
    {
        UInt128[] ids = [.. wanted.Lacking.Select(index => wanted.Ids[index])];
        // A few new series are not to read what lies between them, which is known.
        isWhole &= ids.Length * 2 > wanted.Ids.Length;
        Dictionary<UInt128, int> places = wanted.Lacking.ToDictionary(index => wanted.Ids[index]);
        foreach ((int from, int until) in wanted.Gaps())
        {
            var range = new TimeRange(SlotVersions.EndMs(wanted.First + from - 1), SlotVersions.EndMs(wanted.First + until - 1));
            List<SampleStretch> read;
            try
            {
                read = await StoredAsync(ids, isWhole, range, options.MaxSamples + RowsAtOnce, cancellation);
            }
            catch (StoreException failure) when (failure.Code == TooManyRows)
            {
                return false;
            }
            Dictionary<UInt128, SampleStretch> byId = read.ToDictionary(static stretch => stretch.Id);
            Parallel.ForEach(places, new ParallelOptions { MaxDegreeOfParallelism = Readers, CancellationToken = cancellation }, place =>
                wanted.Keep(place.Value, from, until, byId.GetValueOrDefault(place.Key, new SampleStretch(place.Key, [], []))));
        }
        return true;
    }

    private async ValueTask<List<SampleStretch>> StoredAsync(UInt128[] ids, bool isWhole, TimeRange range, long most, CancellationToken cancellation)
    {
        long left = most;
        // Before the table is read: what goes there meanwhile is found in both.
        Dictionary<UInt128, SampleStretch> recent = RecentStretches.Of(store.Recent, ids, range);
        foreach (SampleStretch stretch in recent.Values)
        {
            left -= stretch.TimesMs.Length;
        }
        if (left < 0)
        {
            throw TooMany();
        }
        long usual = Math.Max(1, (range.EndMs - range.StartMs) / UsualIntervalMs);
        UInt128[][] parts = [.. ids.Chunk((int)Math.Clamp(RowsAtOnce / usual, 1, ids.Length))];
        var read = new List<SampleStretch>[parts.Length];
        await Parallel.ForAsync(0, parts.Length, new ParallelOptions { MaxDegreeOfParallelism = Readers, CancellationToken = cancellation }, async (part, token) =>
        {
            StoreQuery query = SeriesStatement.Of("SELECT id, ts, number, scale FROM samples", parts[part], range, options, isRange: isWhole && AreNeighbours(parts[part])) with
            {
                MaxResultRows = most,
            };
            read[part] = await store.ReadAsync(query, result => Interlocked.Add(ref left, -result.Rows) >= 0 ? SampleRuns.OfSamples(result) : throw TooMany(), token);
        });
        List<SampleStretch> stored = parts.Length == 1 ? read[0] : [.. read.SelectMany(static part => part)];
        return RecentStretches.Behind(stored, recent);
    }

    /// <summary>Whether ids begin alike, as those of one metric do: nothing else lies between them.</summary>
    public static bool AreNeighbours(UInt128[] ids) => SeriesRow.FamilyOf(ids[0]) == SeriesRow.FamilyOf(ids[^1]);

    /// <summary>What the engine says when one statement alone reads too much.</summary>
    private StoreException TooMany() => new(TooManyRows, string.Create(CultureInfo.InvariantCulture, $"the selector reads more than {options.MaxSamples} samples"));

    /// <summary>What a query wants of slots, and what of it the cache has.</summary>
    private sealed class SlotReads
    {
        private readonly SeriesChunks[] _series;
        private readonly byte[]?[] _chunks;
        private readonly SampleCache _cache;

        public SlotReads(UInt128[] ids, long first, int count, SlotVersions slots, SampleCache cache)
        {
            (Ids, First, _cache) = (ids, first, cache);
            // Before anything is read: what changes meanwhile is kept under a version that is over.
            Versions = new long[count];
            for (int slot = 0; slot < count; slot++)
            {
                Versions[slot] = slots[first + slot];
            }
            _series = Array.ConvertAll(ids, cache.Of);
            _chunks = new byte[]?[ids.Length * count];
            for (int index = 0; index < ids.Length; index++)
            {
                if (!_series[index].Read(first, Versions, Chunks(index)))
                {
                    Lacking.Add(index);
                }
            }
        }

        public UInt128[] Ids { get; }

        public long First { get; }

        public long[] Versions { get; }

        /// <summary>Places of the series of which a slot is not known.</summary>
        public List<int> Lacking { get; } = [];

        /// <summary>Runs of slots that are not known of some series, each from a slot until another, counted from the first.</summary>
        public IEnumerable<(int From, int Until)> Gaps()
        {
            var lacks = new bool[Versions.Length];
            foreach (int index in Lacking)
            {
                for (int slot = 0; slot < lacks.Length; slot++)
                {
                    lacks[slot] |= Chunks(index)[slot] is null;
                }
            }
            for (int from = 0; from < lacks.Length; from++)
            {
                int until = from;
                while (until < lacks.Length && lacks[until])
                {
                    until++;
                }
                if (until > from)
                {
                    yield return (from, until);
                    from = until;
                }
            }
        }

        /// <summary>Packs what was read of a series between two slots.</summary>
        public void Keep(int index, int from, int until, SampleStretch read)
        {
            long bytes = 0;
            for (int slot = from, start = 0; slot < until; slot++)
            {
                int end = start + PackedSamples.Until(read.TimesMs.AsSpan(start), SlotVersions.EndMs(First + slot));
                byte[] chunk = SampleChunk.Pack(read.TimesMs.AsSpan(start..end), read.Values.AsSpan(start..end));
                Chunks(index)[slot] = chunk;
                bytes += _series[index].Keep(First + slot, Versions[slot], chunk);
                start = end;
            }
            _cache.Grow(bytes);
        }

        /// <summary>Samples of a series within a range, and those that follow the slots.</summary>
        public PackedSamples Packed(int index, TimeRange range, SampleStretch behind) =>
            PackedSamples.Of(new ArraySegment<byte[]?>(_chunks, index * Versions.Length, Versions.Length), First, range, behind);

        private Span<byte[]?> Chunks(int index) => _chunks.AsSpan(index * Versions.Length, Versions.Length);
    }
}

/// <summary>Samples of a stored series.</summary>
internal readonly record struct ReadSeries(UInt128 Id, PackedSamples Samples);
