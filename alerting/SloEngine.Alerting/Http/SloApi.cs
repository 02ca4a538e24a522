using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Alerting.Alerts;
using SloEngine.Alerting.Corrections;
using SloEngine.Alerting.Definitions;
using SloEngine.Alerting.Notifications;
using SloEngine.Alerting.Postmortems;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Alerting.Http;

/// <summary>SLOs, alerts and notifications over HTTP.</summary>
public static class SloApi
{
    /// <summary>Adds the evaluator and the notifier.</summary>
    /// <param name="services">The services.</param>
    /// <param name="evaluates">Whether this node evaluates and notifies; of nodes that share a store one does.</param>
    public static void AddAlerting(this IServiceCollection services, bool evaluates)
    {
        services.AddSingleton<Notifier>();
        services.AddSingleton<AlertEvaluator>();
        services.AddSingleton<PostmortemBuilder>();
        services.AddSingleton<SloDefinitionTable>();
        services.AddSingleton<SavedSlos>();
        services.AddSingleton<CorrectionTable>();
        services.AddSingleton<BudgetCorrections>();
        services.AddSingleton<ScopedSlos>();
        if (evaluates)
        {
            services.AddHostedService(provider => provider.GetRequiredService<Notifier>());
            services.AddHostedService(provider => provider.GetRequiredService<AlertEvaluator>());
        }
    }

    /// <summary>Maps <c>/api/v1/slos</c> with what is below it, <c>/api/v1/alerts/history</c> and <c>/api/v1/notifications</c>.</summary>
    public static void MapSloApi(this IEndpointRouteBuilder endpoints)
    {
        SloCatalog catalog = endpoints.ServiceProvider.GetRequiredService<SloCatalog>();
        SloEvaluator evaluator = endpoints.ServiceProvider.GetRequiredService<SloEvaluator>();
        Ledger ledger = endpoints.ServiceProvider.GetRequiredService<Ledger>();
        AlertEvaluator alerts = endpoints.ServiceProvider.GetRequiredService<AlertEvaluator>();
        Notifier notifier = endpoints.ServiceProvider.GetRequiredService<Notifier>();
        BudgetCorrections corrections = endpoints.ServiceProvider.GetRequiredService<BudgetCorrections>();
        ScopedSlos slos = endpoints.ServiceProvider.GetRequiredService<ScopedSlos>();
        TimeProvider time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();

        SloDefinitionsApi.Map(endpoints);
        CorrectionsApi.Map(endpoints);
        endpoints.MapGet("/api/v1/slos", (HttpContext http, string? service, string? q) =>
        {
            IReadOnlyList<Alert> current = alerts.Current;
            DateTimeOffset now = time.GetUtcNow();
            return Results.Json(new
            {
                slos = slos.Of(http)
                    .Where(slo => service is null || slo.Service == service)
                    .Where(slo => q is null || slo.Id.Contains(q, StringComparison.OrdinalIgnoreCase) || slo.DisplayName.Contains(q, StringComparison.OrdinalIgnoreCase))
                    .Select(slo => SloJson.Of(slo, evaluator, current, ledger, now)),
                errors = slos.Scope(http).Covers(TenantScope.DefaultTenant) ? catalog.Errors : [],
            });
        });
        endpoints.MapGet("/api/v1/slos/{id}", (HttpContext http, string id) =>
        {
            if (slos.Find(http, id) is not { } slo)
            {
                return slos.Unknown(http, id);
            }
            Dictionary<string, object?> json = SloJson.Detail(slo, evaluator, alerts.Current, ledger, time.GetUtcNow());
            json["version"] = catalog.SavedVersion(slo.Parent);
            if (catalog.SavedVersion(id) is { } version)
            {
                http.Response.Headers.ETag = VersionCondition.Tag(version);
            }
            return Results.Json(json);
        });
        endpoints.MapGet("/api/v1/slos/{id}/history", async (HttpContext http, string id, string? start, string? end, string? step, CancellationToken cancellation) =>
        {
            if (slos.Find(http, id)?.Each().First() is not { } slo)
            {
                return slos.Unknown(http, id);
            }
            SloHistory history = SloHistory.Read(slo, ledger, start, end, step, time.GetUtcNow());
            IReadOnlyList<AuditedCorrection> corrected = await corrections.ReadAsync(slo.Parent, cancellation);
            return Results.Json(new { points = history.Points(ledger), changed = history.Changed(corrected) });
        }).AddEndpointFilter(ApiProblemException.AnswerAsync);
        endpoints.MapGet("/api/v1/alerts/history", async (HttpContext http, string? slo, int? limit, CancellationToken cancellation) => Results.Json(new
        {
            alerts = (await alerts.HistoryAsync(slos.Scope(http), slo ?? "", Math.Clamp(limit ?? 100, 1, 10_000), cancellation)).Select(alert => new
            {
                alert.Fingerprint,
                alert.Slo,
                alert.Policy,
                alert.Severity,
                state = alert.State.ToString().ToLowerInvariant(),
                alert.Labels,
                alert.Annotations,
                alert.ActiveSince,
                alert.FiredAt,
                alert.ResolvedAt,
                alert.Value,
            }),
        })).AddEndpointFilter(ApiProblemException.AnswerAsync);
        endpoints.MapGet("/api/v1/notifications", async (HttpContext http, int? limit, CancellationToken cancellation) => Results.Json(new
        {
            notifications = (await notifier.HistoryAsync(slos.Scope(http), Math.Clamp(limit ?? 100, 1, 10_000), cancellation)).Select(notification => new
            {
                notification.Id,
                notification.Fingerprint,
                notification.Receiver,
                notification.Status,
                notification.Attempts,
                notification.Created,
                notification.Updated,
                notification.Error,
            }),
        })).AddEndpointFilter(ApiProblemException.AnswerAsync);
    }
}
