using SloEngine.PromQL.Series;
using SloEngine.Storage;

namespace SloEngine.Query.Metrics;

/// <summary>Series of the store for those who evaluate PromQL outside of a request.</summary>
public static class StoredSeriesSources
{
    /// <summary>One tenant's series.</summary>
    public static ISeriesSource Of(IColumnStore store, QueryOptions options, string tenant) => new StoreSeriesSource(store, options, tenant);
}
