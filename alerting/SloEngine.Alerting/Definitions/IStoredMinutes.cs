namespace SloEngine.Alerting.Definitions;

/// <summary>Minutes of a ledger that are stored.</summary>
/// <param name="Count">How many.</param>
/// <param name="First">The first; null when there is none.</param>
/// <param name="Last">The last; null when there is none.</param>
public readonly record struct StoredMinutes(int Count, DateTimeOffset? First, DateTimeOffset? Last);

/// <summary>What the store has of the ledger.</summary>
public interface IStoredMinutes
{
    /// <summary>The minutes of a key since a time, over all its groups: those that this node appended.</summary>
    Task<StoredMinutes> CountAsync(string key, DateTimeOffset since, CancellationToken cancellation);
}
