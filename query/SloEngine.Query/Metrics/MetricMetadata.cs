using System.Text.Json;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>Type, help and unit of a metric, as <c>/api/v1/metadata</c> gives them.</summary>
internal sealed record MetricMetadata(string Metric, string Type, string Help, string Unit)
{
    public static async ValueTask<IReadOnlyList<MetricMetadata>> ReadAsync(IColumnStore store, string tenant, string? metric, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery("SELECT metric, any(kind), any(help), any(unit) FROM series WHERE tenant = {tenant:String} AND ({metric:String} = '' OR metric = {metric:String}) GROUP BY metric ORDER BY metric LIMIT 10000")
            {
                Parameters = new Dictionary<string, string> { ["tenant"] = tenant, ["metric"] = metric ?? "" },
            },
            cancellation);
        var all = new List<MetricMetadata>();
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                string type = block.Values<byte>(1)[row] switch { 2 => "counter", 3 or 4 or 6 => "histogram", 5 => "summary", _ => "gauge" };
                all.Add(new MetricMetadata(block.Text(0).String(row), type, block.Text(2).String(row), block.Text(3).String(row)));
            }
        }
        return all;
    }

    /// <summary>Writes metrics by name, each with its list of what is known; a limit below 0 is none.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<MetricMetadata> all, int limit)
    {
        json.WriteStartObject();
        foreach (MetricMetadata metric in limit < 0 ? all : all.Take(limit))
        {
            json.WriteStartArray(metric.Metric);
            json.WriteStartObject();
            json.WriteString("type", metric.Type);
            json.WriteString("unit", metric.Unit);
            json.WriteString("help", metric.Help);
            json.WriteEndObject();
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }
}
