using SloEngine.Slo.Ledger;

namespace SloEngine.Alerting.Tests;

/// <summary>A store of a ledger's minutes that has none.</summary>
internal sealed class NoLedgerStore : ILedgerStore
{
    public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

    public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

    public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
}
