using SloEngine.PromQL.Series;
using SloEngine.Storage;

namespace SloEngine.Query.Metrics;

/// <summary>Series of the store for whoever evaluates PromQL; what was learnt about them for one query serves the next.</summary>
public sealed class StoredSeriesSources(IColumnStore store, QueryOptions options, TimeProvider? time = null)
{
    /// <summary>The part of the memory for samples that is for those of the slot under way, which are not packed.</summary>
    private const int LivePart = 4;

    /// <summary>The part that is for roll-ups.</summary>
    private const int RolledUpPart = 8;

    private readonly SeriesMatch _match = new(store, options);
    private readonly SampleReader _samples = new(
        store, new SampleCache(options.SampleCacheBytes - (options.SampleCacheBytes / LivePart) - (options.SampleCacheBytes / RolledUpPart)), Live(store, options.SampleCacheBytes / LivePart), options, time ?? TimeProvider.System);
    private readonly RolledUpDays _rolledUpDays = new(store, time ?? TimeProvider.System);
    private readonly RolledUpSamples _rolledUp = new(store, options.SampleCacheBytes / RolledUpPart, options);

    /// <summary>One tenant's series.</summary>
    public ISeriesSource Of(string tenant) => Stored(tenant);

    internal StoreSeriesSource Stored(string tenant) => new(store, _match, _samples, _rolledUpDays, _rolledUp, options, tenant);

    private static LiveSamples Live(IColumnStore store, long maxBytes)
    {
        var live = new LiveSamples(maxBytes);
        store.SampleSlots?.Follow(live);
        return live;
    }
}
