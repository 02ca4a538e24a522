using System.Text.Json;
using Microsoft.AspNetCore.Http;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Syntax;
using SloEngine.Storage;

namespace SloEngine.Query.Http;

/// <summary>Answers of the Prometheus API: <c>status</c>, <c>data</c>, <c>warnings</c>; or an error with its type and HTTP status.</summary>
internal static class PrometheusAnswer
{
    /// <summary>What is said of an answer that <c>limit</c> has cut.</summary>
    public const string Truncated = "results truncated due to limit";

    /// <summary>The engine's codes for a statement that took too long, and for a result that is too large.</summary>
    public const int StoreTooManyRows = 396;
    private const int StoreTimeout = 159;

    /// <summary>How much of a large answer is written before it is sent.</summary>
    private const int SendBytes = 64 << 10;

    /// <summary>An answer that there is none to: 204.</summary>
    public static readonly Action<Utf8JsonWriter> NoData = static _ => { };

    /// <summary>Runs a handler, whose result writes the value of <c>data</c> and what stands behind it.</summary>
    public static Task WriteAsync(HttpContext http, Func<RequestParameters, HttpContext, Task<Action<Utf8JsonWriter>>> handler) =>
        RunAsync(http, async parameters => await WriteAsync(http, await handler(parameters, http)));

    /// <summary>Writes a successful answer; <paramref name="data"/> writes the value of <c>data</c> and what stands behind it.</summary>
    public static async Task WriteAsync(HttpContext http, Action<Utf8JsonWriter> data)
    {
        if (ReferenceEquals(data, NoData))
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        await WriteAsync(http, (json, _) =>
        {
            data(json);
            return Task.CompletedTask;
        });
    }

    /// <summary>
    /// Writes a successful answer that may be large: where <paramref name="data"/> calls what it is given, what was written is sent once it is much, so that
    /// the client reads while the rest is written, and no more than that is in memory.
    /// </summary>
    public static async Task WriteAsync(HttpContext http, Func<Utf8JsonWriter, Func<ValueTask>, Task> data)
    {
        http.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter, ApiJson.Options);
        long sent = 0;
        json.WriteStartObject();
        json.WriteString("status", "success");
        json.WritePropertyName("data");
        await data(json, SendAsync);
        json.WriteEndObject();

        async ValueTask SendAsync()
        {
            long written = json.BytesCommitted + json.BytesPending;
            if (written - sent >= SendBytes)
            {
                sent = written;
                await json.FlushAsync(http.RequestAborted);
                await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
            }
        }
    }

    /// <summary>Runs a handler, and answers what it throws.</summary>
    public static async Task RunAsync(HttpContext http, Func<RequestParameters, Task> handler)
    {
        try
        {
            await handler(await RequestParameters.ReadAsync(http));
        }
        catch (ParameterException failure)
        {
            await FailAsync(http, StatusCodes.Status400BadRequest, "bad_data", failure.Message);
        }
        catch (PromQLParseException failure)
        {
            await FailAsync(http, StatusCodes.Status400BadRequest, "bad_data", failure.Message);
        }
        catch (PromQLEvaluationException failure) when (failure.Failure == QueryFailure.Timeout)
        {
            await FailAsync(http, StatusCodes.Status503ServiceUnavailable, "timeout", failure.Message);
        }
        catch (PromQLEvaluationException failure)
        {
            await FailAsync(http, StatusCodes.Status422UnprocessableEntity, "execution", failure.Message);
        }
        catch (StoreException failure) when (failure.Code == StoreTimeout)
        {
            await FailAsync(http, StatusCodes.Status503ServiceUnavailable, "timeout", "query timed out in expression evaluation");
        }
        catch (StoreException failure) when (failure.Code == StoreTooManyRows)
        {
            await FailAsync(
                http, StatusCodes.Status422UnprocessableEntity, "execution", "query processing would load too many samples into memory in query execution");
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

    /// <summary>Parses a parameter that is an expression.</summary>
    public static Expr Expression(RequestParameters parameters)
    {
        try
        {
            return PromQLParser.Parse(parameters.Text("query"));
        }
        catch (PromQLParseException failure)
        {
            throw new ParameterException($"invalid parameter \"query\": {failure.Message}");
        }
    }

    /// <summary>An array, cut to a limit unless that is 0; then with a warning behind it.</summary>
    public static Action<Utf8JsonWriter> List<T>(IReadOnlyCollection<T> items, int limit, Action<Utf8JsonWriter, T> write) => json =>
    {
        json.WriteStartArray();
        foreach (T item in limit == 0 ? items : items.Take(limit))
        {
            write(json, item);
        }
        json.WriteEndArray();
        if (limit != 0 && items.Count > limit)
        {
            json.WriteStartArray("warnings");
            json.WriteStringValue(Truncated);
            json.WriteEndArray();
        }
    };

    private static async Task FailAsync(HttpContext http, int status, string type, string message)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter, ApiJson.Options);
        json.WriteStartObject();
        json.WriteString("status", "error");
        json.WriteString("errorType", type);
        json.WriteString("error", message);
        json.WriteEndObject();
    }
}
