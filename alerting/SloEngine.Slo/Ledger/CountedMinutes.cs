namespace SloEngine.Slo.Ledger;

/// <summary>Minutes that a ledger has counted, as the store of another that counts nothing.</summary>
/// <param name="own">Minutes of this node.</param>
/// <param name="others">Minutes of other nodes.</param>
internal sealed class CountedMinutes(IReadOnlyList<LedgerIncrement> own, IReadOnlyList<LedgerIncrement> others) : ILedgerStore
{
    public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

    public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) => Task.FromResult(Of(own, key, since));

    public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) => Task.FromResult(Of(others, key, since));

    private static IReadOnlyList<LedgerIncrement> Of(IReadOnlyList<LedgerIncrement> minutes, string? key, DateTimeOffset since) =>
        [.. minutes.Where(minute => (key is null || minute.Key == key) && minute.Minute >= since)];
}
