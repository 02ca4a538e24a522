using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Alerting.Definitions;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Alerting.Http;

/// <summary>Definitions of SLOs over HTTP: saved, replaced and removed with versions, or only checked (<c>dry_run</c>).</summary>
internal static class SloDefinitionsApi
{
    private const int MaxBytes = 1 << 20;

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        SavedSlos saved = endpoints.ServiceProvider.GetRequiredService<SavedSlos>();
        ScopedSlos scoped = endpoints.ServiceProvider.GetRequiredService<ScopedSlos>();
        SloCatalog catalog = endpoints.ServiceProvider.GetRequiredService<SloCatalog>();
        RouteGroupBuilder slos = endpoints.MapGroup("/api/v1/slos");
        slos.AddEndpointFilter(ApiProblemException.AnswerAsync);
        slos.MapPost("", async (HttpContext http, bool? dry_run, string? author, CancellationToken cancellation) =>
        {
            bool isDryRun = dry_run == true;
            IReadOnlyList<SloChange> changes = await saved.CreateAsync(scoped.Scope(http), await TextAsync(http.Request, cancellation), Editor.Of(http, author), isDryRun, cancellation);
            if (!isDryRun && changes.Count == 1)
            {
                http.Response.Headers.ETag = VersionCondition.Tag(changes[0].Version);
                http.Response.Headers.Location = $"/api/v1/slos/{changes[0].Id}";
            }
            return Answer(changes, isDryRun, isDryRun ? StatusCodes.Status200OK : StatusCodes.Status201Created);
        });
        slos.MapPut("{id}", async (HttpContext http, string id, bool? dry_run, string? author, CancellationToken cancellation) =>
        {
            bool isDryRun = dry_run == true;
            SloChange change = await saved.ReplaceAsync(
                scoped.Scope(http), id, await TextAsync(http.Request, cancellation), new VersionCondition(http.Request.Headers), Editor.Of(http, author), isDryRun, cancellation);
            if (!isDryRun)
            {
                http.Response.Headers.ETag = VersionCondition.Tag(change.Version);
            }
            return Answer([change], isDryRun, !isDryRun && change.Action == "created" ? StatusCodes.Status201Created : StatusCodes.Status200OK);
        });
        slos.MapDelete("{id}", async (HttpContext http, string id, bool? dry_run, string? author, CancellationToken cancellation) => Answer(
            [await saved.RemoveAsync(scoped.Scope(http), id, new VersionCondition(http.Request.Headers), Editor.Of(http, author), dry_run == true, cancellation)], dry_run == true, StatusCodes.Status200OK));
        slos.MapGet("{id}/definition", async (HttpContext http, string id, CancellationToken cancellation) =>
        {
            ServiceLevelObjective slo = scoped.Whole(http, id) ?? throw new ApiProblemException(StatusCodes.Status404NotFound, $"there is no SLO '{id}'");
            if (catalog.SavedVersion(id) is { } version)
            {
                http.Response.Headers.ETag = VersionCondition.Tag(version);
                return Yaml((await saved.VersionAsync(id, version, cancellation))!.Text);
            }
            return Yaml(SavedSlos.TextOf(slo));
        });
        slos.MapGet("{id}/versions", async (HttpContext http, string id, CancellationToken cancellation) =>
            await scoped.MaySeeAsync(http, id, cancellation) && await saved.VersionsAsync(id, cancellation) is { Count: > 0 } versions ? Results.Json(new
            {
                versions = versions.Select(version => new
                {
                    version.Version,
                    removed = version.IsRemoved,
                    version.Created,
                    version.Editor.Author,
                    version.Editor.Credential,
                    current = version.Version == versions[0].Version && !version.IsRemoved,
                }),
            })
            : throw Missing(id));
        slos.MapGet("{id}/versions/{version:long}", async (HttpContext http, string id, long version, CancellationToken cancellation) =>
            await scoped.MaySeeAsync(http, id, cancellation)
            && await saved.VersionAsync(id, version, cancellation) is { IsRemoved: false } found ? Yaml(found.Text)
            : throw new ApiProblemException(StatusCodes.Status404NotFound, $"there is no version {version} of SLO '{id}' with a definition"));
    }

    private static async Task<string> TextAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength is not { } length)
        {
            throw new ApiProblemException(StatusCodes.Status411LengthRequired, "Content-Length is missing");
        }
        if (length > MaxBytes)
        {
            throw new ApiProblemException(StatusCodes.Status413PayloadTooLarge, $"the body has {length} bytes, expected at most {MaxBytes}");
        }
        byte[] body = new byte[(int)length];
        await request.Body.ReadExactlyAsync(body, cancellation);
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body);
        }
        catch (DecoderFallbackException)
        {
            throw ApiProblemException.BadRequest("the body is not UTF-8");
        }
    }

    private static IResult Answer(IReadOnlyList<SloChange> changes, bool isDryRun, int status) => Results.Json(new { dryRun = isDryRun, changes }, statusCode: status);

    private static IResult Yaml(string text) => Results.Text(text, "application/yaml");

    private static ApiProblemException Missing(string id) => new(StatusCodes.Status404NotFound, $"there is no SLO '{id}' that was saved; those of files have no versions here");
}
