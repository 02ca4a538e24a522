using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;

namespace SloEngine.Query.Http;

/// <summary>The HTTP API of Prometheus (prometheus.io/docs/prometheus/latest/querying/api).</summary>
public static class PrometheusApi
{
    private const long DefaultReachMs = 6 * 3_600_000;

    /// <summary>Maps the API below <c>/api/v1</c>.</summary>
    public static void MapPrometheusApi(this IEndpointRouteBuilder endpoints)
    {
        IColumnStore store = endpoints.ServiceProvider.GetRequiredService<IColumnStore>();
        QueryOptions options = endpoints.ServiceProvider.GetRequiredService<QueryOptions>();
        PromQLEngine engine = endpoints.ServiceProvider.GetRequiredService<PromQLEngine>();
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();

        void Map(string path, Func<RequestParameters, HttpContext, Task<Action<Utf8JsonWriter>>> handler) =>
            endpoints.MapMethods("/api/v1/" + path, [HttpMethods.Get, HttpMethods.Post], http => AnswerAsync(http, handler));

        Map("query", async (parameters, http) =>
        {
            string text = parameters.Required("query");
            Expr query = PromQLParser.Parse(text);
            var source = new StoreSeriesSource(store, options, parameters.Tenant);
            QueryValue value = await engine.InstantAsync(query, source, parameters.TimeMs("time", Now()), http.RequestAborted);
            return json => PrometheusJson.WriteAnswer(json, value, text);
        });
        Map("query_range", async (parameters, http) =>
        {
            string text = parameters.Required("query");
            Expr query = PromQLParser.Parse(text);
            _ = parameters.Required("start");
            _ = parameters.Required("end");
            _ = parameters.Required("step");
            long start = parameters.TimeMs("start", 0);
            long end = parameters.TimeMs("end", 0);
            if (end < start)
            {
                throw new ParameterException("invalid parameter \"end\": end timestamp must not be before start time");
            }
            var source = new StoreSeriesSource(store, options, parameters.Tenant);
            MatrixResult value = await engine.RangeAsync(query, source, start, end, parameters.DurationMs("step", 0), http.RequestAborted);
            return json => PrometheusJson.WriteAnswer(json, value, text);
        });
        Map("series", async (parameters, http) =>
        {
            if (parameters.All("match[]").Count == 0)
            {
                throw new ParameterException("no match[] parameter provided");
            }
            IReadOnlyList<Labels> series = await SelectAsync(parameters, http);
            return json => Array(json, series, labels => PrometheusJson.Write(json, labels));
        });
        Map("labels", async (parameters, http) =>
        {
            IReadOnlyList<Labels> series = await SelectAsync(parameters, http);
            var names = new SortedSet<string>(series.SelectMany(labels => labels.Pairs.ToArray().Select(pair => pair.Key)), StringComparer.Ordinal);
            return json => Array(json, names, json.WriteStringValue);
        });
        Map("label/{name}/values", async (parameters, http) =>
        {
            string name = (string)http.Request.RouteValues["name"]!;
            IReadOnlyList<Labels> series = await SelectAsync(parameters, http);
            var values = new SortedSet<string>(series.Select(labels => labels[name]).Where(value => value.Length > 0), StringComparer.Ordinal);
            return json => Array(json, values, json.WriteStringValue);
        });
        Map("metadata", async (parameters, http) =>
        {
            IReadOnlyList<MetricMetadata> all = await MetricMetadata.ReadAsync(store, parameters.Tenant, parameters.Optional("metric"), http.RequestAborted);
            return json => MetricMetadata.Write(json, all);
        });
        Map("format_query", (parameters, _) =>
        {
            string formatted = Printer.Pretty(PromQLParser.Parse(parameters.Required("query")));
            return Task.FromResult<Action<Utf8JsonWriter>>(json => json.WriteStringValue(formatted));
        });
        Map("status/buildinfo", (_, _) => Task.FromResult<Action<Utf8JsonWriter>>(json =>
        {
            json.WriteStartObject();
            json.WriteString("version", "3.5.0");
            json.WriteString("revision", "sloengine");
            json.WriteEndObject();
        }));
        foreach ((string path, string field) in ((string, string)[])[("rules", "groups"), ("targets", "activeTargets"), ("alertmanagers", "activeAlertmanagers")])
        {
            Map(path, (_, _) => Task.FromResult<Action<Utf8JsonWriter>>(json =>
            {
                json.WriteStartObject();
                json.WriteStartArray(field);
                json.WriteEndArray();
                json.WriteEndObject();
            }));
        }

        async ValueTask<IReadOnlyList<Labels>> SelectAsync(RequestParameters parameters, HttpContext http)
        {
            var source = new StoreSeriesSource(store, options, parameters.Tenant);
            long end = parameters.TimeMs("end", Now());
            long start = parameters.TimeMs("start", end - DefaultReachMs);
            string?[] selectors = [.. parameters.All("match[]")];
            var all = new HashSet<Labels>();
            foreach (string? text in selectors.Length == 0 ? [null] : selectors)
            {
                IReadOnlyList<LabelMatcher> matchers = text is null ? [] : PromQLParser.ParseSelector(text).Matchers;
                all.UnionWith(await source.LabelsAsync(new SeriesSelection(matchers, start, end), http.RequestAborted));
            }
            int limit = parameters.Integer("limit", int.MaxValue, int.MaxValue);
            return [.. limit == 0 ? all : all.Take(limit)];
        }
    }

    private static void Array<T>(Utf8JsonWriter json, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray();
        foreach (T item in items)
        {
            write(item);
        }
        json.WriteEndArray();
    }

    private static async Task AnswerAsync(HttpContext http, Func<RequestParameters, HttpContext, Task<Action<Utf8JsonWriter>>> handler)
    {
        try
        {
            Action<Utf8JsonWriter> data = await handler(await RequestParameters.ReadAsync(http), http);
            http.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(http.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteString("status", "success");
            json.WritePropertyName("data");
            data(json);
            json.WriteEndObject();
        }
        catch (Exception failure) when (failure is ParameterException or PromQLParseException)
        {
            string message = failure is PromQLParseException ? $"invalid parameter \"query\": {failure.Message}" : failure.Message;
            await FailAsync(http, StatusCodes.Status400BadRequest, "bad_data", message);
        }
        catch (PromQLEvaluationException failure)
        {
            (int status, string type) = failure.Failure == QueryFailure.Timeout ? (StatusCodes.Status503ServiceUnavailable, "timeout") : (StatusCodes.Status422UnprocessableEntity, "execution");
            await FailAsync(http, status, type, failure.Message);
        }
        catch (StoreException failure)
        {
            await FailAsync(http, StatusCodes.Status422UnprocessableEntity, "execution", failure.Message);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone.
        }
    }

    private static async Task FailAsync(HttpContext http, int status, string type, string message)
    {
        http.Response.StatusCode = status;
        await http.Response.WriteAsJsonAsync(new { status = "error", errorType = type, error = message });
    }
}
