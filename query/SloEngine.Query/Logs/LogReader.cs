using System.Globalization;
using System.Text;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Logs;

/// <summary>A log line with its stream and what else is known of it.</summary>
/// <param name="TimeNanos">Its time, Unix nanoseconds.</param>
/// <param name="Body">The line.</param>
/// <param name="Stream">What it is of.</param>
/// <param name="Metadata">Ids of trace and span, and the record's attributes, by names of labels.</param>
internal sealed record LogLine(long TimeNanos, string Body, LogStream Stream, IReadOnlyList<KeyValuePair<string, string>> Metadata);

/// <summary>A stream: lines of one resource and level.</summary>
/// <param name="Resource">The resource with its scope.</param>
/// <param name="Service">Its service.</param>
/// <param name="Level">Name of the severity.</param>
internal readonly record struct LogStream(UInt128 Resource, string Service, string Level);

/// <summary>Lines, and the attributes of their resources by names of labels.</summary>
internal sealed record LogLines(IReadOnlyList<LogLine> Lines, IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, string>>> Resources);

/// <summary>
/// Reads logs. Stream labels are service_name, the resource's attributes, and the level: the one that was pushed as a label, else that of the severity. (Also as severity; as detected_level that of
/// the severity alone.)
/// </summary>
internal sealed class LogReader(IColumnStore store, QueryOptions options)
{
    /// <summary>The level of a record: its number's name (logs data model, "Severity Fields"), else its text.</summary>
    private const string Level =
        "multiIf(severity >= 21, 'fatal', severity >= 17, 'error', severity >= 13, 'warn', severity >= 9, 'info', severity >= 5, 'debug', severity >= 1, 'trace', severity_text != '', lower(severity_text), 'unknown')";

    private const int MostStreams = 10_000;

    private const string SanitisedKeys = "arrayMap(k -> replaceRegexpAll(k, '[^a-zA-Z0-9_]', '_'), mapKeys(attributes))";

    private const string LabelsOf = $"CAST(mapFromArrays({SanitisedKeys}, mapValues(attributes)), 'Map(String, String)')";

    /// <summary>Lines of a time range, newest or oldest first.</summary>
    public async ValueTask<LogLines> ReadAsync(
        string tenant, LogQuery query, long startNanos, long endNanos, int limit, bool forward, CancellationToken cancellation)
    {
        var parameters = Range(tenant, startNanos, endNanos);
        string where = Where(query, parameters);
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"""
                SELECT ts, service, {Level} AS level, body, lower(hex(trace_id)), lower(hex(span_id)), {LabelsOf}, resource
                FROM logs WHERE {where} ORDER BY ts {(forward ? "ASC" : "DESC")} LIMIT {limit}
                """)
            {
                Parameters = parameters,
                Timeout = options.Timeout,
            },
            cancellation);
        var lines = new List<LogLine>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                MapColumn attributes = block.Map(6);
                lines.Add(new LogLine(
                    block.Values<long>(0)[row], block.Text(3).String(row), new LogStream(block.Values<UInt128>(7)[row], block.Text(1).String(row), block.Text(2).String(row)),
                    [.. Ids(block.Text(4).String(row), block.Text(5).String(row)), .. Pairs(attributes, row)]));
            }
        }
        return new LogLines(lines, await ResourcesAsync(tenant, [.. lines.Select(static line => line.Stream.Resource).Distinct()], cancellation));
    }

    /// <summary>Streams of any of the selectors that have lines in a time range, and the attributes of their resources by names of labels.</summary>
    /// <exception cref="FormatException">There are too many.</exception>
    public async ValueTask<(IReadOnlyList<LogStream> Streams, IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, string>>> Resources)> StreamsAsync(
        string tenant, IReadOnlyList<LogQuery> selectors, long startNanos, long endNanos, CancellationToken cancellation)
    {
        Dictionary<string, string> parameters = Range(tenant, startNanos, endNanos);
        string where = string.Join(" OR ", selectors.Select(selector => $"({Where(selector, parameters)})"));
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"SELECT DISTINCT resource, service, {Level} FROM logs WHERE {where} LIMIT {MostStreams + 1}") { Parameters = parameters, Timeout = options.Timeout },
            cancellation);
        if (result.Rows > MostStreams)
        {
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"more than {MostStreams} streams have lines in that time: ask for fewer, by a selector or a shorter time"));
        }
        LogStream[] streams = [.. result.Blocks.SelectMany(static block => Enumerable.Range(0, block.Rows)
            .Select(row => new LogStream(block.Values<UInt128>(0)[row], block.Text(1).String(row), block.Text(2).String(row))))];
        return (streams, await ResourcesAsync(tenant, [.. streams.Select(static stream => stream.Resource).Distinct()], cancellation));
    }

    private async ValueTask<Dictionary<UInt128, IReadOnlyList<KeyValuePair<string, string>>>> ResourcesAsync(string tenant, UInt128[] ids, CancellationToken cancellation)
    {
        var resources = new Dictionary<UInt128, IReadOnlyList<KeyValuePair<string, string>>>();
        if (ids.Length == 0)
        {
            return resources;
        }
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"SELECT id, {LabelsOf} FROM (SELECT id, any(attributes) AS attributes FROM resources WHERE tenant = {{tenant:String}} AND {SqlText.IsOneOfIds(ids.Length)} GROUP BY id)")
            {
                Parameters = new Dictionary<string, string> { ["tenant"] = tenant, ["ids"] = SqlText.Array(ids) },
                Timeout = options.Timeout,
            },
            cancellation);
        foreach (ResultBlock block in result.Blocks)
        {
            ReadOnlySpan<UInt128> found = block.Values<UInt128>(0);
            MapColumn attributes = block.Map(1);
            for (int row = 0; row < found.Length; row++)
            {
                resources[found[row]] = [.. Pairs(attributes, row)];
            }
        }
        return resources;
    }

    private static IEnumerable<KeyValuePair<string, string>> Pairs(MapColumn attributes, int row)
    {
        (int start, int length) = attributes.Row(row);
        return Enumerable.Range(start, length).Select(entry => KeyValuePair.Create(attributes.Keys.String(entry), attributes.Values.String(entry)));
    }

    private static IEnumerable<KeyValuePair<string, string>> Ids(string trace, string span)
    {
        foreach ((string name, string id) in ((string, string)[])[("trace_id", trace), ("span_id", span)])
        {
            if (id.AsSpan().ContainsAnyExcept('0'))
            {
                yield return KeyValuePair.Create(name, id);
            }
        }
    }

    /// <summary>Names of stream labels.</summary>
    public async ValueTask<IReadOnlyList<string>> LabelNamesAsync(string tenant, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"SELECT DISTINCT arrayJoin({SanitisedKeys}) AS name FROM resources WHERE tenant = {{tenant:String}} ORDER BY name LIMIT 1000")
            {
                Parameters = new Dictionary<string, string> { ["tenant"] = tenant },
            },
            cancellation);
        return [.. Column(result).Append("level").Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Values of a stream label.</summary>
    public async ValueTask<IReadOnlyList<string>> LabelValuesAsync(string tenant, string label, long startNanos, long endNanos, CancellationToken cancellation)
    {
        Dictionary<string, string> parameters = Range(tenant, startNanos, endNanos);
        parameters["label"] = label;
        string time = "tenant = {tenant:String} AND ts >= fromUnixTimestamp64Nano({start:Int64}) AND ts < fromUnixTimestamp64Nano({end:Int64})";
        string sql = label switch
        {
            "service_name" => $"SELECT DISTINCT service AS v FROM logs WHERE {time} ORDER BY v LIMIT 1000",
            "detected_level" => $"SELECT DISTINCT {Level} AS v FROM logs WHERE {time} ORDER BY v",
            "level" or "severity" => $"""
                SELECT DISTINCT v FROM
                (
                    SELECT {Level} AS v FROM logs WHERE {time} AND NOT {ResourceIn($"{OfResource("{label:String}")} != ''")}
                    UNION ALL SELECT {OfResource("{label:String}")} AS v FROM resources WHERE tenant = {"{tenant:String}"}
                )
                WHERE v != '' ORDER BY v LIMIT 1000
                """,
            _ => $"SELECT DISTINCT {OfResource("{label:String}")} AS v FROM resources WHERE tenant = {{tenant:String}} AND v != '' ORDER BY v LIMIT 1000",
        };
        return Column(await store.QueryAsync(new StoreQuery(sql) { Parameters = parameters, Timeout = options.Timeout }, cancellation));
    }

    private static List<string> Column(QueryResult result)
    {
        var values = new List<string>();
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                values.Add(block.Text(0).String(row));
            }
        }
        return values;
    }

    private static Dictionary<string, string> Range(string tenant, long startNanos, long endNanos) => new()
    {
        ["tenant"] = tenant,
        ["start"] = startNanos.ToString(CultureInfo.InvariantCulture),
        ["end"] = endNanos.ToString(CultureInfo.InvariantCulture),
    };

    private static string Where(LogQuery query, Dictionary<string, string> parameters)
    {
        var where = new StringBuilder("tenant = {tenant:String} AND ts >= fromUnixTimestamp64Nano({start:Int64}) AND ts < fromUnixTimestamp64Nano({end:Int64})");
        string Add(string value)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"p{parameters.Count}");
            parameters.Add(name, value);
            return $"{{{name}:String}}";
        }
        foreach (LabelMatcher matcher in query.Matchers)
        {
            bool regex = matcher.Kind is MatchKind.Regex or MatchKind.NotRegex;
            string value = Add(regex ? $"^(?s:{matcher.Value})$" : matcher.Value);
            string Is(string expression) => regex ? $"match({expression}, {value})" : $"{expression} = {value}";
            string Own() => OfResource(Add(matcher.Label));
            string condition = matcher.Label switch
            {
                "service_name" or "service" => Is("service"),
                "detected_level" => Is(Level),
                "level" or "severity" when Own() is var own => $"if({ResourceIn($"{own} != ''")}, {ResourceIn(Is(own))}, {Is(Level)})",
                _ => ResourceIn(Is(Own())),
            };
            where.Append(CultureInfo.InvariantCulture, $" AND {(matcher.Kind is MatchKind.NotEqual or MatchKind.NotRegex ? "NOT " : "")}({condition})");
        }
        foreach (LineFilter filter in query.Filters)
        {
            string value = Add(filter.Text);
            where.Append(filter.Operator switch
            {
                "|=" => $" AND position(body, {value}) > 0",
                "!=" => $" AND position(body, {value}) = 0",
                "|~" => $" AND match(body, {value})",
                _ => $" AND NOT match(body, {value})",
            });
        }
        return where.ToString();
    }

    /// <summary>Whether the resource of a line is one of those for which a condition holds.</summary>
    private static string ResourceIn(string condition) => $"resource IN (SELECT id FROM resources WHERE tenant = {{tenant:String}} AND {condition})";

    /// <summary>Value of a label among the attributes of a resource; empty without one.</summary>
    private static string OfResource(string label) => $"mapValues(attributes)[indexOf({SanitisedKeys}, {label})]";
}
