using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Receivers;

namespace SloEngine.Collector.Gateway;

/// <summary>Takes what gateways forward: <c>POST /v1/forward</c>.</summary>
public static class ForwardReceiver
{
    /// <summary>Path on the address of OTLP/HTTP.</summary>
    internal const string Path = "/v1/forward";

    /// <summary>Maps the path.</summary>
    public static void MapForward(this IEndpointRouteBuilder endpoints)
    {
        OtlpIngest ingest = endpoints.ServiceProvider.GetRequiredService<OtlpIngest>();
        CollectorOptions options = endpoints.ServiceProvider.GetRequiredService<CollectorOptions>();
        endpoints.MapPost(Path, http => PlainAnswers.AnswerAsync(http, () => ReceiveAsync(http, ingest, options)));
    }

    private static async Task ReceiveAsync(HttpContext http, OtlpIngest ingest, CollectorOptions options)
    {
        if (http.Request.ContentType != ForwardFrame.MediaType)
        {
            throw new BadHttpRequestException(
                $"content type '{http.Request.ContentType}' is not supported; expected {ForwardFrame.MediaType}", StatusCodes.Status415UnsupportedMediaType);
        }
        string? header = http.Request.Headers[ForwardId.Header];
        if (!ForwardId.TryParse(header, out ForwardId id))
        {
            throw new BadHttpRequestException($"{ForwardId.Header} is '{header}'; expected <gateway>/<from>-<to>", StatusCodes.Status400BadRequest);
        }
        // Whatever is said from here on is said of this forward by a node, and not by something on the way to it.
        http.Response.Headers[ForwardId.Header] = header;
        using RequestBody body = await RequestBody.ReadAsync(http.Request, options.MaxBodyBytes + ForwardFrame.MaxHeadBytes, RequestPacking.Gzip);
        List<ForwardFrame> frames = ForwardFrame.Read(body.Bytes.Plain, id);
        ForwardAnswer answer = await ingest.IngestForwardAsync(id, frames, http.RequestAborted);
        http.Response.StatusCode = answer.IsOverlap ? StatusCodes.Status409Conflict : StatusCodes.Status200OK;
        await http.Response.WriteAsJsonAsync(answer, http.RequestAborted);
    }
}
