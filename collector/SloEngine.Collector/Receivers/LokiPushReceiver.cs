using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Loki;

namespace SloEngine.Collector.Receivers;

/// <summary>Logs as Loki's agents push them (grafana.com/docs/loki/latest/reference/loki-http-api): <c>POST /loki/api/v1/push</c>, JSON or protobuf with Snappy.</summary>
public static class LokiPushReceiver
{
    /// <summary>Maps the path.</summary>
    public static void MapLokiPush(this IEndpointRouteBuilder endpoints)
    {
        ITelemetryIntake ingest = endpoints.ServiceProvider.GetRequiredService<ITelemetryIntake>();
        CollectorOptions options = endpoints.ServiceProvider.GetRequiredService<CollectorOptions>();
        endpoints.MapPost("/loki/api/v1/push", http => PlainAnswers.AnswerAsync(http, () => ReceiveAsync(http, ingest, options)));
    }

    private static async Task ReceiveAsync(HttpContext http, ITelemetryIntake ingest, CollectorOptions options)
    {
        string type = http.Request.ContentType?.Split(';')[0].Trim() ?? "";
        bool json = type.Equals("application/json", StringComparison.OrdinalIgnoreCase);
        if (!json && !type.Equals("application/x-protobuf", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException(
                $"content type '{type}' is not supported; expected application/json or application/x-protobuf", StatusCodes.Status415UnsupportedMediaType);
        }
        string tenant = PlainAnswers.Tenant(http.Request);
        ReadOnlyMemory<byte> logs;
        using (RequestBody body = await RequestBody.ReadAsync(http.Request, options.MaxBodyBytes, json ? RequestPacking.Gzip : RequestPacking.Snappy, isAlways: !json))
        {
            logs = json ? LokiPush.FromJson(body.Bytes.Plain) : LokiPush.FromProtobuf(body.Bytes.Plain.Span);
        }
        DecodeResult result = await ingest.IngestAsync(Signal.Logs, tenant, logs, Tenants.Allowed(http.Request), http.RequestAborted);
        if (result.Rejected > 0)
        {
            throw new BadHttpRequestException(
                string.Create(CultureInfo.InvariantCulture, $"{result.Rejected} lines were rejected, {result.Accepted} are kept: {result.ErrorMessage}"),
                StatusCodes.Status400BadRequest);
        }
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
