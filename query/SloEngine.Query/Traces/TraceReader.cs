using System.Globalization;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Traces;

/// <summary>A trace found by a search.</summary>
internal sealed record TraceSummary(string TraceId, string RootService, string RootName, long StartNanos, long DurationNanos, IReadOnlyList<MatchedSpan> Spans, int Matched);

/// <summary>A span that matched.</summary>
internal readonly record struct MatchedSpan(string SpanId, string Name, long StartNanos, long DurationNanos);

/// <summary>Reads traces.</summary>
internal sealed class TraceReader(IColumnStore store, QueryOptions options)
{
    /// <summary>Traces with a span that satisfies a SQL condition made by <see cref="TraceQl"/>, newest first.</summary>
    public async ValueTask<IReadOnlyList<TraceSummary>> SearchAsync(
        string tenant, string condition, Dictionary<string, string> parameters, long startMs, long endMs, int limit, int spansPerTrace, CancellationToken cancellation)
    {
        parameters["tenant"] = tenant;
        parameters["start"] = startMs.ToString(CultureInfo.InvariantCulture);
        parameters["end"] = endMs.ToString(CultureInfo.InvariantCulture);
        const string Time = "tenant = {tenant:String} AND ts >= fromUnixTimestamp64Milli({start:Int64}) AND ts <= fromUnixTimestamp64Milli({end:Int64})";
        QueryResult result = await store.QueryAsync(
            new StoreQuery($$"""
                WITH found AS (
                    SELECT trace_id, max(ts) AS latest, count() AS matched,
                           groupArray({{spansPerTrace}})(lower(hex(span_id))) AS ids, groupArray({{spansPerTrace}})(toString(name)) AS names,
                           groupArray({{spansPerTrace}})(toUnixTimestamp64Nano(ts)) AS starts, groupArray({{spansPerTrace}})(duration) AS durations
                    FROM spans WHERE {{Time}} AND {{condition}} GROUP BY trace_id ORDER BY latest DESC LIMIT {{limit}})
                SELECT lower(hex(trace_id)), roots.service, roots.name, roots.began, roots.lasted, ids, names, starts, durations, toUInt64(matched)
                FROM found INNER JOIN (
                    SELECT trace_id, argMin(toString(service), (parent_span_id != toFixedString('', 8), ts)) AS service,
                           argMin(toString(name), (parent_span_id != toFixedString('', 8), ts)) AS name,
                           toUnixTimestamp64Nano(min(ts)) AS began, toUInt64(max(toUnixTimestamp64Nano(ts) + duration) - toUnixTimestamp64Nano(min(ts))) AS lasted
                    FROM spans WHERE tenant = {tenant:String} AND trace_id IN (SELECT trace_id FROM found) GROUP BY trace_id) AS roots USING trace_id
                ORDER BY latest DESC
                """)
            {
                Parameters = parameters,
                Timeout = options.Timeout,
            },
            cancellation);
        var traces = new List<TraceSummary>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                traces.Add(Summary(block, row));
            }
        }
        return traces;
    }

    /// <summary>Every span of a trace, with its resource.</summary>
    public async ValueTask<QueryResult> ReadAsync(string tenant, string traceId, CancellationToken cancellation) => await store.QueryAsync(
        new StoreQuery("""
            SELECT resource, lower(hex(span_id)), lower(hex(parent_span_id)), trace_state, name, kind, toUnixTimestamp64Nano(ts), duration, status_code, status_message,
                   attributes, attribute_types, arrayMap(t -> toUnixTimestamp64Nano(t), events.ts), events.name, events.attributes, events.attribute_types,
                   arrayMap(t -> lower(hex(t)), links.trace_id), arrayMap(t -> lower(hex(t)), links.span_id), links.attributes, links.attribute_types,
                   flags, dropped_attributes_count, dropped_events_count, dropped_links_count, events.dropped_attributes_count,
                   links.trace_state, links.flags, links.dropped_attributes_count
            FROM spans WHERE tenant = {tenant:String} AND trace_id = unhex({trace:String}) ORDER BY resource, ts
            """)
        {
            Parameters = new Dictionary<string, string> { ["tenant"] = tenant, ["trace"] = traceId },
            Timeout = options.Timeout,
        },
        cancellation);

    /// <summary>The resources of a trace.</summary>
    public async ValueTask<QueryResult> ReadResourcesAsync(string tenant, string traceId, CancellationToken cancellation) => await store.QueryAsync(
        new StoreQuery("""
            SELECT id, attributes, attribute_types, scope_name, scope_version, scope_attributes, scope_attribute_types,
                   dropped_attributes_count, scope_dropped_attributes_count FROM resources FINAL WHERE tenant = {tenant:String}
            AND id IN (SELECT resource FROM spans WHERE tenant = {tenant:String} AND trace_id = unhex({trace:String}))
            """)
        {
            Parameters = new Dictionary<string, string> { ["tenant"] = tenant, ["trace"] = traceId },
            Timeout = options.Timeout,
        },
        cancellation);

    private static TraceSummary Summary(ResultBlock block, int row)
    {
        (int start, int length) = block.Array(5).Row(row);
        var ids = (BytesResultColumn)block.Array(5).Items;
        var names = (BytesResultColumn)block.Array(6).Items;
        var spans = new List<MatchedSpan>(length);
        for (int item = start; item < start + length; item++)
        {
            spans.Add(new MatchedSpan(
                ids.String(item), names.String(item),
                ((FixedColumn<long>)block.Array(7).Items).Values[item], (long)((FixedColumn<ulong>)block.Array(8).Items).Values[item]));
        }
        return new TraceSummary(
            block.Text(0).String(row), block.Text(1).String(row), block.Text(2).String(row), block.Values<long>(3)[row],
            (long)block.Values<ulong>(4)[row], spans, (int)block.Values<ulong>(9)[row]);
    }
}
