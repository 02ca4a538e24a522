namespace SloEngine.Slo.Ledger;

/// <summary>Minutes that a ledger has counted, as the store of another that counts nothing; what other nodes count is in the store itself.</summary>
/// <param name="minutes">The minutes.</param>
/// <param name="store">Where other nodes' are.</param>
internal sealed class CountedMinutes(IReadOnlyList<LedgerIncrement> minutes, ILedgerStore store) : ILedgerStore
{
    public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

    public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<LedgerIncrement>>([.. minutes.Where(minute => minute.Key == key && minute.Minute >= since)]);

    public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(DateTimeOffset since, CancellationToken cancellation) => store.ReadOthersAsync(since, cancellation);
}
