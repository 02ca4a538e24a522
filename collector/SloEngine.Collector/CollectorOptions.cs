using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;

namespace SloEngine.Collector;

/// <summary>Limits and habits of the collector.</summary>
public sealed record CollectorOptions
{
    /// <summary>Largest request, before and after decompression, in bytes.</summary>
    public int MaxBodyBytes { get; init; } = 16 << 20;

    /// <summary>Bytes of requests in flight before senders are held, then refused with a retryable status.</summary>
    public long MemoryBudgetBytes { get; init; } = 512 << 20;

    /// <summary>Limits of the tenants that have none of their own.</summary>
    public TenantLimits Limits { get; init; } = new();

    /// <summary>Active series of all tenants together: what their memory is to be bounded by, however many tenants there are and whatever their limits.</summary>
    public int MaxTotalSeries { get; init; } = int.MaxValue;

    /// <summary>Tenants with limits of their own.</summary>
    public IReadOnlyDictionary<string, TenantLimits> Tenants { get; init; } = new Dictionary<string, TenantLimits>();

    /// <summary>How long a series or resource without points stays in the indexes, and in its tenant's count.</summary>
    public TimeSpan SeriesIdle { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long a request is held while the store fails or memory is short, before it is refused: under the usual 10 s of exporters.</summary>
    public TimeSpan HoldTime { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Delay that a refusal asks senders to keep.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Shortest time between two flushes of the log to the disk: how long a request may wait for others to share one.</summary>
    public TimeSpan CommitDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Items that one request may have: in columns an empty one takes dozens of times its bytes.</summary>
    public int MaxItemsPerRequest { get; init; } = 1_000_000;

    /// <summary>How far ahead of the clock times may be; null for any distance.</summary>
    public TimeSpan? MaxFuture { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How far back the times of a signal may be, to the beginning of that day (UTC): what is older would be dropped at once. A signal that is not named has no such limit.</summary>
    public IReadOnlyDictionary<Signal, TimeSpan> Retention { get; init; } = new Dictionary<Signal, TimeSpan>();

    /// <summary>Rows after which a batch goes into the store.</summary>
    public int MaxBatchRows { get; init; } = 500_000;

    /// <summary>Bytes of columns, about, after which a batch goes into the store; at a start, when what the log holds goes first, bytes of requests if these are more.</summary>
    public long MaxBatchBytes { get; init; } = 64 << 20;

    /// <summary>Age at which a smaller batch goes into the store, when that is not busy.</summary>
    public TimeSpan BatchDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Batches held in memory while the store is busy or away; later ones are read from the log again.</summary>
    public int MaxBatchesInMemory { get; init; } = 4;

    /// <summary>Samples after which those that were gathered go into the store as one insert; twice as many may be in memory.</summary>
    public int MaxGatheredSamples { get; init; } = 4_000_000;

    /// <summary>How long samples are gathered, and answered from memory, where nobody else reads the store; elsewhere each batch goes at once.</summary>
    public TimeSpan GatherTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of the log after which the samples in it go into the store: what the next start after a crash has to read again.</summary>
    public long MaxGatheredLogBytes { get; init; } = 256 << 20;

    /// <summary>How long rows that the store refuses for what they are are tried as a whole, before parts of them are, and requests that are refused alone are kept apart.</summary>
    public TimeSpan RefusalPatience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a stopping collector waits for the store to take what the log holds; the next start stores the rest.</summary>
    public TimeSpan StopPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Resource attributes that become labels of each series beside job and instance, where nothing else is chosen.</summary>
    public static IReadOnlyList<string> DefaultPromotedResourceAttributes { get; } =
    [
        "service.name", "service.namespace", "service.version", "deployment.environment.name",
        "k8s.cluster.name", "k8s.namespace.name", "k8s.node.name", "k8s.pod.name", "k8s.container.name", "k8s.deployment.name",
        "k8s.hpa.name", "k8s.resourcequota.name", "cloud.region", "host.name", "tenant.id",
    ];

    /// <summary>Resource attributes that become labels of each series beside job and instance.</summary>
    public IReadOnlyList<string> PromotedResourceAttributes { get; init; } = DefaultPromotedResourceAttributes;

    /// <summary>What is done to telemetry before it is stored.</summary>
    public Pipelines.PipelineOptions Pipelines { get; init; } = new();

    /// <summary>Resource attribute of OTLP that names the tenant, before the request's own; null for none.</summary>
    public string? TenantAttribute { get; init; }

    /// <summary>The limits of a tenant.</summary>
    public TenantLimits LimitsOf(string tenant) => Tenants.GetValueOrDefault(tenant, Limits);
}
