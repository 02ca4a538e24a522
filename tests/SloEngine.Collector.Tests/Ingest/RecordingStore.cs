using System.Buffers;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>A store that remembers what was inserted, ignores repeated tokens as the engine does, and fails or waits when a test says so.</summary>
internal sealed class RecordingStore : IColumnStore
{
    /// <summary>What an insert throws while the store is away.</summary>
    public static readonly StoreException Away = new(210, "the store is away");

    private readonly Lock _lock = new();
    private readonly HashSet<(string Table, string Token)> _tokens = [];
    private readonly Dictionary<string, int> _rows = [];
    private readonly List<string> _inserts = [];
    private readonly SemaphoreSlim _tried = new(0);

    /// <summary>Called with the table before an insert; throws or waits in its place.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Called with the block before an insert; throws what the engine says of its rows.</summary>
    public Action<NativeBlock> Check { get; set; } = _ => { };

    /// <summary>Called with the table after an insert; what it throws comes from an insert that was done.</summary>
    public Func<string, Task> After { get; set; } = _ => Task.CompletedTask;

    /// <summary>Tables in the order in which rows came into them.</summary>
    public string[] Inserts
    {
        get
        {
            lock (_lock)
            {
                return [.. _inserts];
            }
        }
    }

    /// <summary>Where samples are gathered; null where each batch's go at once.</summary>
    public RecentSamples? Recent { get; set; }

    public int Rows(string table)
    {
        lock (_lock)
        {
            return _rows.GetValueOrDefault(table);
        }
    }

    public async ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default)
    {
        Check(block);
        await AddAsync(block.Table, deduplicationToken ?? Guid.NewGuid().ToString(), block.Rows);
    }

    public async Task AddAsync(string table, string token, int rows)
    {
        await Before(table);
        lock (_lock)
        {
            if (_tokens.Add((table, token)))
            {
                _rows[table] = _rows.GetValueOrDefault(table) + rows;
                _inserts.Add(table);
            }
            _tried.Release();
        }
        await After(table);
    }

    /// <summary>Completes when a table has as many rows.</summary>
    public async Task HoldsAsync(string table, int rows)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (Rows(table) < rows)
        {
            await _tried.WaitAsync(patience.Token);
        }
        Assert.Equal(rows, Rows(table));
    }

    public ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default) => ValueTask.CompletedTask;

    public ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default) =>
        throw new NotSupportedException("the collector only inserts");

    public ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) =>
        throw new NotSupportedException("the collector only inserts");

    public ValueTask DisposeAsync()
    {
        _tried.Dispose();
        return ValueTask.CompletedTask;
    }
}
