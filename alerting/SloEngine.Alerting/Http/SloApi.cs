using System.Globalization;
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
    private const int HistoryPoints = 300;

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
            DateTimeOffset now = time.GetUtcNow();
            if (!RequestTime.TryRead(end, now, out DateTimeOffset to) || !RequestTime.TryRead(start, to - slo.Window, out DateTimeOffset from) || from >= to)
            {
                throw ApiProblemException.BadRequest($"start and end are to be {RequestTime.Expected}, start before end");
            }
            double slot = ledger.Resolution(slo.Id, from).TotalSeconds;
            double seconds = Math.Max(slot, Math.Ceiling((to - from).TotalSeconds / HistoryPoints / slot) * slot);
            if (step is not null && (!double.TryParse(step, NumberStyles.Float, CultureInfo.InvariantCulture, out seconds) || seconds < 60))
            {
                throw ApiProblemException.BadRequest("step is to be seconds, at least 60: the ledger keeps minutes");
            }
            // Times further back are kept by longer slots, which points end with.
            seconds = Math.Ceiling(seconds / slot) * slot;
            from = from.AddTicks(-(from.Ticks % TimeSpan.FromSeconds(slot).Ticks));
            if ((to - from).TotalSeconds / seconds > 11_000)
            {
                throw ApiProblemException.BadRequest("more than 11,000 points; take a larger step");
            }
            IReadOnlyList<AuditedCorrection> corrected = await corrections.ReadAsync(slo.Parent, cancellation);
            return Results.Json(new { points = History(slo, ledger, from, to, TimeSpan.FromSeconds(seconds)), changed = Changed(slo, corrected, from, to) });
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

    private static IEnumerable<object> History(ServiceLevelObjective slo, Ledger ledger, DateTimeOffset from, DateTimeOffset to, TimeSpan step)
    {
        for (DateTimeOffset end = from + step; end < to + step; end += step)
        {
            // The slot that begins when a point ends is the next one's; the last point may be of a part of its time.
            DateTimeOffset last = end.AddTicks(-1);
            WindowSum sum = ledger.MinuteSum(slo.Id, last, step);
            WindowSum window = slo.Method == BudgetingMethod.Occurrences && slo.BudgetWindow is RollingWindow
                ? ledger.MinuteSum(slo.Id, last, slo.Window) : ledger.BudgetSum(slo.Id, last);
            double allowed = window.Total * slo.Budget;
            yield return new
            {
                t = end < to ? end : to,
                good = sum.Good,
                total = sum.Total,
                budgetRemaining = allowed > 0 ? 1 - (window.Bad / allowed) : 1,
                burnRate = SloEvaluator.Rate(slo, slo.Method == BudgetingMethod.Occurrences ? sum : ledger.Sum(slo.Id, end, step + TimeSpan.FromTicks(1))),
            };
        }
    }

    /// <summary>Stretches in which not all events count as they came: exclusions, and corrections that hold.</summary>
    private static IEnumerable<object> Changed(ServiceLevelObjective slo, IReadOnlyList<AuditedCorrection> corrections, DateTimeOffset from, DateTimeOffset to) =>
        slo.Exclusions.SelectMany(exclusion => exclusion.Between(from, to).Select(stretch => (stretch.Start, stretch.End, By: "exclusion", exclusion.Reason)))
            .Concat(corrections.Where(correction => correction.Revoked is null && IsAbout(correction.Correction, slo) && correction.Correction.From < to && correction.Correction.To > from)
                .Select(correction => (Start: correction.Correction.From, End: correction.Correction.To, By: "correction", correction.Made.Reason)))
            .OrderBy(stretch => stretch.Start).Take(HistoryPoints * 10)
            .Select(stretch => new { from = stretch.Start, to = stretch.End, by = stretch.By, reason = stretch.Reason });

    private static bool IsAbout(BudgetCorrection correction, ServiceLevelObjective slo) =>
        (correction.Objective.Length == 0 || correction.Objective == slo.Objectives[0].Name)
        && (correction.Group.Length == 0 || slo.Group.Length == 0 || correction.Group == slo.Group);
}
