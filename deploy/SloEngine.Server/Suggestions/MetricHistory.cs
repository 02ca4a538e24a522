using System.Globalization;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Suggestions;

/// <summary>What a service's durations came to.</summary>
/// <param name="Total">Events.</param>
/// <param name="Failed">Events that failed.</param>
/// <param name="AtOrBelow">Events by the bounds of the histogram, ascending; the bound as its label has it.</param>
internal sealed record DurationCounts(double Total, double Failed, IReadOnlyList<(string Label, double Bound, double Count)> AtOrBelow);

/// <summary>Asks the store's metrics what services did.</summary>
internal sealed class MetricHistory(IColumnStore store, PromQLEngine engine, ISeriesSource source, string tenant, int days, DateTimeOffset now)
{
    /// <summary>Services of late, each with the durations that it exports.</summary>
    public async Task<IReadOnlyList<(string Service, KnownDuration Duration)>> ServicesAsync(CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery("""
                SELECT DISTINCT labels['service_name'] AS service, toString(metric) AS name FROM series
                WHERE tenant = {tenant:String} AND has({metrics:Array(String)}, toString(metric)) AND kind = 3 AND service != '' AND last_seen > now() - INTERVAL {days:UInt32} DAY
                ORDER BY service, name
                """)
            {
                Parameters = new Dictionary<string, string>
                {
                    ["tenant"] = tenant,
                    ["metrics"] = SqlText.Array(KnownDuration.All.Select(duration => duration.Metric)),
                    ["days"] = days.ToString(CultureInfo.InvariantCulture),
                },
            },
            cancellation);
        return [.. result.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows).Select(row =>
            (block.Text(0).String(row), KnownDuration.All.First(duration => duration.Metric == block.Text(1).String(row)))))];
    }

    /// <exception cref="PromQLEvaluationException">It is more than a query may read.</exception>
    public async Task<DurationCounts> ReadAsync(string service, KnownDuration duration, CancellationToken cancellation)
    {
        string selector = Selector(service);
        string range = string.Create(CultureInfo.InvariantCulture, $"[{days}d]");
        double failed = await SamplesAsync($"sum(increase({duration.Metric}_count{{{selector},{duration.Failed}}}{range}))") is [{ } sum] ? sum.Value : 0;
        IReadOnlyList<VectorSample> buckets = await SamplesAsync($"sum by (le) (increase({duration.Metric}_bucket{{{selector}}}{range}))");
        double total = 0;
        var bounds = new List<(string Label, double Bound, double Count)>();
        foreach (VectorSample bucket in buckets)
        {
            string label = bucket.Labels["le"];
            if (label == "+Inf")
            {
                total = bucket.Value;
            }
            else if (double.TryParse(label, NumberStyles.Float, CultureInfo.InvariantCulture, out double bound) && double.IsFinite(bound))
            {
                bounds.Add((label, bound, bucket.Value));
            }
        }
        return new DurationCounts(total, failed, [.. bounds.OrderBy(bucket => bucket.Bound)]);

        async Task<IReadOnlyList<VectorSample>> SamplesAsync(string query) =>
            ((VectorResult)await engine.InstantAsync(PromQLParser.Parse(query), source, now.ToUnixTimeMilliseconds(), cancellation)).Samples;
    }

    /// <summary>The matcher of a service, as PromQL quotes it.</summary>
    public static string Selector(string service) =>
        $"service_name=\"{service.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).ReplaceLineEndings("\\n")}\"";
}
