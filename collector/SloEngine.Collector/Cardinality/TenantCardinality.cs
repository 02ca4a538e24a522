namespace SloEngine.Collector.Cardinality;

/// <summary>A tenant's series, what it was refused, and where its series come from.</summary>
/// <param name="Tenant">Name.</param>
/// <param name="ActiveSeries">Series that have had points of late.</param>
/// <param name="SeriesLimit">How many it may have.</param>
/// <param name="RejectedSeries">How often a series was rejected, by reason, since the tenant has series.</param>
/// <param name="ActiveResources">Resources of logs and spans, each scope of one counted, that have had items of late.</param>
/// <param name="ResourceLimit">How many it may have.</param>
/// <param name="RejectedResources">How often one was rejected, since the tenant has any.</param>
/// <param name="SeriesCountByMetricName">Metrics with the most series.</param>
/// <param name="LabelValueCountByLabelName">Labels with the most values, estimated within a few percent.</param>
internal sealed record TenantCardinality(
    string Tenant, int ActiveSeries, int SeriesLimit, RejectedSeries RejectedSeries, int ActiveResources, int ResourceLimit, long RejectedResources,
    IReadOnlyList<NamedCount> SeriesCountByMetricName,
    IReadOnlyList<NamedCount> LabelValueCountByLabelName);

/// <summary>How often a series was rejected.</summary>
internal sealed record RejectedSeries(long SeriesLimit, long LabelLimit);

/// <summary>A name and how many there are of it.</summary>
internal sealed record NamedCount(string Name, long Value);
