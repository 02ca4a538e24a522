using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Alerting.Events;

namespace SloEngine.Alerting.Http;

/// <summary>Events over HTTP: what was changed, and when.</summary>
public static class EventsApi
{
    private const int MostListed = 10_000;
    private static readonly TimeSpan Lookback = TimeSpan.FromDays(7);

    /// <summary>Maps the listing, <c>GET /api/v1/events</c>.</summary>
    public static void MapEventsApi(this IEndpointRouteBuilder endpoints)
    {
        EventTable table = endpoints.ServiceProvider.GetRequiredService<EventTable>();
        TenantReader tenants = endpoints.ServiceProvider.GetRequiredService<TenantReader>();
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        endpoints.MapGet("/api/v1/events", async (HttpRequest request, string? start, string? end, string? service, string? kind, string? environment, int? limit, CancellationToken cancellation) =>
        {
            if (!RequestTime.TryRead(end, time.GetUtcNow() + Lookback, out DateTimeOffset to) || !RequestTime.TryRead(start, (end is null ? time.GetUtcNow() : to) - Lookback, out DateTimeOffset from) || from > to)
            {
                throw ApiProblemException.BadRequest($"start and end are to be {RequestTime.Expected}, start before end");
            }
            ChangeKind asked = default;
            if (kind is not null && (!Enum.TryParse(kind, ignoreCase: true, out asked) || EventTable.Name(asked) != kind))
            {
                throw ApiProblemException.BadRequest($"kind is '{kind}', expected {string.Join(", ", Enum.GetValues<ChangeKind>().Select(EventTable.Name))}");
            }
            var filter = new EventFilter(Tenant(tenants, request), from, to)
            {
                Service = service,
                Kind = kind is null ? null : asked,
                Environment = environment,
                Limit = Math.Clamp(limit ?? 1000, 1, MostListed),
            };
            return Results.Json(new { events = (await table.ReadAsync(filter, cancellation)).Select(Json) });
        }).AddEndpointFilter(ApiProblemException.AnswerAsync);
    }

    /// <summary>Maps what takes events in, <c>POST /api/v1/events</c>: one that is answered with 503 is to be sent again.</summary>
    public static void MapEventsIntake(this IEndpointRouteBuilder endpoints)
    {
        EventTable table = endpoints.ServiceProvider.GetRequiredService<EventTable>();
        TenantReader tenants = endpoints.ServiceProvider.GetRequiredService<TenantReader>();
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        endpoints.MapPost("/api/v1/events", async (HttpRequest request, CancellationToken cancellation) =>
        {
            IReadOnlyList<ChangeEvent> events = await ReadAsync(request, new EventReader(Tenant(tenants, request), time.GetUtcNow()), cancellation);
            await table.AddAsync(events, token: null, cancellation);
            return Results.Json(new { events = events.Select(Json) }, statusCode: StatusCodes.Status201Created);
        }).AddEndpointFilter(ApiProblemException.AnswerAsync);
    }

    /// <summary>An event as a JSON object.</summary>
    internal static object Json(ChangeEvent one) => new
    {
        one.Id,
        one.Time,
        kind = EventTable.Name(one.Kind),
        one.Service,
        one.Environment,
        one.Version,
        one.Commit,
        one.Title,
        one.Link,
        one.Source,
        one.Attributes,
    };

    /// <summary>Whose events a request is about.</summary>
    /// <exception cref="ApiProblemException">It names no valid tenant.</exception>
    internal static string Tenant(TenantReader tenants, HttpRequest request) =>
        tenants(request, out string tenant) ? tenant : throw ApiProblemException.BadRequest("X-Scope-OrgID holds no valid tenant name, expected letters, digits and !-_.*'(), at most 150");

    private static async Task<IReadOnlyList<ChangeEvent>> ReadAsync(HttpRequest request, EventReader reader, CancellationToken cancellation)
    {
        try
        {
            using JsonDocument body = await JsonDocument.ParseAsync(request.Body, cancellationToken: cancellation);
            return reader.Read(body.RootElement);
        }
        catch (JsonException wrong)
        {
            throw ApiProblemException.BadRequest($"the body is not JSON: {wrong.Message}");
        }
        catch (EventFormatException wrong)
        {
            throw ApiProblemException.BadRequest(wrong.Message);
        }
    }
}
