using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Query.Traces;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Http;

/// <summary>Traces by Tempo's HTTP API (grafana.com/docs/tempo/latest/api_docs), and the list of services.</summary>
public static class TempoApi
{
    private const long DefaultReachMs = 3_600_000;

    /// <summary>Maps <c>/api/search</c>, <c>/api/traces/{id}</c>, <c>/api/v2/traces/{id}</c>, the tags, <c>/api/echo</c> and <c>/api/v1/services</c>.</summary>
    public static void MapTempoApi(this IEndpointRouteBuilder endpoints)
    {
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        IColumnStore store = endpoints.ServiceProvider.GetRequiredService<IColumnStore>();
        var reader = new TraceReader(store, endpoints.ServiceProvider.GetRequiredService<QueryOptions>());
        long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();

        void Map(string path, Func<RequestParameters, HttpContext, Task> handler) =>
            endpoints.MapGet(path, http => AnswerAsync(http, handler));

        endpoints.MapGet("/api/echo", () => "echo");
        Map("/api/search", async (parameters, http) =>
        {
            var values = new Dictionary<string, string>();
            string condition = parameters.Optional("q") is { } q ? TraceQl.ToSql(q, values) : Legacy(parameters, values);
            IReadOnlyList<TraceSummary> traces = await reader.SearchAsync(
                parameters.Tenant, condition, values, parameters.TimeMs("start", Now() - DefaultReachMs), parameters.TimeMs("end", Now()),
                Math.Max(1, parameters.Integer("limit", 20, 1000)), Math.Max(1, parameters.Integer("spss", 3, 100)), http.RequestAborted);
            await JsonAsync(http, json => WriteSearch(json, traces));
        });
        foreach ((string path, string root) in ((string, string)[])[("/api/traces/{id}", "batches"), ("/api/v2/traces/{id}", "resourceSpans")])
        {
            Map(path, async (parameters, http) =>
            {
                string id = ((string)http.Request.RouteValues["id"]!).ToLowerInvariant().PadLeft(32, '0');
                if (id.Length != 32 || !id.All(char.IsAsciiHexDigit))
                {
                    throw new ParameterException("the trace id is to be up to 32 hexadecimal digits");
                }
                QueryResult spans = await reader.ReadAsync(parameters.Tenant, id, http.RequestAborted);
                if (spans.Rows == 0)
                {
                    http.Response.StatusCode = StatusCodes.Status404NotFound;
                    await http.Response.WriteAsync($"there is no trace {id}");
                    return;
                }
                QueryResult resources = await reader.ReadResourcesAsync(parameters.Tenant, id, http.RequestAborted);
                await JsonAsync(http, json =>
                {
                    json.WriteStartObject();
                    if (root == "resourceSpans")
                    {
                        json.WriteStartObject("trace");
                    }
                    OtlpTraceJson.Write(json, root, id, resources, spans);
                    if (root == "resourceSpans")
                    {
                        json.WriteEndObject();
                    }
                    json.WriteEndObject();
                });
            });
        }
        Map("/api/search/tags", async (parameters, http) =>
        {
            IReadOnlyList<string> names = await TagsAsync(store, "spans", parameters.Tenant, http.RequestAborted);
            await http.Response.WriteAsJsonAsync(new { tagNames = names.Concat(["service.name", "name", "status", "duration"]) });
        });
        Map("/api/v2/search/tags", async (parameters, http) =>
        {
            IReadOnlyList<string> spans = await TagsAsync(store, "spans", parameters.Tenant, http.RequestAborted);
            IReadOnlyList<string> resources = await TagsAsync(store, "resources", parameters.Tenant, http.RequestAborted);
            await http.Response.WriteAsJsonAsync(new
            {
                scopes = new[]
                {
                    new { name = "resource", tags = resources },
                    new { name = "span", tags = spans },
                    new { name = "intrinsic", tags = (IReadOnlyList<string>)["duration", "kind", "name", "status"] },
                },
            });
        });
        Map("/api/search/tag/{tag}/values", async (parameters, http) =>
            await http.Response.WriteAsJsonAsync(new { tagValues = await ValuesAsync(store, http, parameters.Tenant) }));
        Map("/api/v2/search/tag/{tag}/values", async (parameters, http) => await http.Response.WriteAsJsonAsync(new
        {
            tagValues = (await ValuesAsync(store, http, parameters.Tenant)).Select(value => new { type = "string", value }),
        }));
        Map("/api/v1/services", async (parameters, http) =>
        {
            QueryResult result = await store.QueryAsync(
                new StoreQuery("""
                    SELECT name, max(seen), groupUniqArray(signal) FROM (
                        SELECT toString(service) AS name, toUnixTimestamp(max(ts)) AS seen, 'traces' AS signal FROM spans WHERE tenant = {tenant:String} AND ts > now() - INTERVAL 1 DAY GROUP BY name
                        UNION ALL SELECT toString(service) AS name, toUnixTimestamp(max(ts)) AS seen, 'logs' AS signal FROM logs WHERE tenant = {tenant:String} AND ts > now() - INTERVAL 1 DAY GROUP BY name
                        UNION ALL SELECT labels['job'] AS name, toUnixTimestamp(max(last_seen)) AS seen, 'metrics' AS signal FROM series WHERE tenant = {tenant:String} AND labels['job'] != '' GROUP BY name
                    ) GROUP BY name ORDER BY name
                    """)
                {
                    Parameters = new Dictionary<string, string> { ["tenant"] = parameters.Tenant },
                },
                http.RequestAborted);
            var services = new List<object>();
            foreach (ResultBlock block in result.Blocks)
            {
                for (int row = 0; row < block.Rows; row++)
                {
                    (int start, int length) = block.Array(2).Row(row);
                    var signals = (BytesResultColumn)block.Array(2).Items;
                    services.Add(new
                    {
                        name = block.Text(0).String(row),
                        lastSeen = DateTimeOffset.FromUnixTimeSeconds(block.Values<uint>(1)[row]),
                        signals = Enumerable.Range(start, length).Select(signals.String).Order(StringComparer.Ordinal),
                    });
                }
            }
            await http.Response.WriteAsJsonAsync(new { services });
        });
    }

    /// <summary>The older parameters: tags in logfmt, minDuration, maxDuration.</summary>
    private static string Legacy(RequestParameters parameters, Dictionary<string, string> values)
    {
        var conditions = new List<string>();
        foreach (string tag in (parameters.Optional("tags") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = tag.Split('=', 2);
            if (pair.Length != 2)
            {
                throw new ParameterException($"invalid parameter \"tags\": '{tag}' is not name=value");
            }
            string field = pair[0] is "name" or "status" ? pair[0] : pair[0] == "service.name" ? "resource.service.name" : "span." + pair[0];
            string value = pair[1].Trim('"');
            conditions.Add($"{field}={(pair[0] == "status" ? value : $"\"{value}\"")}");
        }
        if (parameters.Optional("minDuration") is { } least)
        {
            conditions.Add("duration>=" + least);
        }
        if (parameters.Optional("maxDuration") is { } most)
        {
            conditions.Add("duration<=" + most);
        }
        return TraceQl.ToSql("{" + string.Join(" && ", conditions) + "}", values);
    }

    private static void WriteSearch(Utf8JsonWriter json, IReadOnlyList<TraceSummary> traces)
    {
        json.WriteStartObject();
        json.WriteStartArray("traces");
        foreach (TraceSummary trace in traces)
        {
            json.WriteStartObject();
            json.WriteString("traceID", trace.TraceId);
            json.WriteString("rootServiceName", trace.RootService);
            json.WriteString("rootTraceName", trace.RootName);
            json.WriteString("startTimeUnixNano", trace.StartNanos.ToString(CultureInfo.InvariantCulture));
            json.WriteNumber("durationMs", trace.DurationNanos / 1_000_000);
            json.WriteStartArray("spanSets");
            SpanSet(json, trace);
            json.WriteEndArray();
            json.WritePropertyName("spanSet");
            SpanSet(json, trace);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("metrics");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void SpanSet(Utf8JsonWriter json, TraceSummary trace)
    {
        json.WriteStartObject();
        json.WriteStartArray("spans");
        foreach (MatchedSpan span in trace.Spans)
        {
            json.WriteStartObject();
            json.WriteString("spanID", span.SpanId);
            json.WriteString("name", span.Name);
            json.WriteString("startTimeUnixNano", span.StartNanos.ToString(CultureInfo.InvariantCulture));
            json.WriteString("durationNanos", span.DurationNanos.ToString(CultureInfo.InvariantCulture));
            json.WriteStartArray("attributes");
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("matched", trace.Matched);
        json.WriteEndObject();
    }

    private static async ValueTask<IReadOnlyList<string>> TagsAsync(IColumnStore store, string table, string tenant, CancellationToken cancellation)
    {
        string recent = table == "spans" ? " AND ts > now() - INTERVAL 6 HOUR" : "";
        return Texts(await store.QueryAsync(
            new StoreQuery($"SELECT DISTINCT toString(arrayJoin(mapKeys(attributes))) AS k FROM {table} WHERE tenant = {{tenant:String}}{recent} ORDER BY k LIMIT 1000")
            {
                Parameters = new Dictionary<string, string> { ["tenant"] = tenant },
            },
            cancellation));
    }

    private static async ValueTask<IReadOnlyList<string>> ValuesAsync(IColumnStore store, HttpContext http, string tenant)
    {
        string tag = (string)http.Request.RouteValues["tag"]!;
        string bare = tag.StartsWith("resource.", StringComparison.Ordinal) ? tag[9..] : tag.StartsWith("span.", StringComparison.Ordinal) ? tag[5..] : tag.TrimStart('.');
        string expression = bare switch
        {
            "service.name" => "toString(service)",
            "name" => "toString(name)",
            "status" => "['unset', 'ok', 'error'][status_code + 1]",
            _ => "attributes[{tag:String}]",
        };
        string from = tag.StartsWith("resource.", StringComparison.Ordinal) && bare != "service.name" ? "resources WHERE " : "spans WHERE ts > now() - INTERVAL 6 HOUR AND ";
        return Texts(await store.QueryAsync(
            new StoreQuery($"SELECT DISTINCT {expression} AS v FROM {from}tenant = {{tenant:String}} AND v != '' ORDER BY v LIMIT 1000")
            {
                Parameters = new Dictionary<string, string> { ["tenant"] = tenant, ["tag"] = bare },
            },
            http.RequestAborted));
    }

    private static List<string> Texts(QueryResult result) =>
        [.. result.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows).Select(row => block.Text(0).String(row)))];

    private static async Task JsonAsync(HttpContext http, Action<Utf8JsonWriter> write)
    {
        http.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter, ApiJson.Options);
        write(json);
    }

    private static async Task AnswerAsync(HttpContext http, Func<RequestParameters, HttpContext, Task> handler)
    {
        try
        {
            await handler(await RequestParameters.ReadAsync(http), http);
        }
        catch (Exception failure) when (failure is ParameterException or FormatException or StoreException)
        {
            // Tempo answers errors in plain text.
            http.Response.StatusCode = failure is StoreException ? StatusCodes.Status500InternalServerError : StatusCodes.Status400BadRequest;
            await http.Response.WriteAsync(failure.Message);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone.
        }
    }
}
