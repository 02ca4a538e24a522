using System.Buffers;
using System.Collections.Concurrent;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Tests;

/// <summary>Nodes that share a store bring its tables up to date one at a time: two at once would exchange an empty copy for the samples.</summary>
[Collection(EngineCollection.Name)]
public sealed class SharedMigrationTests(EngineFixture engine)
{
    private static readonly Migration[] Before = [.. Migration.All.TakeWhile(static one => one.Name != "samples-as-decimals")];

    [Fact]
    public async Task A_second_node_waits_for_the_first_and_finds_nothing_to_do()
    {
        await PrepareAsync("shared_two");
        var first = new Node(engine.Store, Copies);
        var second = new Node(engine.Store);
        var waits = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);

        Task one = ApplyAsync(first, "shared_two", TimeSpan.FromMinutes(1));
        await first.Reached;
        Task two = SchemaMigration.ApplySharedAsync(second, "shared_two", "store", Migration.All, null, waits.SetResult, default, TimeSpan.FromSeconds(6));
        Assert.Contains($"waiting for {Environment.MachineName} (process {Environment.ProcessId})", await waits.Task, StringComparison.Ordinal);
        first.GoOn();
        await Task.WhenAll(one, two);

        await IsMigratedAsync("shared_two");
        Assert.DoesNotContain(second.Statements, static sql => sql.Contains("samples", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_node_goes_on_after_the_lease_of_one_that_died()
    {
        await PrepareAsync("shared_dead");
        await engine.Store.ExecuteAsync("CREATE TABLE shared_dead.migrating_3 (beat DateTime) ENGINE = Memory COMMENT 'a node that died'");
        var notices = new List<string>();

        await SchemaMigration.ApplySharedAsync(engine.Store, "shared_dead", "store", Migration.All, null, notices.Add, default, TimeSpan.FromMilliseconds(300));

        await IsMigratedAsync("shared_dead");
        Assert.StartsWith("waiting for a node that died", Assert.Single(notices), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_was_taken_for_dead_changes_nothing_more()
    {
        await PrepareAsync("shared_late");
        var late = new Node(engine.Store, Copies) { IsMute = true };

        Task<StoreException> refused = Assert.ThrowsAsync<StoreException>(() => ApplyAsync(late, "shared_late", TimeSpan.FromMinutes(1)));
        await late.Reached;
        // The table that it copied to is made anew, and it would exchange that one.
        var other = new Node(engine.Store, static sql => sql.StartsWith("CREATE TABLE IF NOT EXISTS shared_late.samples_as_decimals", StringComparison.Ordinal));
        Task one = ApplyAsync(other, "shared_late", TimeSpan.FromMilliseconds(300));
        await other.Reached;
        late.GoOn();

        Assert.Contains("gave no sign of life", (await refused).Message, StringComparison.Ordinal);
        other.GoOn();
        await one;
        await IsMigratedAsync("shared_late");
    }

    [Fact]
    public async Task A_node_that_was_taken_for_dead_knows_anothers_lock_of_its_own_number()
    {
        await PrepareAsync("shared_again");
        var late = new Node(engine.Store, Copies) { IsMute = true };
        Task<StoreException> refused = Assert.ThrowsAsync<StoreException>(() => ApplyAsync(late, "shared_again", TimeSpan.FromMinutes(1)));
        await late.Reached;
        // One that had taken over gave the lock back, and a third began anew.
        await engine.Store.ExecuteAsync("DROP TABLE shared_again.migrating_1");
        await engine.Store.ExecuteAsync("CREATE TABLE shared_again.migrating_1 (beat DateTime) ENGINE = Memory COMMENT 'a third node'");
        late.GoOn();

        Assert.Contains("a third node brings the store's tables up to date", (await refused).Message, StringComparison.Ordinal);
        Assert.Equal(1, await NumberAsync("SELECT toFloat64(count()) FROM system.tables WHERE database = 'shared_again' AND name = 'migrating_1'"));
    }

    private static bool Copies(string sql) => sql.StartsWith("INSERT INTO", StringComparison.Ordinal) && sql.Contains(".samples_as_decimals", StringComparison.Ordinal);

    private async Task PrepareAsync(string database)
    {
        await SchemaMigration.ApplySharedAsync(engine.Store, database, "store", Before, null, null, default);
        await engine.Store.ExecuteAsync($"INSERT INTO {database}.samples (id, ts, value) SELECT number, now64(3), number / 2 FROM numbers(1000)");
    }

    private static Task ApplyAsync(IColumnStore node, string database, TimeSpan lease) =>
        SchemaMigration.ApplySharedAsync(node, database, "store", Migration.All, null, null, default, lease);

    private async Task IsMigratedAsync(string database)
    {
        Assert.Equal(249750, await NumberAsync($"SELECT sum(value) FROM {database}.samples"));
        Assert.Equal(1000, await NumberAsync($"SELECT toFloat64(count()) FROM {database}.samples"));
        Assert.Equal(Migration.All.Count, await NumberAsync($"SELECT toFloat64(count()) FROM {database}.schema_version"));
        Assert.Equal(0, await NumberAsync($"SELECT toFloat64(count()) FROM system.tables WHERE database = '{database}' AND startsWith(name, 'migrating')"));
    }

    private async Task<double> NumberAsync(string sql) => (await engine.Store.QueryAsync(new StoreQuery(sql))).Blocks[0].Values<double>(0)[0];

    /// <summary>What a node asks of the store; held up behind the statement that is named.</summary>
    private sealed class Node(IColumnStore store, Func<string, bool>? holdsAfter = null) : IColumnStore
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ConcurrentQueue<string> Statements { get; } = new();

        /// <summary>Whether its signs of life do not arrive.</summary>
        public bool IsMute { get; init; }

        public Task Reached => _reached.Task;

        public void GoOn() => _goesOn.SetResult();

        public async ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default)
        {
            if (IsMute && sql.Contains(".migrating_", StringComparison.Ordinal) && sql.StartsWith("INSERT", StringComparison.Ordinal))
            {
                throw new StoreException(0, "the store cannot be reached");
            }
            Statements.Enqueue(sql);
            await store.ExecuteAsync(sql, cancellation);
            if (holdsAfter?.Invoke(sql) == true)
            {
                _reached.SetResult();
                await _goesOn.Task;
            }
        }

        public ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default) => store.QueryAsync(query, cancellation);

        public ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
