using System.Buffers;
using System.Collections.Concurrent;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Chdb;

/// <summary>
/// The ClickHouse engine in this process. Reads and inserts have connections of their own, so that an insert never waits behind a
/// slow read. Native calls block: each connection has a thread.
/// </summary>
public sealed class EmbeddedColumnStore : IColumnStore
{
    /// <summary>Database of all tables.</summary>
    public const string Database = "sloengine";

    private static readonly Dictionary<string, string> NoParameters = [];

    private readonly Lane _reads;
    private readonly Lane _inserts;
    private readonly FileStream _lock;
    private const string SamplesTable = "samples";

    private readonly ConcurrentDictionary<string, long> _versions = new(StringComparer.Ordinal);
    private readonly SlotVersions _sampleSlots = new();
    private long _statements;

    private EmbeddedColumnStore(Lane reads, Lane inserts, FileStream @lock)
    {
        (_reads, _inserts, _lock) = (reads, inserts, @lock);
        Recent = new RecentSamples(_sampleSlots);
    }

    /// <summary>Opens the store and brings its schema up to date.</summary>
    /// <exception cref="StoreException">The directory cannot be used, or holds data of a newer version.</exception>
    public static async Task<EmbeddedColumnStore> OpenAsync(EmbeddedStoreOptions options, CancellationToken cancellation = default)
    {
        ChdbLibrary.Load(options.Library);
        FileStream directory = DataDirectory.Lock(options.Path);
        if (DataDirectory.IsHalfRestored(options.Path))
        {
            directory.Dispose();
            throw new StoreException(0, $"a restore into {options.Path} was ended before it was done: run it again, or remove the directory");
        }
        string[] settings = [.. options.EngineSettings()];
        var reads = new Lane("store-read", options.Path, settings, options.ReadConnections);
        var inserts = new Lane("store-insert", options.Path, settings, options.InsertConnections);
        var store = new EmbeddedColumnStore(reads, inserts, directory);
        try
        {
            await reads.StartAsync();
            await inserts.StartAsync();
            await SchemaMigration.ApplyAsync(store, Database, options.Path, Migration.All, cancellation);
            await reads.EachAsync(connection => connection.Query("USE " + Database, "Null", NoParameters, new ArrayBufferWriter<byte>()));
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default)
    {
        await ChangeAsync(Statement(sql), cancellation);
    }

    /// <inheritdoc/>
    public async ValueTask ExecuteOnAsync(string table, string sql, RowTimes? samples = null, CancellationToken cancellation = default)
    {
        try
        {
            await _inserts.RunAsync(Returning(Statement(sql)), cancellation);
        }
        finally
        {
            Changed(table);
            if (samples is { } times)
            {
                _sampleSlots.Change(times);
            }
            else if (table == SamplesTable)
            {
                _sampleSlots.ChangeAll();
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default)
    {
        bool isStored = false;
        try
        {
            isStored = await _inserts.RunAsync(
                connection =>
                {
                    connection.Insert(block.Statement(Database, deduplicationToken), "Native", block.Data.Span);
                    return true;
                },
                cancellation);
        }
        finally
        {
            // Also after a failure: it may have come behind the commit.
            Changed(block.Table);
            if (block.Samples is { } samples)
            {
                _sampleSlots.Change(samples, isStored);
            }
        }
    }

    /// <inheritdoc/>
    public long? Version(string table) => Volatile.Read(ref _statements) + _versions.GetValueOrDefault(table);

    /// <inheritdoc/>
    public SlotVersions? SampleSlots => _sampleSlots;

    /// <inheritdoc/>
    public RecentSamples? Recent { get; }

    /// <summary>Inserts data in one of the engine's input formats.</summary>
    /// <param name="sql">INSERT INTO ... without VALUES and FORMAT.</param>
    /// <param name="format">Format of the data.</param>
    /// <param name="data">The data.</param>
    /// <param name="cancellation">Gives up before the insert begins.</param>
    public async ValueTask InsertAsync(string sql, string format, ReadOnlyMemory<byte> data, CancellationToken cancellation = default) =>
        await ChangeAsync(connection => connection.Insert(sql, format, data.Span), cancellation);

    /// <summary>Runs a statement as it stands and writes its result in one of the engine's output formats.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="format">Format of the result.</param>
    /// <param name="parameters">Values of its placeholders.</param>
    /// <param name="isRead">Whether it only reads.</param>
    /// <param name="output">Takes the result.</param>
    /// <param name="cancellation">Gives up before the statement begins.</param>
    public async ValueTask RunAsync(
        string sql, string format, IReadOnlyDictionary<string, string> parameters, bool isRead, IBufferWriter<byte> output, CancellationToken cancellation = default)
    {
        void Run(ChdbConnection connection) => connection.Query(sql, format, parameters, output);
        await (isRead ? _reads.RunAsync(Returning(Run), cancellation) : ChangeAsync(Run, cancellation));
    }

    /// <inheritdoc/>
    public async ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default) =>
        await _reads.RunAsync(connection => connection.Query(query.Statement(), query.Parameters, copies: true, static result => result), cancellation);

    /// <inheritdoc/>
    public async ValueTask<T> ReadAsync<T>(StoreQuery query, Func<QueryResult, T> read, CancellationToken cancellation = default) =>
        await _reads.RunAsync(connection => connection.Query(query.Statement(), query.Parameters, copies: false, read), cancellation);

    /// <inheritdoc/>
    public async ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) =>
        await _reads.RunAsync(
            connection =>
            {
                connection.Query(query.Statement(), format, query.Parameters, output);
                return true;
            },
            cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _inserts.DisposeAsync();
        await _reads.DisposeAsync();
        await _lock.DisposeAsync();
    }

    /// <summary>Runs a statement that may change any row, also when it fails half-way.</summary>
    private async Task ChangeAsync(Action<ChdbConnection> statement, CancellationToken cancellation)
    {
        try
        {
            await _inserts.RunAsync(Returning(statement), cancellation);
        }
        finally
        {
            Interlocked.Increment(ref _statements);
            _sampleSlots.ChangeAll();
        }
    }

    private void Changed(string table) => _versions.AddOrUpdate(table, 1, static (_, version) => version + 1);

    private static Action<ChdbConnection> Statement(string sql) => connection => connection.Query(sql, "Null", NoParameters, new ArrayBufferWriter<byte>());

    private static Func<ChdbConnection, bool> Returning(Action<ChdbConnection> statement) => connection =>
    {
        statement(connection);
        return true;
    };

    /// <summary>A few connections, each with the thread that works on it, behind one queue.</summary>
    private sealed class Lane(string name, string path, string[] settings, int size) : IAsyncDisposable
    {
        private readonly BlockingCollection<Action<ChdbConnection>> _work = new(1024);
        private readonly List<Thread> _threads = [];

        public async Task StartAsync()
        {
            for (int index = 0; index < size; index++)
            {
                var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                var thread = new Thread(() => Work(opened)) { Name = $"{name}-{index}", IsBackground = true };
                _threads.Add(thread);
                thread.Start();
                await opened.Task;
            }
        }

        /// <summary>Runs a statement on every connection.</summary>
        public async Task EachAsync(Action<ChdbConnection> statement)
        {
            using var together = new Barrier(size);
            IEnumerable<Task> all = Enumerable.Range(0, size).Select(_ => (Task)RunAsync(
                connection =>
                {
                    try
                    {
                        statement(connection);
                    }
                    finally
                    {
                        // Also after a failure: the other connections wait here, each for one statement of its own.
                        together.SignalAndWait();
                    }
                    return true;
                },
                default));
            await Task.WhenAll(all);
        }

        public async Task<T> RunAsync<T>(Func<ChdbConnection, T> statement, CancellationToken cancellation)
        {
            var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            _work.Add(
                connection =>
                {
                    if (cancellation.IsCancellationRequested)
                    {
                        done.TrySetCanceled(cancellation);
                        return;
                    }
                    try
                    {
                        done.TrySetResult(statement(connection));
                    }
                    catch (Exception failure)
                    {
                        done.TrySetException(failure);
                    }
                },
                cancellation);
            return await done.Task;
        }

        public ValueTask DisposeAsync()
        {
            _work.CompleteAdding();
            foreach (Thread thread in _threads)
            {
                thread.Join();
            }
            _work.Dispose();
            return ValueTask.CompletedTask;
        }

        private void Work(TaskCompletionSource opened)
        {
            ChdbConnection connection;
            try
            {
                connection = ChdbConnection.Open(path, settings);
            }
            catch (Exception failure)
            {
                opened.SetException(failure);
                return;
            }
            using (connection)
            {
                opened.SetResult();
                foreach (Action<ChdbConnection> statement in _work.GetConsumingEnumerable())
                {
                    statement(connection);
                }
            }
        }
    }
}
