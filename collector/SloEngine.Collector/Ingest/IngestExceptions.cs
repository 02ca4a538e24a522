namespace SloEngine.Collector.Ingest;

/// <summary>Nothing was stored; the sender may send the same again after a while.</summary>
/// <param name="message">Why.</param>
/// <param name="retryAfter">How long to wait.</param>
public sealed class IngestUnavailableException(string message, TimeSpan retryAfter) : Exception(message)
{
    /// <summary>How long senders are asked to wait.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;

    /// <summary>Whether the tenant is over a limit of its own, while others are served.</summary>
    public bool IsTenantLimit { get; init; }
}
