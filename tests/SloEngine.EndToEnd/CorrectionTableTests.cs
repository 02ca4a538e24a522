using SloEngine.Alerting.Corrections;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Model;
using SloEngine.Storage.Chdb;

namespace SloEngine.EndToEnd;

/// <summary>Corrections in the real engine's table.</summary>
[Collection(EngineCollection.Name)]
public sealed class CorrectionTableTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_correction_is_revoked_also_when_the_clock_was_set_back_after_it_was_made_and_rows_alone_stop_nobody()
    {
        using var files = new TemporaryDirectory();
        await using EmbeddedColumnStore store = await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = files.Path });
        var table = new CorrectionTable(store);
        var entry = new AuditEntry(new Editor("jane", ""), "load test", Noon);
        AuditedCorrection Made(string id) => new(id, new BudgetCorrection("app", "", "", CorrectionKind.ExcludeBad, Noon, Noon.AddHours(1)), "", entry, null);
        await table.AddAsync(Made("a"), default);
        await table.RevokeAsync(Made("a"), entry with { At = Noon.AddMinutes(-5) }, default);
        await table.AddAsync(Made("b"), default);
        await table.RevokeAsync(Made("c"), entry, default);

        Assert.Equal([("a", true), ("b", false)], (await table.ReadAsync(null, default)).Select(one => (one.Id, one.Revoked is not null)));
    }
}
