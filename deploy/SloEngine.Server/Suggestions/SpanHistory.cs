using System.Globalization;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Suggestions;

/// <summary>What a service's entry spans came to.</summary>
internal sealed record SpanHistory
{
    /// <summary>Thresholds that a latency is rounded up to, in milliseconds.</summary>
    private static readonly long[] Thresholds =
        [1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 20_000, 30_000, 60_000, 300_000, 3_600_000];

    public required string Service { get; init; }

    /// <summary>server or consumer.</summary>
    public required string Kind { get; init; }

    public required double Total { get; init; }

    public required double Failed { get; init; }

    /// <summary>Threshold that 99 % of them did not exceed, in milliseconds, and how many did not.</summary>
    public required (long Milliseconds, double Count) Fast { get; init; }

    /// <summary>Reads the spans that sampling has left.</summary>
    public static async Task<IReadOnlyList<SpanHistory>> ReadAsync(IColumnStore store, string tenant, int days, CancellationToken cancellation)
    {
        // Of the thresholds that 99 % do not exceed the smallest; where there is none, none is needed.
        string ladder = string.Join(',', Thresholds);
        QueryResult result = await store.QueryAsync(
            new StoreQuery($$"""
                SELECT service, kind, toFloat64(count()), toFloat64(countIf(status_code = 2)), sumForEach(arrayMap(t -> toFloat64(duration <= t * 1000000), [{{ladder}}])) FROM spans
                WHERE tenant = {tenant:String} AND kind IN (2, 5) AND service != '' AND ts > now() - INTERVAL {days:UInt32} DAY GROUP BY service, kind ORDER BY service, kind
                """)
            {
                Parameters = new Dictionary<string, string> { ["tenant"] = tenant, ["days"] = days.ToString(CultureInfo.InvariantCulture) },
            },
            cancellation);
        var all = new List<SpanHistory>();
        foreach (ResultBlock block in result.Blocks)
        {
            ArrayColumn counts = block.Array(4);
            for (int row = 0; row < block.Rows; row++)
            {
                (int start, int length) = counts.Row(row);
                ReadOnlySpan<double> below = ((FixedColumn<double>)counts.Items).Values.Slice(start, length);
                double total = block.Values<double>(2)[row];
                int index = 0;
                while (index < below.Length - 1 && below[index] < total * 0.99)
                {
                    index++;
                }
                all.Add(new SpanHistory
                {
                    Service = block.Text(0).String(row),
                    Kind = block.Values<byte>(1)[row] == 2 ? "server" : "consumer",
                    Total = total,
                    Failed = block.Values<double>(3)[row],
                    Fast = (Thresholds[index], below[index]),
                });
            }
        }
        return all;
    }
}
