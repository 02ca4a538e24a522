using SloEngine.Alerting.Corrections;
using SloEngine.Alerting.Definitions;
using SloEngine.Alerting.Http;
using SloEngine.Server.Slos;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Chdb;

namespace SloEngine.EndToEnd;

/// <summary>Corrections that are asked for more than once, in the real engine.</summary>
[Collection(EngineCollection.Name)]
public sealed class BudgetCorrectionsTests
{
    private static readonly ServiceLevelObjective Slo = SloFileReader.Read([("app.yaml", """
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: app}
        spec: {service: app, indicator: {good: 'requests_total{code="200"}', total: requests_total}, objectives: [{target: 0.99}]}
        """)]).Slos[0];

    [Fact]
    public async Task A_correction_that_is_sent_again_under_its_key_is_made_once()
    {
        using var files = new TemporaryDirectory();
        await using EmbeddedColumnStore store = await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = files.Path });
        var table = new CorrectionTable(store);
        using var minutes = new LedgerTable(store, Guid.NewGuid());
        using var ledger = new Ledger(minutes, TimeProvider.System);
        await ledger.SetSlosAsync([Slo], default);
        var refresh = new RefreshThatFailsOnce();
        using var corrections = new BudgetCorrections(table, ledger, new SloEvaluator(ledger), refresh, TimeProvider.System);
        string midnight = $"{new DateTimeOffset(DateTime.UtcNow.Date, TimeSpan.Zero):O}";
        Task<CorrectedBudget> MakeAsync(double bad, string? key) => corrections.MakeAsync(
            Slo, new CorrectionRequest { At = midnight, Bad = bad, Reason = "probes" }, new Editor("jane", ""), key, default);

        // It is stored, and nobody is told.
        await Assert.ThrowsAsync<StoreException>(() => MakeAsync(-5, "first"));
        CorrectedBudget again = await MakeAsync(-5, "first");

        Assert.Equal([again.Correction.Id], (await table.ReadAsync("app", default)).Select(one => one.Id));
        Assert.Equal(2, refresh.Count);
        ApiProblemException other = await Assert.ThrowsAsync<ApiProblemException>(() => MakeAsync(-6, "first"));
        Assert.Equal((422, "another correction of 'app' was made with the Idempotency-Key 'first'; choose a new one for each"), (other.Status, other.Message));
        await MakeAsync(-5, "second");
        await MakeAsync(-5, null);
        await MakeAsync(-5, null);
        Assert.Equal(4, (await table.ReadAsync("app", default)).Count);
    }

    private sealed class RefreshThatFailsOnce : ISloRefresh
    {
        public int Count { get; private set; }

        public Task RefreshAsync(CancellationToken cancellation) => ++Count == 1 ? throw new StoreException(0, "the store is away") : Task.CompletedTask;
    }
}
