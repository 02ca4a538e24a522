using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Slos;

/// <summary>
/// The last stored point of each cumulative series: where the ledger goes on counting after a restart, so that what happened between the
/// last point before and the first one after is counted once.
/// </summary>
internal sealed class SeriesBaselines
{
    private readonly Dictionary<UInt128, Baseline> _points = [];

    private SeriesBaselines()
    {
    }

    /// <summary>Those of a store without points.</summary>
    public static SeriesBaselines None => new();

    /// <summary>Reads the last points of the past day.</summary>
    public static async Task<SeriesBaselines> ReadAsync(IColumnStore store, CancellationToken cancellation)
    {
        var baselines = new SeriesBaselines();
        QueryResult counters = await store.QueryAsync(
            new StoreQuery("""
                SELECT id, argMax(start, ts) AS last_start, max(ts) AS last, argMax(value, ts) FROM samples
                WHERE ts > now() - INTERVAL 1 DAY AND id IN (SELECT id FROM series WHERE kind = 2 AND temporality = 2) GROUP BY id
                """),
            cancellation);
        foreach (ResultBlock block in counters.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                double value = block.Values<double>(3)[row];
                baselines._points[block.Values<UInt128>(0)[row]] = new Baseline(block.Values<long>(1)[row], block.Values<long>(2)[row], value, []);
            }
        }
        QueryResult histograms = await store.QueryAsync(
            new StoreQuery("""
                SELECT id, argMax(start, ts) AS last_start, max(ts) AS last, argMax(count, ts), argMax(buckets, ts) FROM histograms
                WHERE ts > now() - INTERVAL 1 DAY AND id IN (SELECT id FROM series WHERE kind = 3 AND temporality = 2) GROUP BY id
                """),
            cancellation);
        foreach (ResultBlock block in histograms.Blocks)
        {
            ArrayColumn buckets = block.Array(4);
            for (int row = 0; row < block.Rows; row++)
            {
                (int start, int length) = buckets.Row(row);
                baselines._points[block.Values<UInt128>(0)[row]] = new Baseline(
                    block.Values<long>(1)[row], block.Values<long>(2)[row], block.Values<ulong>(3)[row],
                    ((FixedColumn<ulong>)buckets.Items).Values.Slice(start, length).ToArray());
            }
        }
        return baselines;
    }

    /// <summary>Gives a tap the last stored point of its series, if there is one.</summary>
    public void Apply(UInt128 id, SeriesView series, SeriesTap tap)
    {
        if (_points.Remove(id, out Baseline baseline))
        {
            tap.Restore(
                baseline.StartMs * 1_000_000, baseline.TimeMs * 1_000_000, baseline.Count,
                measure => measure.Part == MetricPart.AtOrBelow
                    ? HistogramShare.AtOrBelow(measure.Threshold, series.Bounds, baseline.Buckets) : baseline.Count);
        }
    }

    private readonly record struct Baseline(long StartMs, long TimeMs, double Count, ulong[] Buckets);
}
