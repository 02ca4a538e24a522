using System.Globalization;
using System.Text.Json;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>How many series a tenant has, and of what.</summary>
internal sealed record StoreStatistics(
    ulong Series, ulong Pairs, ulong Points, long FirstMs, long LastMs, List<(string Name, ulong Value)> ByMetric, List<(string Name, ulong Value)> ByLabel,
    List<(string Name, ulong Value)> ByPair)
{
    public static async ValueTask<StoreStatistics> ReadAsync(IColumnStore store, string tenant, int topics, CancellationToken cancellation)
    {
        const string Mine = "FROM series WHERE tenant = {tenant:String}";
        async ValueTask<QueryResult> Read(string sql) => await store.QueryAsync(
            new StoreQuery(sql) { Parameters = new Dictionary<string, string> { ["tenant"] = tenant } }, cancellation);

        string pairs = $"(SELECT DISTINCT id, arrayJoin(arrayPushBack(CAST(labels, 'Array(Tuple(String, String))'), ('__name__', toString(metric)))) AS pair {Mine})";
        string top = $"ORDER BY 2 DESC, 1 LIMIT {topics.ToString(CultureInfo.InvariantCulture)}";
        ResultBlock counts = (await Read($"SELECT uniqExact(id), uniqExact(pair) FROM {pairs}")).Blocks[0];
        await store.StoreRecentAsync(cancellation);
        ResultBlock points = (await Read(
            $"SELECT count(), toUnixTimestamp64Milli(min(ts)), toUnixTimestamp64Milli(max(ts)) FROM samples WHERE id IN (SELECT id {Mine})")).Blocks[0];
        return new StoreStatistics(
            counts.Values<ulong>(0)[0], counts.Values<ulong>(1)[0], points.Values<ulong>(0)[0], points.Values<long>(1)[0], points.Values<long>(2)[0],
            Topics(await Read($"SELECT toString(metric), uniqExact(id) {Mine} GROUP BY metric {top}")),
            Topics(await Read($"SELECT pair.1, uniqExact(pair.2) FROM {pairs} GROUP BY pair.1 {top}")),
            Topics(await Read($"SELECT concat(pair.1, '=', pair.2), uniqExact(id) FROM {pairs} GROUP BY pair {top}")));
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("headStats");
        json.WriteNumber("numSeries", Series);
        json.WriteNumber("numLabelPairs", Pairs);
        json.WriteNumber("chunkCount", Points);
        json.WriteNumber("minTime", FirstMs);
        json.WriteNumber("maxTime", LastMs);
        json.WriteEndObject();
        Write(json, "seriesCountByMetricName", ByMetric);
        Write(json, "labelValueCountByLabelName", ByLabel);
        Write(json, "memoryInBytesByLabelName", []);
        Write(json, "seriesCountByLabelValuePair", ByPair);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, List<(string Name, ulong Value)> topics)
    {
        json.WriteStartArray(name);
        foreach ((string topic, ulong value) in topics)
        {
            json.WriteStartObject();
            json.WriteString("name", topic);
            json.WriteNumber("value", value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static List<(string Name, ulong Value)> Topics(QueryResult result)
    {
        var topics = new List<(string Name, ulong Value)>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                topics.Add((block.Text(0).String(row), block.Values<ulong>(1)[row]));
            }
        }
        return topics;
    }
}
