using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Storage;
using SloEngine.Storage.Backup;

namespace SloEngine.Query.Http;

/// <summary>Starts backups of the store and tells how far they are: <c>/api/v1/store/backups</c>.</summary>
public static class BackupApi
{
    /// <summary>Maps the API.</summary>
    public static void MapBackupApi(this IEndpointRouteBuilder endpoints)
    {
        StoreBackups backups = endpoints.ServiceProvider.GetRequiredService<StoreBackups>();
        endpoints.MapPost("/api/v1/store/backups", async (BackupRequest request, CancellationToken cancellation) =>
        {
            try
            {
                string name = BackupName.Parse(request.Name ?? "");
                await backups.StartAsync(name, request.Base, cancellation);
                return Results.Accepted($"/api/v1/store/backups/{name}", new { directory = backups.Place(name) });
            }
            catch (ArgumentException wrong)
            {
                return Results.Problem(wrong.Message, statusCode: StatusCodes.Status400BadRequest, title: "The request does not fit");
            }
            catch (StoreException refused)
            {
                return Results.Problem(refused.Message, statusCode: StatusCodes.Status409Conflict, title: "The backup was not started");
            }
        });
        endpoints.MapGet("/api/v1/store/backups/{name}", async (string name, CancellationToken cancellation) =>
        {
            try
            {
                return await backups.StatusAsync(name, cancellation) is { } status
                    ? Results.Json(status)
                    : Results.Problem($"no backup {name} was started since the server runs", statusCode: StatusCodes.Status404NotFound, title: "There is no such backup");
            }
            catch (ArgumentException wrong)
            {
                return Results.Problem(wrong.Message, statusCode: StatusCodes.Status400BadRequest, title: "The request does not fit");
            }
        });
    }

    /// <summary>The body of the POST.</summary>
    /// <param name="Name">Name of the new backup.</param>
    /// <param name="Base">Name of the backup that it builds on; null for a full one.</param>
    private sealed record BackupRequest(string? Name, string? Base);
}
