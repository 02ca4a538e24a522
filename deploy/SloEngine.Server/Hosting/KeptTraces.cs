using System.Globalization;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Hosting;

/// <summary>The traces of which the store has spans of late: tail sampling has decided to keep them.</summary>
internal static class KeptTraces
{
    /// <summary>Reads those of the past half hour, the newest first.</summary>
    public static async Task<IReadOnlyList<UInt128>> ReadAsync(IColumnStore store, int most, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery("SELECT reinterpretAsUInt128(trace_id) FROM spans WHERE ts > now() - INTERVAL 30 MINUTE GROUP BY trace_id ORDER BY max(ts) DESC LIMIT {most:UInt32}")
            {
                Parameters = new Dictionary<string, string> { ["most"] = most.ToString(CultureInfo.InvariantCulture) },
            },
            cancellation);
        var traces = new List<UInt128>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                traces.Add(block.Values<UInt128>(0)[row]);
            }
        }
        return traces;
    }
}
