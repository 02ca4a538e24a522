using System.Buffers;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>A store that remembers what was inserted, ignores repeated tokens as the engine does, and fails or waits when a test says so.</summary>
internal sealed class RecordingStore : IColumnStore
{
    private readonly Lock _lock = new();
    private readonly HashSet<(string Table, string Token)> _tokens = [];
    private readonly Dictionary<string, int> _rows = [];
    private readonly List<string> _inserts = [];

    /// <summary>Called with the table before an insert; throws or waits in its place.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

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

    public int Rows(string table)
    {
        lock (_lock)
        {
            return _rows.GetValueOrDefault(table);
        }
    }

    public async ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default)
    {
        await Before(block.Table);
        lock (_lock)
        {
            if (_tokens.Add((block.Table, deduplicationToken ?? Guid.NewGuid().ToString())))
            {
                _rows[block.Table] = _rows.GetValueOrDefault(block.Table) + block.Rows;
                _inserts.Add(block.Table);
            }
        }
    }

    public ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default) => ValueTask.CompletedTask;

    public ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default) =>
        throw new NotSupportedException("the collector only inserts");

    public ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) =>
        throw new NotSupportedException("the collector only inserts");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
