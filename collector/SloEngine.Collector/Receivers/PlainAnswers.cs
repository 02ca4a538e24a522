using System.Globalization;
using Microsoft.AspNetCore.Http;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Receivers;

/// <summary>Refusals in plain text, as Prometheus and Loki give them.</summary>
internal static class PlainAnswers
{
    public static async Task AnswerAsync(HttpContext http, Func<Task> receive)
    {
        try
        {
            await receive();
        }
        catch (OtlpFormatException malformed)
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, malformed.Message);
        }
        catch (BadHttpRequestException bad)
        {
            await RefuseAsync(http, bad.StatusCode, bad.Message);
        }
        catch (TenantForbiddenException forbidden)
        {
            await RefuseAsync(http, StatusCodes.Status403Forbidden, forbidden.Message);
        }
        catch (IngestUnavailableException unavailable)
        {
            http.Response.Headers.RetryAfter = Math.Ceiling(unavailable.RetryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
            await RefuseAsync(http, Status(unavailable), unavailable.Message);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The sender has gone and was told nothing: it will send again.
        }
    }

    public static string Tenant(HttpRequest request) => Tenants.TryRead(request, out string tenant)
        ? tenant
        : throw new BadHttpRequestException($"{Tenants.Header} holds no valid tenant name: letters, digits and !-_.*'(), at most 150", StatusCodes.Status400BadRequest);

    /// <summary>The status of a refusal that may be retried.</summary>
    public static int Status(IngestUnavailableException unavailable) =>
        unavailable.IsTenantLimit ? StatusCodes.Status429TooManyRequests : StatusCodes.Status503ServiceUnavailable;

    private static async Task RefuseAsync(HttpContext http, int status, string message)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync(message + "\n");
    }
}
