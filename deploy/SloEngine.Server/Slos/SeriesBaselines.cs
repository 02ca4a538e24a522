using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Slos;

/// <summary>
/// Where the ledger goes on counting when a series comes back, so that what happened between the last point before and the first one after is
/// counted once: after a restart from its last stored point, after it has stopped for a while from where its tap stood; and which delta points
/// of the last hour have been counted, so that what is sent again over a restart is not. All are kept for a day;
/// of taps that were let go the latest <see cref="MaxKept"/>. Guarded by the ledger's batch.
/// </summary>
internal sealed class SeriesBaselines
{
    /// <summary>Taps kept of series that stopped: about 200 bytes each.</summary>
    public const int MaxKept = 1_000_000;

    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(1);

    private readonly Dictionary<UInt128, Baseline> _points = [];
    private readonly Dictionary<UInt128, List<(long StartMs, long EndMs)>> _deltas = [];
    private readonly Dictionary<UInt128, (TapBaseline Last, long Since)> _kept = [];
    private readonly Queue<(UInt128 Id, long Since)> _oldest = [];
    private readonly TimeProvider _time;
    private readonly int _maxKept;
    private readonly long _read;

    private SeriesBaselines(TimeProvider time, int maxKept) => (_time, _maxKept, _read) = (time, maxKept, time.GetTimestamp());

    /// <summary>How many taps are kept.</summary>
    public int Kept => _kept.Count;

    /// <summary>Those of a store without points.</summary>
    public static SeriesBaselines None(TimeProvider time, int maxKept = MaxKept) => new(time, maxKept);

    /// <summary>Reads the last points of the past day.</summary>
    public static async Task<SeriesBaselines> ReadAsync(IColumnStore store, TimeProvider time, CancellationToken cancellation)
    {
        var baselines = new SeriesBaselines(time, MaxKept);
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
            new StoreQuery($"""
                SELECT id, argMax(start, ts) AS last_start, max(ts) AS last, argMax(count, ts), argMax(buckets, ts) FROM histograms
                WHERE ts > now() - INTERVAL 1 DAY AND {SqlText.IsNoStaleMarker} AND id IN (SELECT id FROM series WHERE kind = 3 AND temporality = 2) GROUP BY id
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
        // Points that follow each other without a gap are one stretch.
        QueryResult deltas = await store.QueryAsync(
            new StoreQuery("""
                SELECT id, min(start), max(ts) AS last FROM
                (
                    SELECT id, start, ts, sum(gap) OVER (PARTITION BY id ORDER BY ts ROWS UNBOUNDED PRECEDING) AS stretch FROM
                    (
                        SELECT id, start, ts, toUInt32(start != lagInFrame(ts) OVER (PARTITION BY id ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)) AS gap FROM
                        (
                            SELECT id, start, ts FROM samples WHERE ts > now() - INTERVAL 1 HOUR AND id IN (SELECT id FROM series WHERE temporality = 1)
                            UNION ALL SELECT id, start, ts FROM histograms WHERE ts > now() - INTERVAL 1 HOUR AND id IN (SELECT id FROM series WHERE temporality = 1)
                            UNION ALL SELECT id, start, ts FROM exponential_histograms WHERE ts > now() - INTERVAL 1 HOUR AND id IN (SELECT id FROM series WHERE temporality = 1)
                        )
                    )
                )
                GROUP BY id, stretch ORDER BY id, last
                """),
            cancellation);
        foreach (ResultBlock block in deltas.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                UInt128 id = block.Values<UInt128>(0)[row];
                if (!baselines._deltas.TryGetValue(id, out List<(long StartMs, long EndMs)>? stretches))
                {
                    baselines._deltas.Add(id, stretches = []);
                }
                stretches.Add((block.Values<long>(1)[row], block.Values<long>(2)[row]));
            }
        }
        return baselines;
    }

    /// <summary>Keeps where the tap of a series stood that has stopped.</summary>
    public void Keep(UInt128 id, TapBaseline last)
    {
        long now = _time.GetTimestamp();
        _kept[id] = (last, now);
        _oldest.Enqueue((id, now));
        while (_oldest.TryPeek(out (UInt128 Id, long Since) oldest) && (_oldest.Count > _maxKept || _time.GetElapsedTime(oldest.Since, now) > KeptFor))
        {
            _oldest.Dequeue();
            if (_kept.TryGetValue(oldest.Id, out (TapBaseline Last, long Since) kept) && kept.Since == oldest.Since)
            {
                _kept.Remove(oldest.Id);
            }
        }
        if (_points.Count + _deltas.Count > 0 && _time.GetElapsedTime(_read, now) > KeptFor)
        {
            _points.Clear();
            _deltas.Clear();
        }
    }

    /// <summary>Gives a tap the last point of its series, if one is known.</summary>
    public void Apply(UInt128 id, SeriesView series, SeriesTap tap)
    {
        if (_kept.Remove(id, out (TapBaseline Last, long Since) kept))
        {
            tap.ContinueFrom(kept.Last);
            return;
        }
        if (_deltas.Remove(id, out List<(long StartMs, long EndMs)>? stretches))
        {
            foreach ((long startMs, long endMs) in stretches)
            {
                tap.RestoreDelta(startMs * 1_000_000, endMs * 1_000_000);
            }
        }
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
