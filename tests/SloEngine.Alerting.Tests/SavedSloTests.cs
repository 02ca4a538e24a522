using System.Buffers;
using SloEngine.Alerting.Definitions;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting.Tests;

public sealed class SavedSloTests
{
    private const string Slo = """
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: app}
        spec: {service: app, indicator: {good: 'requests_total{code="200"}', total: requests_total}, objectives: [{target: 0.99}]}
        """;

    [Fact]
    public async Task What_may_be_saved_comes_into_use_also_when_the_stores_answer_is_lost()
    {
        var refresh = new CountingRefresh();
        await using var store = new StoreThatLosesAnswers();
        using var saved = new SavedSlos(new SloDefinitionTable(store), new SloCatalog(null), new NoLedgerStore(), refresh, TimeProvider.System);

        await saved.CreateAsync(TenantScope.All, Slo, new Editor("jane", ""), isDryRun: true, default);
        await Assert.ThrowsAsync<ApiProblemException>(() => saved.CreateAsync(TenantScope.All, Slo + "x: [", new Editor("jane", ""), isDryRun: false, default));
        Assert.Equal(0, refresh.Count);

        await Assert.ThrowsAsync<StoreException>(() => saved.CreateAsync(TenantScope.All, Slo, new Editor("jane", ""), isDryRun: false, default));
        Assert.Equal(1, refresh.Count);
    }

    private sealed class CountingRefresh : ISloRefresh
    {
        public int Count { get; private set; }

        public Task RefreshAsync(CancellationToken cancellation)
        {
            Count++;
            return Task.CompletedTask;
        }
    }

    /// <summary>An empty store that answers nothing once something has been inserted.</summary>
    private sealed class StoreThatLosesAnswers : IColumnStore
    {
        private bool _isLost;

        public ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default)
        {
            _isLost = true;
            return ValueTask.CompletedTask;
        }

        public ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default) =>
            _isLost ? throw new StoreException(0, "the answer is lost") : ValueTask.FromResult(new QueryResult([]));

        public ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class NoLedgerStore : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }
}
