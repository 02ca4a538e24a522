using System.Globalization;
using SloEngine.Collector.Receivers;

namespace SloEngine.Server.Suggestions;

/// <summary>Suggestions over HTTP.</summary>
internal static class SuggestionsApi
{
    /// <summary>Most days to look back.</summary>
    public const int MostDays = 90;

    /// <summary>Maps <c>/api/v1/slos/suggestions</c>.</summary>
    public static void MapSuggestionsApi(this IEndpointRouteBuilder endpoints)
    {
        SloSuggester suggester = endpoints.ServiceProvider.GetRequiredService<SloSuggester>();
        endpoints.MapGet("/api/v1/slos/suggestions", async (HttpRequest request, string? service, string? days, CancellationToken cancellation) =>
        {
            if (!Tenants.TryRead(request, out string tenant))
            {
                return Results.Problem($"{Tenants.Header} holds no valid tenant name", statusCode: 400, title: "The request does not fit");
            }
            if (!int.TryParse(days ?? "28", NumberStyles.None, CultureInfo.InvariantCulture, out int back) || back is < 1 or > MostDays)
            {
                return Results.Problem($"days is '{days}', expected 1 to {MostDays}", statusCode: 400, title: "The request does not fit");
            }
            return Results.Json(await suggester.SuggestAsync(tenant, service, back, cancellation));
        });
    }
}
