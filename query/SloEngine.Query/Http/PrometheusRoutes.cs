using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace SloEngine.Query.Http;

/// <summary>How the parts of the Prometheus API map their paths.</summary>
internal static class PrometheusRoutes
{
    /// <summary>Maps a path below <c>/api/v1</c>.</summary>
    public static void MapPrometheus(
        this IEndpointRouteBuilder endpoints, string path, string[] methods, Func<RequestParameters, HttpContext, Task<Action<Utf8JsonWriter>>> handler) =>
        endpoints.MapMethods("/api/v1/" + path, methods, http => PrometheusAnswer.WriteAsync(http, handler));

    /// <summary>An answer that is there at once.</summary>
    public static Task<Action<Utf8JsonWriter>> Answer(Action<Utf8JsonWriter> write) => Task.FromResult(write);
}
