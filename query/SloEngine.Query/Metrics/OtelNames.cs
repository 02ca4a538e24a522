using System.Collections.Concurrent;
using SloEngine.Otlp.Naming;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>Finds the stored metrics that names of OpenTelemetry stand for; what a name stands for is kept until the table <c>series</c> gets further rows.</summary>
internal sealed class OtelNames(IColumnStore store, QueryOptions options)
{
    private const int MostKept = 10_000;

    private readonly ConcurrentDictionary<(string Tenant, string Name), (long Version, OtelMetric Metric)> _known = [];

    /// <summary>The matchers as the store can satisfy them.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="matchers">The matchers.</param>
    /// <param name="version">What the table was at before; null where that is not known.</param>
    /// <param name="cancellation">Cancels the search.</param>
    public async ValueTask<StoreMatcher[]> ResolveAsync(string tenant, IReadOnlyList<LabelMatcher> matchers, long? version, CancellationToken cancellation)
    {
        var resolved = new StoreMatcher[matchers.Count];
        for (int index = 0; index < resolved.Length; index++)
        {
            bool isForeign = matchers[index] is { Label: Labels.MetricName, Kind: MatchKind.Equal, Value.Length: > 0 } && !PrometheusName.IsMetric(matchers[index].Value);
            resolved[index] = new StoreMatcher(matchers[index], isForeign ? await FindAsync(tenant, matchers[index].Value, version, cancellation) : null);
        }
        return resolved;
    }

    private async ValueTask<OtelMetric> FindAsync(string tenant, string name, long? version, CancellationToken cancellation)
    {
        if (_known.TryGetValue((tenant, name), out (long Version, OtelMetric Metric) known) && known.Version == version)
        {
            return known.Metric;
        }
        OtelMetric found = await ReadAsync(tenant, name, cancellation);
        if (version is { } current)
        {
            if (_known.Count >= MostKept)
            {
                _known.Clear();
            }
            _known[(tenant, name)] = (current, found);
        }
        return found;
    }

    private async ValueTask<OtelMetric> ReadAsync(string tenant, string name, CancellationToken cancellation)
    {
        string translated = PrometheusName.Of(name, unit: "", isCounter: false, isGauge: false);
        QueryResult result = await store.QueryAsync(
            new StoreQuery("""
                SELECT DISTINCT toString(metric), toString(otel_name), kind FROM series
                WHERE tenant = {tenant:String} AND (otel_name IN {names:Array(String)} OR metric IN {metrics:Array(String)})
                """)
            {
                Parameters = new Dictionary<string, string>
                {
                    ["tenant"] = tenant,
                    ["names"] = SqlText.Array(SeriesCondition.BaseNames(name)),
                    ["metrics"] = SqlText.Array(SeriesCondition.BaseNames(name).Concat(SeriesCondition.BaseNames(translated))),
                },
                Timeout = options.Timeout,
            },
            cancellation);
        var stored = new List<(MetricOrigin, byte)>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                stored.Add((new MetricOrigin(block.Text(0).String(row), block.Text(1).String(row)), block.Values<byte>(2)[row]));
            }
        }
        return OtelMetric.Of(name, stored);
    }
}
