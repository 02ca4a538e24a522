using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;

namespace SloEngine.Collector.Receivers;

/// <summary>Prometheus remote write 1.0 and 2.0 (prometheus.io/docs/specs/prw): <c>POST /api/v1/write</c>.</summary>
public static class RemoteWriteReceiver
{
    private const string Version1 = "prometheus.WriteRequest";
    private const string Version2 = "io.prometheus.write.v2.Request";

    /// <summary>Maps the path.</summary>
    public static void MapRemoteWrite(this IEndpointRouteBuilder endpoints)
    {
        ITelemetryIntake ingest = endpoints.ServiceProvider.GetRequiredService<ITelemetryIntake>();
        CollectorOptions options = endpoints.ServiceProvider.GetRequiredService<CollectorOptions>();
        endpoints.MapPost("/api/v1/write", http => PlainAnswers.AnswerAsync(http, () => ReceiveAsync(http, ingest, options)));
    }

    private static async Task ReceiveAsync(HttpContext http, ITelemetryIntake ingest, CollectorOptions options)
    {
        bool isVersion2 = IsVersion2(http.Request);
        string tenant = PlainAnswers.Tenant(http.Request);
        using RequestBody body = await RequestBody.ReadAsync(http.Request, options.MaxBodyBytes, RequestPacking.Snappy, isAlways: true);
        DecodeResult result = await ingest.IngestRemoteWriteAsync(isVersion2, tenant, body.Bytes, http.RequestAborted);
        if (isVersion2)
        {
            Tell("Samples", result.Accepted - result.Histograms + result.Filtered.Samples);
            Tell("Histograms", result.Histograms + result.Filtered.Histograms);
            Tell("Exemplars", result.Exemplars + result.Filtered.Exemplars);
        }
        if (result.Rejected > 0)
        {
            throw new BadHttpRequestException(
                string.Create(CultureInfo.InvariantCulture, $"{result.Rejected} samples were rejected, {result.Accepted} are kept: {result.ErrorMessage}"),
                StatusCodes.Status400BadRequest);
        }
        http.Response.StatusCode = StatusCodes.Status204NoContent;

        void Tell(string what, int count) =>
            http.Response.Headers[$"X-Prometheus-Remote-Write-{what}-Written"] = count.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Without a parameter <c>proto</c> the message is that of 1.0.</summary>
    private static bool IsVersion2(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) || !type.MediaType.Equals("application/x-protobuf", StringComparison.OrdinalIgnoreCase))
        {
            throw Unsupported(request.ContentType);
        }
        string? message = type.Parameters.FirstOrDefault(parameter => parameter.Name.Equals("proto", StringComparison.OrdinalIgnoreCase))?.Value.Value;
        return message switch
        {
            null or Version1 => false,
            Version2 => true,
            _ => throw Unsupported(request.ContentType),
        };
    }

    private static BadHttpRequestException Unsupported(string? type) => new(
        $"content type '{type}' is not supported; expected application/x-protobuf with proto={Version1} or proto={Version2}", StatusCodes.Status415UnsupportedMediaType);
}
