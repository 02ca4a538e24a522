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
    private const string EncodingFlags = "X-Loki-Response-Encoding-Flags";
    private const string CategorizeLabels = "categorize-labels";
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
            LogLines lines = await reader.ReadAsync(parameters.Tenant, query, start, end, limit, forward, http.RequestAborted);
            bool categorizes = http.Request.Headers[EncodingFlags].ToString().Split(',', StringSplitOptions.TrimEntries).Contains(CategorizeLabels);
            return json => WriteStreams(json, lines, categorizes);
        });
        Map("series", async (parameters, http) =>
        {
            LogQuery[] selectors = [.. parameters.All("match[]").Concat(parameters.All("match")).Select(Selector)];
            (IReadOnlyList<LogStream> streams, IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, string>>> resources) = await reader.StreamsAsync(
                parameters.Tenant, selectors.Length > 0 ? selectors : [LogQuery.Parse("{}")],
                parameters.TimeNanos("start", Now() - DefaultReachMs), parameters.TimeNanos("end", Now()), http.RequestAborted);
            return json => WriteSeries(json, streams.Select(stream => Labels(resources, stream, [])).DistinctBy(Text));
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

    private static LogQuery Selector(string? text)
    {
        LogQuery query = LogQuery.Parse(text ?? "");
        return query.Filters.Count == 0 ? query : throw new ParameterException("invalid parameter \"match[]\": only a stream selector is allowed, without line filters");
    }

    private static void WriteSeries(Utf8JsonWriter json, IEnumerable<Dictionary<string, string>> series)
    {
        json.WriteStartArray();
        foreach (Dictionary<string, string> labels in series)
        {
            WriteLabels(json, labels);
        }
        json.WriteEndArray();
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

    /// <summary>Writes lines by their streams. What is known of a line alone stands beside it, or, for those who do not ask for that, among the labels of a stream of its own.</summary>
    private static void WriteStreams(Utf8JsonWriter json, LogLines found, bool categorizes)
    {
        json.WriteStartObject();
        json.WriteString("resultType", "streams");
        json.WriteStartArray("result");
        foreach (IGrouping<(LogStream Stream, string Own), LogLine> lines in found.Lines.GroupBy(line => (line.Stream, categorizes ? "" : Text(line.Metadata))))
        {
            json.WriteStartObject();
            json.WritePropertyName("stream");
            WriteLabels(json, Labels(found.Resources, lines.Key.Stream, categorizes ? [] : lines.First().Metadata));
            json.WriteStartArray("values");
            foreach (LogLine line in lines)
            {
                json.WriteStartArray();
                json.WriteStringValue(line.TimeNanos.ToString(CultureInfo.InvariantCulture));
                json.WriteStringValue(line.Body);
                if (categorizes)
                {
                    json.WriteStartObject();
                    json.WritePropertyName("structuredMetadata");
                    WriteLabels(json, line.Metadata.DistinctBy(static label => label.Key));
                    json.WriteEndObject();
                }
                json.WriteEndArray();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (categorizes)
        {
            json.WriteStartArray("encodingFlags");
            json.WriteStringValue(CategorizeLabels);
            json.WriteEndArray();
        }
        json.WriteStartObject("stats");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Labels of a stream: what was pushed as one, or the resource says, goes before what the severity says, and that before what is of a line.</summary>
    private static Dictionary<string, string> Labels(
        IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, string>>> resources, LogStream stream, IReadOnlyList<KeyValuePair<string, string>> metadata)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["service_name"] = stream.Service };
        foreach ((string name, string value) in resources.GetValueOrDefault(stream.Resource, []))
        {
            labels.TryAdd(name, value);
        }
        labels.TryAdd("level", stream.Level);
        labels.TryAdd("detected_level", stream.Level);
        foreach ((string name, string value) in metadata)
        {
            labels.TryAdd(name, value);
        }
        return labels;
    }

    private static void WriteLabels(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, string>> labels)
    {
        json.WriteStartObject();
        foreach ((string name, string value) in labels)
        {
            json.WriteString(name, value);
        }
        json.WriteEndObject();
    }

    private static string Text(IEnumerable<KeyValuePair<string, string>> labels) => string.Join('\u0001', labels.Select(static label => $"{label.Key}\u0002{label.Value}"));

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
