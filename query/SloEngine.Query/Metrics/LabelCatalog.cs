using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>Names and values of labels of one tenant's series. The store answers without listing series wherever it can.</summary>
internal sealed class LabelCatalog(IColumnStore store, StoredSeriesSources sources, QueryOptions options, string tenant)
{
    private readonly StoreSeriesSource _source = sources.Stored(tenant);

    /// <summary>Labels of the series that any of the selectors matches.</summary>
    public async ValueTask<IReadOnlyCollection<Labels>> SeriesAsync(
        IReadOnlyList<IReadOnlyList<LabelMatcher>> selectors, TimeRange? active, CancellationToken cancellation)
    {
        var all = new SortedSet<Labels>(Comparer<Labels>.Create(static (left, right) => left.CompareTo(right)));
        foreach (IReadOnlyList<LabelMatcher> matchers in selectors)
        {
            all.UnionWith(await _source.LabelsAsync(matchers, active, cancellation));
        }
        return all;
    }

    /// <summary>Names of labels; of all series when there is no selector.</summary>
    public async ValueTask<SortedSet<string>> NamesAsync(
        IReadOnlyList<IReadOnlyList<LabelMatcher>> selectors, TimeRange? active, CancellationToken cancellation)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (IReadOnlyList<LabelMatcher> matchers in selectors.Count == 0 ? [[]] : selectors)
        {
            if (TellsVirtualSeriesApart(matchers))
            {
                foreach (Labels labels in await _source.LabelsAsync(matchers, active, cancellation))
                {
                    foreach ((string name, _) in labels.Pairs)
                    {
                        names.Add(name);
                    }
                }
                continue;
            }
            const string Names = "arrayConcat(CAST(mapKeys(labels), 'Array(String)'), if(kind = 3, ['__name__', 'le'], ['__name__']))";
            names.UnionWith(await DistinctAsync($"arrayJoin({Names})", matchers, active, [], cancellation));
        }
        return names;
    }

    /// <summary>Values of a label; of all series when there is no selector.</summary>
    public async ValueTask<SortedSet<string>> ValuesAsync(
        string label, IReadOnlyList<IReadOnlyList<LabelMatcher>> selectors, TimeRange? active, CancellationToken cancellation)
    {
        var values = new SortedSet<string>(StringComparer.Ordinal);
        foreach (IReadOnlyList<LabelMatcher> matchers in selectors.Count == 0 ? [[]] : selectors)
        {
            if (label == "le" || TellsVirtualSeriesApart(matchers))
            {
                values.UnionWith((await _source.LabelsAsync(matchers, active, cancellation)).Select(new AskedLabel(label).Of));
                continue;
            }
            var parameters = new Dictionary<string, string>();
            string sql = label == Labels.MetricName ? $"arrayJoin({SeriesCondition.NamesSql})" : new AskedLabel(label).Sql("label", parameters);
            values.UnionWith(await DistinctAsync(sql, matchers, active, parameters, cancellation));
        }
        values.Remove("");
        return values;
    }

    /// <summary>Whether some of the series that a stored histogram stands for may match, and others not.</summary>
    private static bool TellsVirtualSeriesApart(IReadOnlyList<LabelMatcher> matchers) => matchers.Any(matcher => matcher.Label is Labels.MetricName or "le");

    private async ValueTask<List<string>> DistinctAsync(
        string value, IReadOnlyList<LabelMatcher> matchers, TimeRange? active, Dictionary<string, string> parameters, CancellationToken cancellation)
    {
        if (active is not null)
        {
            await store.StoreRecentAsync(cancellation);
        }
        // None of them is about the name.
        string where = SeriesCondition.Of(tenant, [.. matchers.Select(static matcher => new StoreMatcher(matcher))], active, parameters);
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"SELECT DISTINCT toString({value}) FROM series WHERE {where}") { Parameters = parameters, Timeout = options.Timeout }, cancellation);
        var all = new List<string>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                all.Add(block.Text(0).String(row));
            }
        }
        return all;
    }
}
