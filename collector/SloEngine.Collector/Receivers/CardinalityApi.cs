using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Collector.Cardinality;
using SloEngine.Collector.Ingest;

namespace SloEngine.Collector.Receivers;

/// <summary>Whose series fill the index, and which metrics and labels they come from: <c>/api/v1/status/cardinality</c>.</summary>
public static class CardinalityApi
{
    private const int DefaultTop = 10;
    private const int MaxTop = 100;

    /// <summary>Maps the API. With the tenant's header it tells of that one alone, without it of all.</summary>
    public static void MapCardinalityApi(this IEndpointRouteBuilder endpoints)
    {
        OtlpIngest ingest = endpoints.ServiceProvider.GetRequiredService<OtlpIngest>();
        endpoints.MapGet("/api/v1/status/cardinality", (HttpRequest request) =>
        {
            int top = DefaultTop;
            if (request.Query.TryGetValue("limit", out Microsoft.Extensions.Primitives.StringValues limit)
                && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out top) || top is < 1 or > MaxTop))
            {
                return Bad($"limit is to be a whole number from 1 to {MaxTop}");
            }
            if (!Tenants.TryRead(request, out string tenant))
            {
                return Bad($"{Tenants.Header} holds no valid tenant name");
            }
            string? only = string.IsNullOrEmpty(request.Headers[Tenants.Header]) ? null : tenant;
            IReadOnlyList<TenantCardinality> tenants = ingest.Cardinality.Read(only, top);
            int active = only is null ? ingest.ActiveSeries : tenants.Sum(own => own.ActiveSeries);
            return Results.Json(new { status = "success", data = new { activeSeries = active, tenants } });
        });
    }

    private static IResult Bad(string error) =>
        Results.Json(new { status = "error", errorType = "bad_data", error }, statusCode: StatusCodes.Status400BadRequest);
}
