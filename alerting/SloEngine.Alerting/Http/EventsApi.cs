using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Alerting.Events;
using SloEngine.Storage;

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
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        endpoints.MapGet("/api/v1/events", async (HttpRequest request, string? start, string? end, string? service, string? kind, string? environment, int? limit, CancellationToken cancellation) =>
        {
            if (!RequestTime.TryRead(end, time.GetUtcNow() + Lookback, out DateTimeOffset to) || !RequestTime.TryRead(start, (end is null ? time.GetUtcNow() : to) - Lookback, out DateTimeOffset from) || from > to)
            {
                return Refused("start and end are to be Unix seconds or RFC 3339, start before end");
            }
            ChangeKind asked = default;
            if (kind is not null && (!Enum.TryParse(kind, ignoreCase: true, out asked) || EventTable.Name(asked) != kind))
            {
                return Refused($"kind is '{kind}', expected {string.Join(", ", Enum.GetValues<ChangeKind>().Select(EventTable.Name))}");
            }
            var filter = new EventFilter(Tenant(request), from, to)
            {
                Service = service,
                Kind = kind is null ? null : asked,
                Environment = environment,
                Limit = Math.Clamp(limit ?? 1000, 1, MostListed),
            };
            return Results.Json(new { events = (await table.ReadAsync(filter, cancellation)).Select(Json) });
        });
    }

    /// <summary>Maps what takes events in, <c>POST /api/v1/events</c>.</summary>
    public static void MapEventsIntake(this IEndpointRouteBuilder endpoints)
    {
        EventTable table = endpoints.ServiceProvider.GetRequiredService<EventTable>();
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        endpoints.MapPost("/api/v1/events", async (HttpRequest request, CancellationToken cancellation) =>
        {
            try
            {
                using JsonDocument body = await JsonDocument.ParseAsync(request.Body, cancellationToken: cancellation);
                IReadOnlyList<ChangeEvent> events = new EventReader(Tenant(request), time.GetUtcNow()).Read(body.RootElement);
                await table.AddAsync(events, token: null, cancellation);
                return Results.Json(new { events = events.Select(Json) }, statusCode: StatusCodes.Status201Created);
            }
            catch (JsonException wrong)
            {
                return Refused($"the body is not JSON: {wrong.Message}");
            }
            catch (EventFormatException wrong)
            {
                return Refused(wrong.Message);
            }
            catch (StoreException away)
            {
                request.HttpContext.Response.Headers.RetryAfter = "5";
                return Results.Problem($"the store did not take the events, send them again: {away.Message}", statusCode: 503, title: "The store is away");
            }
        });
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
    private static string Tenant(HttpRequest request) => request.Headers["X-Scope-OrgID"].ToString() is { Length: > 0 } tenant ? tenant : "default";

    private static IResult Refused(string reason) => Results.Problem(reason, statusCode: 400, title: "The request does not fit");
}
