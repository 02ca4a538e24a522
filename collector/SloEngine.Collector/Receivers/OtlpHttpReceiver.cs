using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Receivers;

/// <summary>OTLP over HTTP (OTLP specification, "OTLP/HTTP"): protobuf and JSON, identity and gzip.</summary>
public static class OtlpHttpReceiver
{
    private const string ProtobufType = "application/x-protobuf";
    private const string JsonType = "application/json";

    /// <summary>Maps <c>/v1/metrics</c>, <c>/v1/logs</c> and <c>/v1/traces</c>.</summary>
    public static void MapOtlpHttp(this IEndpointRouteBuilder endpoints)
    {
        ITelemetryIntake ingest = endpoints.ServiceProvider.GetRequiredService<ITelemetryIntake>();
        CollectorOptions options = endpoints.ServiceProvider.GetRequiredService<CollectorOptions>();
        foreach (Signal signal in Enum.GetValues<Signal>())
        {
            string path = signal switch { Signal.Metrics => "/v1/metrics", Signal.Logs => "/v1/logs", _ => "/v1/traces" };
            endpoints.MapPost(path, http => ReceiveAsync(http, signal, ingest, options));
        }
    }

    /// <summary>Maps the path under which Prometheus takes OTLP, <c>/api/v1/otlp/v1/metrics</c>.</summary>
    public static void MapPrometheusOtlp(this IEndpointRouteBuilder endpoints)
    {
        ITelemetryIntake ingest = endpoints.ServiceProvider.GetRequiredService<ITelemetryIntake>();
        CollectorOptions options = endpoints.ServiceProvider.GetRequiredService<CollectorOptions>();
        endpoints.MapPost("/api/v1/otlp/v1/metrics", http => ReceiveAsync(http, Signal.Metrics, ingest, options));
    }

    private static async Task ReceiveAsync(HttpContext http, Signal signal, ITelemetryIntake ingest, CollectorOptions options)
    {
        string type = http.Request.ContentType?.Split(';')[0].Trim() ?? "";
        bool json = type.Equals(JsonType, StringComparison.OrdinalIgnoreCase);
        if (!json && !type.Equals(ProtobufType, StringComparison.OrdinalIgnoreCase))
        {
            await RefuseAsync(http, StatusCodes.Status415UnsupportedMediaType, $"content type '{type}' is not supported; expected {ProtobufType} or {JsonType}", json);
            return;
        }
        if (!Tenants.TryRead(http.Request, out string tenant))
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, $"{Tenants.Header} holds no valid tenant name: letters, digits and !-_.*'(), at most 150", json);
            return;
        }
        try
        {
            using RequestBody body = await RequestBody.ReadAsync(http.Request, options.MaxBodyBytes, RequestPacking.Gzip);
            RequestBytes request = !json ? body.Bytes : signal switch
            {
                Signal.Metrics => OtlpJson.Metrics(body.Bytes.Plain),
                Signal.Logs => OtlpJson.Logs(body.Bytes.Plain),
                _ => OtlpJson.Traces(body.Bytes.Plain),
            };
            DecodeResult result = await ingest.IngestAsync(signal, tenant, request, Tenants.Allowed(http.Request), http.RequestAborted);
            http.Response.ContentType = json ? JsonType : ProtobufType;
            await http.Response.BodyWriter.WriteAsync(json ? OtlpResponse.Json(signal, result) : OtlpResponse.Protobuf(result), http.RequestAborted);
        }
        catch (OtlpFormatException malformed)
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, malformed.Message, json);
        }
        catch (BadHttpRequestException bad)
        {
            await RefuseAsync(http, bad.StatusCode, bad.Message, json);
        }
        catch (TenantForbiddenException forbidden)
        {
            await RefuseAsync(http, StatusCodes.Status403Forbidden, forbidden.Message, json);
        }
        catch (IngestUnavailableException unavailable)
        {
            http.Response.Headers.RetryAfter = Math.Ceiling(unavailable.RetryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
            await RefuseAsync(http, PlainAnswers.Status(unavailable), unavailable.Message, json);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The sender has gone and was told nothing: it will send again.
        }
    }

    private static async Task RefuseAsync(HttpContext http, int status, string message, bool json)
    {
        GrpcStatusCode code = status switch
        {
            StatusCodes.Status503ServiceUnavailable => GrpcStatusCode.Unavailable,
            StatusCodes.Status403Forbidden => GrpcStatusCode.PermissionDenied,
            StatusCodes.Status413PayloadTooLarge or StatusCodes.Status429TooManyRequests => GrpcStatusCode.ResourceExhausted,
            _ => GrpcStatusCode.InvalidArgument,
        };
        http.Response.StatusCode = status;
        http.Response.ContentType = json ? JsonType : ProtobufType;
        await http.Response.BodyWriter.WriteAsync(OtlpResponse.Status(code, message, json));
    }
}
