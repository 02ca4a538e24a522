using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;

namespace SloEngine.Collector.Cardinality;

/// <summary>
/// Tells whose series fill the index, and what they differ in. It passes over the table once, beside the receivers and without their lock, for the
/// tenants that it is about to name; one reader at a time.
/// </summary>
internal sealed class CardinalityReader(CollectorOptions options, SeriesIndex series, ResourceIndex resources)
{
    private const int MaxNames = 1000;

    /// <summary>Stands for names beyond those that are counted one by one.</summary>
    private const string OtherNames = "~others";

    private readonly Lock _reading = new();

    /// <summary>The tenants with the most rejections, then the most series.</summary>
    /// <param name="only">The one tenant to look at, or null for all.</param>
    /// <param name="top">How many tenants, and metrics and labels of each.</param>
    public IReadOnlyList<TenantCardinality> Read(string? only, int top)
    {
        lock (_reading)
        {
            Dictionary<string, TenantUsage> ofSeries = series.Usages().ToDictionary(tenant => tenant.Tenant, tenant => tenant.Usage);
            Dictionary<string, ResourceUsage> ofResources = resources.Usages().ToDictionary(tenant => tenant.Tenant, tenant => tenant.Usage);
            List<(string Tenant, TenantUsage Usage, ResourceUsage Resources)> tenants = [.. ofSeries.Keys.Union(ofResources.Keys)
                .Where(tenant => only is null || tenant == only)
                .Select(tenant => (Tenant: tenant, Usage: ofSeries.GetValueOrDefault(tenant) ?? new(), Resources: ofResources.GetValueOrDefault(tenant) ?? new()))
                .OrderByDescending(tenant => tenant.Usage.RejectedByCount + tenant.Usage.RejectedByLabels + tenant.Resources.Rejected)
                .ThenByDescending(tenant => tenant.Usage.Active)
                .ThenBy(tenant => tenant.Tenant, StringComparer.Ordinal)
                .Take(top)];
            Dictionary<string, Names> names = tenants.ToDictionary(tenant => tenant.Tenant, _ => new Names());
            SeriesTable table = series.Table;
            for (int slot = 0; slot < table.Count; slot++)
            {
                if (table.Active[slot] && table.Descriptors[slot] is { } descriptor && names.TryGetValue(descriptor.Tenant, out Names? own))
                {
                    own.Add(descriptor);
                }
            }
            return [.. tenants.Select(tenant => new TenantCardinality(
                tenant.Tenant, tenant.Usage.Active, options.LimitsOf(tenant.Tenant).MaxActiveSeries,
                new RejectedSeries(tenant.Usage.RejectedByCount, tenant.Usage.RejectedByLabels),
                tenant.Resources.Active, options.LimitsOf(tenant.Tenant).MaxActiveResources, tenant.Resources.Rejected,
                Top(names[tenant.Tenant].SeriesOfMetrics, top), Top(names[tenant.Tenant].ValuesOfLabels.Select(label => KeyValuePair.Create(label.Key, label.Value.Value)), top)))];
        }
    }

    private static IReadOnlyList<NamedCount> Top(IEnumerable<KeyValuePair<string, long>> counts, int top) =>
        [.. counts.OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal).Take(top).Select(count => new NamedCount(count.Key, count.Value))];

    /// <summary>Counts of a tenant, of so many names at most.</summary>
    private sealed class Names
    {
        public Dictionary<string, long> SeriesOfMetrics { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, DistinctCount> ValuesOfLabels { get; } = new(StringComparer.Ordinal);

        public void Add(SeriesDescriptor descriptor)
        {
            string metric = SeriesOfMetrics.Count < MaxNames || SeriesOfMetrics.ContainsKey(descriptor.Metric) ? descriptor.Metric : OtherNames;
            SeriesOfMetrics[metric] = SeriesOfMetrics.GetValueOrDefault(metric) + 1;
            foreach ((string name, string value) in descriptor.Labels)
            {
                string label = ValuesOfLabels.Count < MaxNames || ValuesOfLabels.ContainsKey(name) ? name : OtherNames;
                if (!ValuesOfLabels.TryGetValue(label, out DistinctCount? values))
                {
                    ValuesOfLabels.Add(label, values = new DistinctCount());
                }
                values.Add(value);
            }
        }
    }
}
