using System.Globalization;
using System.Text;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Logs;

/// <summary>A log line with its stream labels and what else is known of it.</summary>
internal sealed record LogLine(long TimeNanos, string Service, string Level, string Body, string TraceId, string SpanId, IReadOnlyList<KeyValuePair<string, string>> Attributes);

/// <summary>Reads logs. Stream labels are service_name, level (also severity and detected_level) and the resource's attributes.</summary>
internal sealed class LogReader(IColumnStore store, QueryOptions options)
{
    /// <summary>The level of a record: its number's name (logs data model, "Severity Fields"), else its text.</summary>
    private const string Level =
        "multiIf(severity >= 21, 'fatal', severity >= 17, 'error', severity >= 13, 'warn', severity >= 9, 'info', severity >= 5, 'debug', severity >= 1, 'trace', severity_text != '', lower(severity_text), 'unknown')";

    private const string SanitisedKeys = "arrayMap(k -> replaceRegexpAll(k, '[^a-zA-Z0-9_]', '_'), mapKeys(attributes))";

    /// <summary>Lines of a time range, newest or oldest first.</summary>
    public async ValueTask<IReadOnlyList<LogLine>> ReadAsync(
        string tenant, LogQuery query, long startNanos, long endNanos, int limit, bool forward, CancellationToken cancellation)
    {
        var parameters = Range(tenant, startNanos, endNanos);
        string where = Where(query, parameters);
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"""
                SELECT ts, service, {Level} AS level, body, lower(hex(trace_id)), lower(hex(span_id)), attributes
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
                (int start, int length) = attributes.Row(row);
                lines.Add(new LogLine(
                    block.Values<long>(0)[row], block.Text(1).String(row), block.Text(2).String(row), block.Text(3).String(row),
                    Id(block.Text(4).String(row)), Id(block.Text(5).String(row)),
                    [.. Enumerable.Range(start, length).Select(entry => KeyValuePair.Create(attributes.Keys.String(entry), attributes.Values.String(entry)))]));
            }
        }
        return lines;
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
            "level" or "severity" or "detected_level" => $"SELECT DISTINCT {Level} AS v FROM logs WHERE {time} ORDER BY v",
            _ => $"SELECT DISTINCT mapValues(attributes)[indexOf({SanitisedKeys}, {{label:String}})] AS v FROM resources WHERE tenant = {{tenant:String}} AND v != '' ORDER BY v LIMIT 1000",
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
            string expression = matcher.Label switch
            {
                "service_name" or "service" => "service",
                "level" or "severity" or "detected_level" => Level,
                _ => $"mapValues(attributes)[indexOf({SanitisedKeys}, {Add(matcher.Label)})]",
            };
            string value = Add(regex ? $"^(?s:{matcher.Value})$" : matcher.Value);
            string condition = regex ? $"match({expression}, {value})" : $"{expression} = {value}";
            condition = matcher.Kind is MatchKind.NotEqual or MatchKind.NotRegex ? $"NOT ({condition})" : condition;
            bool ofResource = expression.StartsWith("mapValues", StringComparison.Ordinal);
            where.Append(CultureInfo.InvariantCulture, $" AND {(ofResource ? $"resource IN (SELECT id FROM resources WHERE tenant = {{tenant:String}} AND {condition})" : condition)}");
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

    private static string Id(string hex) => hex.AsSpan().ContainsAnyExcept('0') ? hex : "";
}
