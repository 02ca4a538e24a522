using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Storage;

namespace SloEngine.Server.Suggestions;

/// <summary>Proposes SLOs for the services of a tenant from what they did.</summary>
internal sealed class SloSuggester(IColumnStore store, PromQLEngine engine, Func<string, ISeriesSource> sources, TimeProvider time)
{
    /// <summary>Proposes.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="service">The only service to look at; null for all.</param>
    /// <param name="days">How far back, in days.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="StoreException">The store cannot be read.</exception>
    public async Task<SloSuggestions> SuggestAsync(string tenant, string? service, int days, CancellationToken cancellation)
    {
        var findings = new SuggestionFindings(tenant, days);
        var metrics = new MetricHistory(store, engine, sources(tenant), tenant, days, time.GetUtcNow());
        HashSet<string> measured = new(StringComparer.Ordinal);
        foreach ((string name, KnownDuration duration) in await metrics.ServicesAsync(cancellation))
        {
            if (service is not null && name != service)
            {
                continue;
            }
            measured.Add(name);
            try
            {
                findings.Add(name, duration, await metrics.ReadAsync(name, duration, cancellation));
            }
            catch (PromQLEvaluationException failure)
            {
                findings.PassOver(name, duration.Events, $"{failure.Message}; try fewer days");
            }
        }
        foreach (SpanHistory spans in await SpanHistory.ReadAsync(store, tenant, days, cancellation))
        {
            if ((service is null || spans.Service == service) && !measured.Contains(spans.Service))
            {
                findings.Add(spans);
            }
        }
        return findings.Finish();
    }
}
