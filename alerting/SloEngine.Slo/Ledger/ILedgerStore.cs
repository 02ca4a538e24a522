namespace SloEngine.Slo.Ledger;

/// <summary>Events of one minute to add to what the store has of it.</summary>
/// <param name="Key"><see cref="Model.ServiceLevelObjective.LedgerKey"/>.</param>
/// <param name="Group">Group of a grouped SLO; empty for none.</param>
/// <param name="Minute">Start of the minute.</param>
/// <param name="Good">Good events.</param>
/// <param name="Total">All events.</param>
public readonly record struct LedgerIncrement(string Key, string Group, DateTimeOffset Minute, double Good, double Total);

/// <summary>Keeps the ledger over restarts.</summary>
public interface ILedgerStore
{
    /// <summary>Adds increments; when the task completes they survive the end of the process. A token seen before adds nothing.</summary>
    Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation);

    /// <summary>Reads the sums of each minute of a key since a time, oldest first: those that this node appended.</summary>
    Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation);

    /// <summary>Reads the sums of each minute of a key, or of every key for null, since a time, oldest first: those that other nodes appended; none where this is the only one.</summary>
    Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation);
}
