using System.Globalization;
using SloEngine.Alerting.Http;
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
                throw ApiProblemException.BadRequest($"{Tenants.Header} holds no valid tenant name");
            }
            if (!int.TryParse(days ?? "28", NumberStyles.None, CultureInfo.InvariantCulture, out int back) || back is < 1 or > MostDays)
            {
                throw ApiProblemException.BadRequest($"days is '{days}', expected 1 to {MostDays}");
            }
            return Results.Json(await suggester.SuggestAsync(tenant, service, back, cancellation));
        }).AddEndpointFilter(ApiProblemException.AnswerAsync);
    }
}
