using Microsoft.AspNetCore.Http;
using SloEngine.Alerting.Definitions;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Alerting.Http;

/// <summary>The SLOs that a request may see: to who asks, those of other tenants are not there.</summary>
/// <param name="catalog">All SLOs that are in use.</param>
/// <param name="saved">Those that were saved, removed ones too.</param>
/// <param name="evaluator">Knows their groups.</param>
/// <param name="scopes">Whose SLOs a request is about.</param>
internal sealed class ScopedSlos(SloCatalog catalog, SavedSlos saved, SloEvaluator evaluator, Func<HttpContext, TenantScope> scopes)
{
    /// <summary>Whose SLOs a request is about.</summary>
    public TenantScope Scope(HttpContext http) => scopes(http);

    /// <summary>Those of a request.</summary>
    public IEnumerable<ServiceLevelObjective> Of(HttpContext http) => catalog.Slos.Where(scopes(http).Covers);

    /// <summary>An SLO by its id.</summary>
    public ServiceLevelObjective? Whole(HttpContext http, string id) => Of(http).FirstOrDefault(slo => slo.Id == id);

    /// <summary>An SLO by its id; or one of its objectives, or groups, by its own.</summary>
    public ServiceLevelObjective? Find(HttpContext http, string id) =>
        Whole(http, id) ?? Of(http).Where(slo => id.StartsWith(slo.Id, StringComparison.Ordinal)).SelectMany(evaluator.Evaluated).FirstOrDefault(slo => slo.Id == id);

    /// <summary>Whether a request may see what is kept under an id, also after the SLO was removed.</summary>
    public async Task<bool> MaySeeAsync(HttpContext http, string id, CancellationToken cancellation) =>
        await saved.OwnerAsync(id, cancellation) is { } owner && scopes(http).Covers(owner);

    /// <summary>The answer to who asks for an SLO that there is not.</summary>
    public IResult Unknown(HttpContext http, string id) => Results.Problem(
        $"there is no SLO '{id}'; known are {string.Join(", ", Of(http).Take(20).Select(slo => slo.Id))}", statusCode: 404, title: "Not found");
}
