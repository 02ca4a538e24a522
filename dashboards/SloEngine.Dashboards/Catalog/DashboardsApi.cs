using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace SloEngine.Dashboards.Catalog;

/// <summary>Dashboards over HTTP: <c>GET /api/v1/dashboards</c>, and <c>GET</c>, <c>PUT</c> and <c>DELETE</c> of <c>/api/v1/dashboards/{name}</c>.</summary>
public static class DashboardsApi
{
    /// <summary>Maps the API.</summary>
    public static void MapDashboardsApi(this IEndpointRouteBuilder endpoints)
    {
        DashboardCatalog catalog = endpoints.ServiceProvider.GetRequiredService<DashboardCatalog>();
        RouteGroupBuilder dashboards = endpoints.MapGroup("/api/v1/dashboards");
        dashboards.MapGet("", () => Results.Ok(new { dashboards = catalog.List() }));
        dashboards.MapGet("{name}", (string name) => Answer(() => catalog.Find(name) is { } dashboard ? Json(dashboard) : Missing(name)));
        dashboards.MapPut("{name}", async (string name, HttpRequest request) =>
        {
            if (request.ContentLength is null or > DashboardCatalog.MaxBytes)
            {
                return Problem(StatusCodes.Status413PayloadTooLarge, $"a dashboard has a Content-Length of at most {DashboardCatalog.MaxBytes} bytes");
            }
            byte[] body = new byte[(int)request.ContentLength];
            await request.Body.ReadExactlyAsync(body, request.HttpContext.RequestAborted);
            return Answer(() => Json(catalog.Save(name, body)));
        });
        dashboards.MapDelete("{name}", (string name) => Answer(() => catalog.Remove(name) ? Results.NoContent() : Missing(name)));
    }

    private static IResult Answer(Func<IResult> handler)
    {
        try
        {
            return handler();
        }
        catch (DashboardConflictException conflict)
        {
            return Problem(StatusCodes.Status409Conflict, conflict.Message);
        }
        catch (DashboardException wrong)
        {
            return Problem(StatusCodes.Status422UnprocessableEntity, wrong.Message);
        }
    }

    private static IResult Json(JsonObject dashboard) => Results.Text(dashboard.ToJsonString(), "application/json");

    private static IResult Missing(string name) => Problem(StatusCodes.Status404NotFound, $"there is no dashboard {name} that was saved or came with the program");

    private static IResult Problem(int status, string detail) => Results.Problem(detail, statusCode: status, title: "Dashboard");
}
