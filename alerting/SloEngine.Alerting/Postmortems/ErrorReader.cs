using System.Globalization;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting.Postmortems;

/// <summary>Reads which errors spans and logs tell of, and whether there were as many before.</summary>
internal sealed class ErrorReader(IColumnStore store)
{
    private const int Most = 10;

    /// <summary>Longest stretch that is looked through, from the incident's end back: it is read anew each time.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>The most frequent errors of spans (status error).</summary>
    public Task<IReadOnlyList<ErrorCount>> SpansAsync(string tenant, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation) => ReadAsync(
        """
        SELECT toString(service), concat(toString(name), if(status_message = '', '', concat(': ', substringUTF8(status_message, 1, 200)))) AS what,
            toFloat64(countIf(ts >= fromUnixTimestamp64Milli({from:Int64}))) AS now, toFloat64(count()) - now, lower(hex(anyIf(trace_id, ts >= fromUnixTimestamp64Milli({from:Int64}))))
        FROM spans WHERE tenant = {tenant:String} AND status_code = 2
        """,
        tenant, from, to, cancellation);

    /// <summary>The most frequent log lines from severity ERROR on; numbers in them are put together.</summary>
    public Task<IReadOnlyList<ErrorCount>> LogsAsync(string tenant, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation) => ReadAsync(
        """
        SELECT toString(service), replaceRegexpAll(substringUTF8(body, 1, 200), '[0-9a-fA-F]{8,}|[0-9]+', '#') AS what,
            toFloat64(countIf(ts >= fromUnixTimestamp64Milli({from:Int64}))) AS now, toFloat64(count()) - now,
            lower(hex(anyIf(trace_id, ts >= fromUnixTimestamp64Milli({from:Int64}) AND trace_id != toFixedString('', 16))))
        FROM logs WHERE tenant = {tenant:String} AND severity >= 17
        """,
        tenant, from, to, cancellation);

    private async Task<IReadOnlyList<ErrorCount>> ReadAsync(string select, string tenant, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        from = to - from > Longest ? to - Longest : from;
        QueryResult result = await store.QueryAsync(
            new StoreQuery($$"""
                {{select}} AND ts >= fromUnixTimestamp64Milli({before:Int64}) AND ts <= fromUnixTimestamp64Milli({to:Int64})
                GROUP BY service, what HAVING now > 0 ORDER BY now DESC, what LIMIT {{Most}}
                """)
            {
                Parameters = new Dictionary<string, string>
                {
                    ["tenant"] = tenant,
                    ["before"] = Milliseconds(from - (to - from)),
                    ["from"] = Milliseconds(from),
                    ["to"] = Milliseconds(to),
                },
            },
            cancellation);
        var errors = new List<ErrorCount>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                string trace = block.Text(4).String(row);
                errors.Add(new ErrorCount(
                    block.Text(0).String(row), block.Text(1).String(row), block.Values<double>(2)[row], block.Values<double>(3)[row], trace.Trim('0').Length == 0 ? "" : trace));
            }
        }
        return errors;
    }

    private static string Milliseconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
}
