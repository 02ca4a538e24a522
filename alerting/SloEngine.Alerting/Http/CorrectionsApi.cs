using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Alerting.Corrections;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Http;

/// <summary>Corrections of budgets over HTTP.</summary>
internal static class CorrectionsApi
{
    private const int LongestKey = 200;

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        BudgetCorrections corrections = endpoints.ServiceProvider.GetRequiredService<BudgetCorrections>();
        ScopedSlos slos = endpoints.ServiceProvider.GetRequiredService<ScopedSlos>();
        RouteGroupBuilder all = endpoints.MapGroup("/api/v1/slos/{id}/corrections");
        all.AddEndpointFilter(ApiProblemException.AnswerAsync);
        all.MapGet("", async (HttpContext http, string id, CancellationToken cancellation) =>
        {
            // Those of an SLO that is not there any more are kept, too.
            return await slos.MaySeeAsync(http, id, cancellation) ? Results.Json(new { corrections = (await corrections.ReadAsync(id, cancellation)).Select(Json) }) : throw Missing(id);
        });
        all.MapPost("", async (HttpContext http, string id, bool? dry_run, CancellationToken cancellation) =>
        {
            ServiceLevelObjective slo = slos.Whole(http, id) ?? throw Missing(id);
            CorrectionRequest request = await ReadAsync(http.Request, cancellation);
            Editor editor = Editor.Of(http, request.Author);
            if (dry_run == true)
            {
                return Answer(await corrections.TryAsync(slo, request, editor, cancellation), isDryRun: true, StatusCodes.Status200OK);
            }
            CorrectedBudget made = await corrections.MakeAsync(slo, request, editor, Key(http.Request), cancellation);
            http.Response.Headers.Location = $"/api/v1/slos/{id}/corrections";
            return Answer(made, isDryRun: false, StatusCodes.Status201Created);
        });
        all.MapDelete("{correction}", async (HttpContext http, string id, string correction, string? reason, string? author, CancellationToken cancellation) =>
            !await slos.MaySeeAsync(http, id, cancellation) ? throw Missing(id)
            : Results.Json(new { correction = Json(await corrections.RevokeAsync(id, correction, reason, Editor.Of(http, author), cancellation)) }));
    }

    /// <summary>The name that a request has in every attempt (draft-ietf-httpapi-idempotency-key-header); null without one.</summary>
    private static string? Key(HttpRequest request)
    {
        string key = request.Headers["Idempotency-Key"].ToString();
        return key.Length <= LongestKey ? key.Length > 0 ? key : null
            : throw ApiProblemException.BadRequest($"Idempotency-Key has {key.Length} characters, expected up to {LongestKey}");
    }

    private static async Task<CorrectionRequest> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync<CorrectionRequest>(request.Body, Strict, cancellation) ?? throw ApiProblemException.BadRequest("the body is null, expected a correction");
        }
        catch (JsonException wrong)
        {
            throw ApiProblemException.BadRequest($"the body is no correction: {wrong.Message}");
        }
    }

    private static IResult Answer(CorrectedBudget budget, bool isDryRun, int status) => Results.Json(
        new { dryRun = isDryRun, correction = Json(budget.Correction), budgetRemaining = new { before = budget.Before, after = budget.After } }, statusCode: status);

    private static ApiProblemException Missing(string id) => new(StatusCodes.Status404NotFound, $"there is no SLO '{id}'; objectives and groups are named by the fields objective and group");

    private static object Json(AuditedCorrection audited) => new
    {
        audited.Id,
        slo = audited.Correction.Slo,
        objective = audited.Correction.Objective,
        group = audited.Correction.Group,
        audited.Correction.From,
        audited.Correction.To,
        exclude = audited.Correction.Kind switch { CorrectionKind.ExcludeAll => "all", CorrectionKind.ExcludeBad => "bad", _ => null },
        good = audited.Correction.Kind == CorrectionKind.AddEvents ? audited.Correction.Good : (double?)null,
        bad = audited.Correction.Kind == CorrectionKind.AddEvents ? audited.Correction.Bad : (double?)null,
        reference = audited.Reference,
        made = Json(audited.Made),
        revoked = audited.Revoked is { } revoked ? Json(revoked) : null,
    };

    private static object Json(AuditEntry entry) => new { entry.Editor.Author, entry.Editor.Credential, entry.Reason, entry.At };
}
