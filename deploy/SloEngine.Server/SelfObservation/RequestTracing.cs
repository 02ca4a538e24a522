using System.Diagnostics;

namespace SloEngine.Server.SelfObservation;

/// <summary>A server span for each API request that people and dashboards send. Ingest has none: it would trace the export of its own traces.</summary>
internal static class RequestTracing
{
    public const string SourceName = "SloEngine.Server";

    private static readonly ActivitySource Source = new(SourceName);

    public static void UseRequestTracing(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        // The framework's own activity is not exported: a span below it would have no parent that anybody could find.
        Activity.Current = null;
        ActivityContext.TryParse(http.Request.Headers.TraceParent, http.Request.Headers.TraceState, isRemote: true, out ActivityContext caller);
        using Activity? span = Source.StartActivity(http.Request.Method, ActivityKind.Server, caller);
        await next(http);
        if (span is null)
        {
            return;
        }
        string? route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = route is null ? http.Request.Method : $"{http.Request.Method} {route}";
        span.SetTag("http.request.method", http.Request.Method);
        span.SetTag("http.route", route);
        span.SetTag("url.path", http.Request.Path.Value);
        span.SetTag("http.response.status_code", http.Response.StatusCode);
        if (http.Response.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            span.SetStatus(ActivityStatusCode.Error);
        }
    });
}
