namespace SloEngine.Query;

/// <summary>Limits of the query APIs.</summary>
public sealed record QueryOptions
{
    /// <summary>Series that one selector may match.</summary>
    public int MaxSeries { get; init; } = 100_000;

    /// <summary>Series that are kept in memory, of all tenants; a name counts as one more, since there are names that no series has.</summary>
    public int MaxKnownSeries { get; init; } = 500_000;

    /// <summary>Points that one selector may read.</summary>
    public long MaxSamples { get; init; } = 50_000_000;

    /// <summary>Memory for samples that were read before, packed; 0 for none.</summary>
    public long SampleCacheBytes { get; init; } = 512L << 20;

    /// <summary>PromQL queries of the API that are evaluated at a time: others wait. Rules and SLOs do not wait for them.</summary>
    public int MaxConcurrency { get; init; } = 20;

    /// <summary>Time that a query may take, and wait for its turn.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Rows that a SQL query may return.</summary>
    public long MaxSqlRows { get; init; } = 1_000_000;

    /// <summary>Bytes that the result of a SQL query may have in memory.</summary>
    public long MaxSqlBytes { get; init; } = 256L << 20;
}
