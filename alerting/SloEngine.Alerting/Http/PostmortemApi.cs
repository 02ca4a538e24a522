using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Alerting.Postmortems;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Http;

/// <summary>Postmortems of incidents, drafted: <c>/api/v1/slos/{id}/postmortem?from=&amp;to=&amp;format=markdown|json</c>.</summary>
public static class PostmortemApi
{
    /// <summary>Maps the API.</summary>
    public static void MapPostmortemApi(this IEndpointRouteBuilder endpoints)
    {
        ScopedSlos slos = endpoints.ServiceProvider.GetRequiredService<ScopedSlos>();
        PostmortemBuilder builder = endpoints.ServiceProvider.GetRequiredService<PostmortemBuilder>();
        AlertingOptions options = endpoints.ServiceProvider.GetRequiredService<AlertingOptions>();
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        endpoints.MapGet("/api/v1/slos/{id}/postmortem", async (HttpContext http, string id, string? from, string? to, string? format, CancellationToken cancellation) =>
        {
            if (slos.Find(http, id) is not { } slo)
            {
                return slos.Unknown(http, id);
            }
            DateTimeOffset now = time.GetUtcNow();
            if (!RequestTime.TryRead(from, now, out DateTimeOffset start) || !RequestTime.TryRead(to, now, out DateTimeOffset end) || (from is not null && start >= end) || end > now.AddDays(1))
            {
                throw ApiProblemException.BadRequest($"from and to are to be {RequestTime.Expected}, from before to, to not in the future");
            }
            if (start < now - BudgetWindow.Longest)
            {
                throw ApiProblemException.BadRequest($"from is {start:u}; of what is more than a year ago nothing is counted any more");
            }
            if (format is not (null or "markdown" or "json"))
            {
                throw ApiProblemException.BadRequest($"format is '{format}', expected markdown or json");
            }
            if (from is null)
            {
                if (await builder.LatestAsync(slo, now, cancellation) is not { } latest)
                {
                    return Results.Problem($"no alert of '{id}' has fired; say with from (and to) which time it is about", statusCode: 404, title: "Not found");
                }
                (start, end) = (latest.From, to is null ? latest.To : end);
                if (start >= end)
                {
                    throw ApiProblemException.BadRequest($"to is {end:u}, and the latest alert began at {start:u}; say with from which time it is about");
                }
            }
            Postmortem incident = await builder.BuildAsync(slo, start, end, cancellation);
            return format == "json" ? Results.Json(Json(incident)) : Results.Text(PostmortemMarkdown.Write(incident, options.ExternalUrl()), "text/markdown; charset=utf-8");
        }).AddEndpointFilter(ApiProblemException.AnswerAsync);
    }

    private static object Json(Postmortem incident) => new
    {
        slo = incident.Slo.Id,
        incident.From,
        incident.To,
        incident.Began,
        detectionDelaySeconds = incident.DetectionDelay?.TotalSeconds,
        incident.Budget,
        incident.Curve,
        alerts = incident.Alerts.Select(alert => new
        {
            alert.Slo,
            alert.Policy,
            alert.Severity,
            state = alert.State.ToString().ToLowerInvariant(),
            alert.ActiveSince,
            alert.FiredAt,
            alert.ResolvedAt,
        }),
        changes = incident.Changes.Select(EventsApi.Json),
        incident.Groups,
        incident.Spans,
        incident.Logs,
        runbook = incident.Slo.Runbook,
    };
}
