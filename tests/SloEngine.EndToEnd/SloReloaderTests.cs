using System.Buffers;
using Microsoft.Extensions.Logging;
using SloEngine.Alerting.Corrections;
using SloEngine.Alerting.Definitions;
using SloEngine.PromQL;
using SloEngine.Server.Slos;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;
using SloEngine.Storage;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.EndToEnd;

[Collection(EngineCollection.Name)]
public sealed class SloReloaderTests
{
    private const string Slo = """
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: app}
        spec: {service: app, indicator: {good: 'requests_total{code="200"}', total: requests_total}, objectives: [{target: 0.99}]}
        """;

    [Fact]
    public async Task What_changed_is_told_also_when_it_came_into_use_at_the_second_attempt()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", Slo);
        files.Write("slos/wrong.yaml", "kind: [");
        await using var rig = await Rig.OpenAsync(files, Path.Combine(files.Path, "slos"));
        rig.Store.FailsAt = "FROM sli_buckets";

        await Assert.ThrowsAsync<StoreException>(() => rig.Reloader.RefreshAsync(default));
        Assert.Empty(rig.Log);
        rig.Store.FailsAt = null;
        await rig.Reloader.LookAsync(default);

        Assert.Equal("1 SLOs loaded", rig.Log[0]);
        Assert.StartsWith("SLO not loaded: wrong.yaml:", Assert.Single(rig.Log.Skip(1)), StringComparison.Ordinal);
        await rig.Reloader.LookAsync(default);
        Assert.Equal(2, rig.Log.Count);
    }

    [Fact]
    public async Task A_store_that_is_away_is_told_once_in_a_line_and_again_when_it_goes_another_time()
    {
        using var files = new TemporaryDirectory();
        await using var rig = await Rig.OpenAsync(files, null);
        await rig.Reloader.RefreshAsync(default);
        rig.Log.Clear();
        for (int time = 1; time <= 2; time++)
        {
            rig.Store.FailsAt = "FROM slo_definitions";
            await rig.Reloader.LookAsync(default);
            await rig.Reloader.LookAsync(default);

            Assert.Equal(time, rig.Log.Count);
            Assert.EndsWith(": the store is away", rig.Log[^1], StringComparison.Ordinal);
            rig.Store.FailsAt = null;
            await rig.Reloader.LookAsync(default);
        }
    }

    [Fact]
    public async Task What_other_nodes_have_saved_is_read_when_there_is_more_of_it_alone()
    {
        using var files = new TemporaryDirectory();
        await using var rig = await Rig.OpenAsync(files, null);
        var elsewhere = new SloDefinitionTable(rig.Store);
        await elsewhere.AddAsync(Version(1, Slo), default);
        await elsewhere.AddAsync(Version(2, Slo), default);
        await rig.Reloader.RefreshAsync(default);

        rig.Store.Texts = 0;
        await rig.Reloader.LookAsync(default);
        await rig.Reloader.LookAsync(default);
        Assert.Equal(0, rig.Store.Texts);

        await elsewhere.AddAsync(Version(3, Slo.Replace("0.99", "0.9", StringComparison.Ordinal)), default);
        await rig.Reloader.LookAsync(default);
        await rig.Reloader.LookAsync(default);
        Assert.Equal((1, 0.9), (rig.Store.Texts, Assert.Single(rig.Catalog.Slos).Objective));

        await elsewhere.AddAsync(Version(4, null), default);
        await rig.Reloader.LookAsync(default);
        await rig.Reloader.LookAsync(default);
        Assert.Equal(2, rig.Store.Texts);
        Assert.Empty(rig.Catalog.Slos);
    }

    private static SloVersion Version(uint number, string? text) => new("app", number, text is null, text ?? "", new("jane", ""), DateTimeOffset.UtcNow);

    /// <summary>A reloader of a shared store, with the real engine.</summary>
    private sealed class Rig : IAsyncDisposable
    {
        private readonly Ledger _ledger;
        private readonly LedgerTable _table;
        private readonly QueryCounter _queries;

        private Rig(IColumnStore engine, string? directory)
        {
            Store = new WatchedStore(engine);
            _table = new LedgerTable(Store, Guid.NewGuid());
            _ledger = new Ledger(_table, TimeProvider.System);
            Catalog = new SloCatalog(directory);
            _queries = new QueryCounter(
                _ledger, _table, new PromQLEngine(new EngineOptions()), _ => throw new NotSupportedException(), new ReceivingMinutes(_table, TimeProvider.System), new QueryCounterOptions(), TimeProvider.System);
            Reloader = new SloReloader(
                Catalog, new SloDefinitionTable(Store), new CorrectionTable(Store), _ledger, _queries, new LedgerTaps(_ledger, SeriesBaselines.None(TimeProvider.System)), TimeProvider.System,
                new ListLogger(Log), isStoreShared: true);
        }

        public WatchedStore Store { get; }

        public SloCatalog Catalog { get; }

        public SloReloader Reloader { get; }

        public List<string> Log { get; } = [];

        public static async Task<Rig> OpenAsync(TemporaryDirectory files, string? directory) =>
            new(await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = Path.Combine(files.Path, "data") }), directory);

        public async ValueTask DisposeAsync()
        {
            Reloader.Dispose();
            _queries.Dispose();
            _ledger.Dispose();
            _table.Dispose();
            await Store.DisposeAsync();
        }
    }

    /// <summary>Counts how often definitions are read, and fails where it is told to.</summary>
    private sealed class WatchedStore(IColumnStore store) : IColumnStore
    {
        public int Texts { get; set; }

        public string? FailsAt { get; set; }

        public ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default)
        {
            Texts += query.Sql.Contains("text", StringComparison.Ordinal) ? 1 : 0;
            return FailsAt is { } part && query.Sql.Contains(part, StringComparison.Ordinal) ? throw new StoreException(0, "the store is away") : store.QueryAsync(query, cancellation);
        }

        public ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default) => store.InsertAsync(block, deduplicationToken, cancellation);

        public ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default) => store.ExecuteAsync(sql, cancellation);

        public ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) =>
            store.QueryFormattedAsync(query, format, output, cancellation);

        public ValueTask DisposeAsync() => store.DisposeAsync();
    }

    private sealed class ListLogger(List<string> lines) : ILogger<SloReloader>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Add(formatter(state, exception));
    }
}
