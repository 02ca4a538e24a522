using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Query.Logs;
using SloEngine.Storage;

namespace SloEngine.Query.Http;

/// <summary>Logs by Loki's HTTP API (grafana.com/docs/loki/latest/reference/loki-http-api).</summary>
public static class LokiApi
{
    private const int MaxLines = 10_000;
    private const long DefaultReachMs = 3_600_000;

    /// <summary>Maps the API below <c>/loki/api/v1</c>.</summary>
    public static void MapLokiApi(this IEndpointRouteBuilder endpoints)
    {
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        var reader = new LogReader(endpoints.ServiceProvider.GetRequiredService<IColumnStore>(), endpoints.ServiceProvider.GetRequiredService<QueryOptions>());
        long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();

        void Map(string path, Func<RequestParameters, HttpContext, Task<Action<Utf8JsonWriter>>> handler) =>
            endpoints.MapMethods("/loki/api/v1/" + path, [HttpMethods.Get, HttpMethods.Post], http => AnswerAsync(http, handler));

        Map("query_range", async (parameters, http) =>
        {
            LogQuery query = LogQuery.Parse(parameters.Required("query"));
            long end = parameters.TimeNanos("end", Now());
            long start = parameters.TimeNanos("start", Now() - DefaultReachMs);
            int limit = parameters.Integer("limit", 100, MaxLines);
            bool forward = parameters.Optional("direction")?.Equals("forward", StringComparison.OrdinalIgnoreCase) == true;
            IReadOnlyList<LogLine> lines = await reader.ReadAsync(parameters.Tenant, query, start, end, limit, forward, http.RequestAborted);
            return json => WriteStreams(json, lines);
        });
        Map("labels", async (parameters, http) =>
        {
            IReadOnlyList<string> names = await reader.LabelNamesAsync(parameters.Tenant, http.RequestAborted);
            return json => WriteTexts(json, names);
        });
        Map("label/{name}/values", async (parameters, http) =>
        {
            IReadOnlyList<string> values = await reader.LabelValuesAsync(
                parameters.Tenant, (string)http.Request.RouteValues["name"]!,
                parameters.TimeNanos("start", Now() - (6 * DefaultReachMs)), parameters.TimeNanos("end", Now()), http.RequestAborted);
            return json => WriteTexts(json, values);
        });
    }

    private static void WriteTexts(Utf8JsonWriter json, IReadOnlyList<string> texts)
    {
        json.WriteStartArray();
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }
        json.WriteEndArray();
    }

    private static void WriteStreams(Utf8JsonWriter json, IReadOnlyList<LogLine> lines)
    {
        json.WriteStartObject();
        json.WriteString("resultType", "streams");
        json.WriteStartArray("result");
        foreach (IGrouping<(string Service, string Level, string Trace), LogLine> stream in lines.GroupBy(line => (line.Service, line.Level, line.TraceId)))
        {
            json.WriteStartObject();
            json.WriteStartObject("stream");
            json.WriteString("service_name", stream.Key.Service);
            json.WriteString("level", stream.Key.Level);
            json.WriteString("detected_level", stream.Key.Level);
            if (stream.Key.Trace.Length > 0)
            {
                json.WriteString("trace_id", stream.Key.Trace);
            }
            json.WriteEndObject();
            json.WriteStartArray("values");
            foreach (LogLine line in stream)
            {
                json.WriteStartArray();
                json.WriteStringValue(line.TimeNanos.ToString(CultureInfo.InvariantCulture));
                json.WriteStringValue(line.Body);
                json.WriteEndArray();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("stats");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static async Task AnswerAsync(HttpContext http, Func<RequestParameters, HttpContext, Task<Action<Utf8JsonWriter>>> handler)
    {
        try
        {
            Action<Utf8JsonWriter> data = await handler(await RequestParameters.ReadAsync(http), http);
            http.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(http.Response.BodyWriter, ApiJson.Options);
            json.WriteStartObject();
            json.WriteString("status", "success");
            json.WritePropertyName("data");
            data(json);
            json.WriteEndObject();
        }
        catch (Exception failure) when (failure is ParameterException or FormatException or StoreException)
        {
            // Loki answers errors in plain text.
            http.Response.StatusCode = failure is StoreException ? StatusCodes.Status500InternalServerError : StatusCodes.Status400BadRequest;
            await http.Response.WriteAsync(failure.Message);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone.
        }
    }
}
