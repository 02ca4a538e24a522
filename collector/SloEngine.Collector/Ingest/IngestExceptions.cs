namespace SloEngine.Collector.Ingest;

/// <summary>Nothing was stored; the sender may send the same again after a while.</summary>
/// <param name="message">Why.</param>
/// <param name="retryAfter">How long to wait.</param>
/// <param name="reason">Why, as it is counted: <c>rate_limit</c>, <c>memory</c>, <c>log</c>, <c>stopping</c> or <c>gateways</c>.</param>
public sealed class IngestUnavailableException(string message, TimeSpan retryAfter, string reason) : Exception(message)
{
    /// <summary>Why, as it is counted.</summary>
    public string Reason { get; } = reason;

    /// <summary>How long senders are asked to wait.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;

    /// <summary>Whether the tenant is over a limit of its own, while others are served.</summary>
    public bool IsTenantLimit { get; init; }
}
