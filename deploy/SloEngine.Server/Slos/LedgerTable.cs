using System.Globalization;
using SloEngine.Slo.Ledger;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Slos;

/// <summary>The ledger's buckets in table <c>sli_buckets</c>: increments are appended, reading sums them.</summary>
internal sealed class LedgerTable(IColumnStore store) : ILedgerStore, IDisposable
{
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
        _writer.Start("sli_buckets", 5, increments.Count);
        Text("slo", increment => increment.Key);
        Text("group", increment => increment.Group);
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

    public async Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery("SELECT minute, sum(good), sum(total), toString(`group`) FROM sli_buckets WHERE slo = {slo:String} AND minute >= fromUnixTimestamp({since:Int64}) GROUP BY minute, `group` ORDER BY minute")
            {
                Parameters = new Dictionary<string, string>
                {
                    ["slo"] = key,
                    ["since"] = Math.Max(0, since.ToUnixTimeSeconds()).ToString(CultureInfo.InvariantCulture),
                },
            },
            cancellation);
        var increments = new List<LedgerIncrement>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                increments.Add(new LedgerIncrement(
                    key, block.Text(3).String(row), DateTimeOffset.FromUnixTimeSeconds(block.Values<uint>(0)[row]), block.Values<double>(1)[row], block.Values<double>(2)[row]));
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
