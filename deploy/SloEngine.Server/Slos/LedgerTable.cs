using System.Globalization;
using SloEngine.Alerting.Definitions;
using SloEngine.Slo.Ledger;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Slos;

/// <summary>
/// The ledger's buckets in table <c>sli_buckets</c>: increments are appended, reading sums them. Nodes that share a store append rows of their own.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="node">What tells this node's rows from others': the id of its log, which goes on over restarts.</param>
internal sealed class LedgerTable(IColumnStore store, Guid node) : ILedgerStore, IStoredMinutes, IDisposable
{
    private readonly string _node = node.ToString("N");
    private readonly NativeWriter _writer = new();

    /// <summary>Batches of telemetry and queries append each at their own time, with one writer.</summary>
    private readonly SemaphoreSlim _gate = new(1);

    public async Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            await store.InsertAsync(Block(increments), token, cancellation);
        }
        finally
        {
            _gate.Release();
        }
    }

    private NativeBlock Block(IReadOnlyList<LedgerIncrement> increments)
    {
        _writer.Start("sli_buckets", 6, increments.Count);
        Text("slo", increment => increment.Key);
        Text("group", increment => increment.Group);
        Text("node", _ => _node);
        Span<uint> minutes = _writer.Fixed<uint>("minute", "DateTime");
        for (int row = 0; row < minutes.Length; row++)
        {
            minutes[row] = (uint)increments[row].Minute.ToUnixTimeSeconds();
        }
        _writer.Fixed<double>("good", "Float64", [.. increments.Select(increment => increment.Good)]);
        _writer.Fixed<double>("total", "Float64", [.. increments.Select(increment => increment.Total)]);
        return _writer.Finish();

        void Text(string column, Func<LedgerIncrement, string> value)
        {
            _writer.BeginText(column);
            foreach (LedgerIncrement increment in increments)
            {
                _writer.String(value(increment));
            }
        }
    }

    public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
        ReadAsync("node = {node:String} AND slo = {slo:String}", key, since, cancellation);

    public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
        ReadAsync(key is null ? "node != {node:String}" : "node != {node:String} AND slo = {slo:String}", key, since, cancellation);

    public async Task<StoredMinutes> CountAsync(string key, DateTimeOffset since, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery("""
                SELECT toUInt32(uniqExact(minute)), min(minute), max(minute) FROM sli_buckets
                WHERE node = {node:String} AND slo = {slo:String} AND minute >= fromUnixTimestamp({since:Int64})
                """)
            {
                Parameters = new Dictionary<string, string> { ["node"] = _node, ["slo"] = key, ["since"] = Seconds(since) },
            },
            cancellation);
        ResultBlock block = result.Blocks.First(block => block.Rows > 0);
        return block.Values<uint>(0)[0] is > 0 and var count
            ? new StoredMinutes((int)count, DateTimeOffset.FromUnixTimeSeconds(block.Values<uint>(1)[0]), DateTimeOffset.FromUnixTimeSeconds(block.Values<uint>(2)[0])) : default;
    }

    private static string Seconds(DateTimeOffset since) => Math.Max(0, since.ToUnixTimeSeconds()).ToString(CultureInfo.InvariantCulture);

    private async Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string condition, string? key, DateTimeOffset since, CancellationToken cancellation)
    {
        var parameters = new Dictionary<string, string>
        {
            ["node"] = _node,
            ["since"] = Seconds(since),
        };
        if (key is not null)
        {
            parameters["slo"] = key;
        }
        QueryResult result = await store.QueryAsync(
            new StoreQuery(
                $$"""
                SELECT toString(slo), toString(`group`), minute, sum(good), sum(total) FROM sli_buckets
                WHERE {{condition}} AND minute >= fromUnixTimestamp({since:Int64}) GROUP BY slo, `group`, minute ORDER BY slo, minute
                """)
            {
                Parameters = parameters,
            },
            cancellation);
        var increments = new List<LedgerIncrement>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            BytesResultColumn keys = block.Text(0);
            BytesResultColumn groups = block.Text(1);
            for (int row = 0; row < block.Rows; row++)
            {
                increments.Add(new LedgerIncrement(
                    keys.String(row), groups.String(row), DateTimeOffset.FromUnixTimeSeconds(block.Values<uint>(2)[row]), block.Values<double>(3)[row], block.Values<double>(4)[row]));
            }
        }
        return increments;
    }

    public void Dispose()
    {
        _writer.Dispose();
        _gate.Dispose();
    }
}
