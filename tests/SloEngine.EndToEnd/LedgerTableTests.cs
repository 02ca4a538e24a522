using SloEngine.Alerting.Definitions;
using SloEngine.Server.Slos;
using SloEngine.Slo.Ledger;
using SloEngine.Storage.Chdb;

namespace SloEngine.EndToEnd;

/// <summary>The ledger's minutes in the real engine's table.</summary>
[Collection(EngineCollection.Name)]
public sealed class LedgerTableTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 10, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Minutes_are_counted_once_whatever_their_groups_and_increments_and_without_other_nodes()
    {
        using var files = new TemporaryDirectory();
        await using EmbeddedColumnStore store = await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = files.Path });
        using var table = new LedgerTable(store, Guid.NewGuid());
        using var other = new LedgerTable(store, Guid.NewGuid());
        LedgerIncrement At(int minute, string group = "") => new("app@1", group, Noon.AddMinutes(minute), 1, 1);
        await table.AppendAsync([At(-60), At(1), At(1, "a"), At(3)], "first", default);
        await table.AppendAsync([At(3), At(1) with { Key = "app@2" }], "second", default);
        await other.AppendAsync([At(2), At(9)], "third", default);

        Assert.Equal(new StoredMinutes(2, Noon.AddMinutes(1), Noon.AddMinutes(3)), await table.CountAsync("app@1", Noon, default));
        Assert.Equal(default, await table.CountAsync("app@3", Noon, default));
    }

    [Fact]
    public async Task The_latest_version_of_an_SLO_is_read_with_or_without_its_removal()
    {
        using var files = new TemporaryDirectory();
        await using EmbeddedColumnStore store = await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = files.Path });
        var table = new SloDefinitionTable(store);
        SloVersion Version(uint number, bool isRemoved = false) => new("app", number, isRemoved, isRemoved ? "" : $"text {number}", new("jane", ""), Noon);
        await table.AddAsync(Version(1), default);
        await table.AddAsync(Version(2), default);
        await table.AddAsync(Version(3, isRemoved: true), default);

        Assert.Equal(Version(3, isRemoved: true), await table.ReadLatestAsync("app", isDefined: false, default));
        Assert.Equal(Version(2), await table.ReadLatestAsync("app", isDefined: true, default));
        Assert.Equal(Version(1), await table.ReadVersionAsync("app", 1, default));
        Assert.Null(await table.ReadVersionAsync("app", -1, default));
        Assert.Null(await table.ReadLatestAsync("other", isDefined: false, default));
    }
}
