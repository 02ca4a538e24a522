using System.Globalization;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.Queries;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Backtesting;

/// <summary>What queries count in history: minutes, and intervals of heartbeats. Stretches are to be asked for one after the other.</summary>
/// <param name="store">Knows when telemetry was taken in.</param>
/// <param name="slos">SLOs that are counted so, each ledger's once.</param>
/// <param name="minutes">Evaluates.</param>
/// <param name="delay">How long after its end a minute, or an interval, is evaluated.</param>
internal sealed class QueriedHistory(IColumnStore store, IReadOnlyList<ServiceLevelObjective> slos, QueriedMinutes minutes, TimeSpan delay)
{
    /// <summary>When each group of a heartbeat was last alive, by the SLO's key.</summary>
    private readonly Dictionary<string, Dictionary<string, DateTimeOffset>> _lastBeats =
        slos.Where(slo => slo.Indicator.Total is IntervalMeasure).ToDictionary(slo => slo.LedgerKey, _ => new Dictionary<string, DateTimeOffset>(), StringComparer.Ordinal);

    /// <summary>Whether there are such SLOs.</summary>
    public bool HasSlos => slos.Count > 0;

    /// <summary>When it was known what a minute came to.</summary>
    public DateTimeOffset KnownAt(LedgerIncrement increment) => increment.Minute + QueryMeasure.Interval + delay;

    /// <summary>What becomes known in a stretch (from, to], by time.</summary>
    public async Task<Queue<LedgerIncrement>> CountAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        var counted = new List<LedgerIncrement>();
        foreach (ServiceLevelObjective slo in slos)
        {
            TimeSpan interval = slo.Indicator.Total is IntervalMeasure intervals ? intervals.Interval : QueryMeasure.Interval;
            // Intervals of less than a minute are known with their minute.
            TimeSpan unit = interval > QueryMeasure.Interval ? interval : QueryMeasure.Interval;
            (DateTimeOffset first, DateTimeOffset last) = (Floor(from - delay, unit) + interval, Floor(to - delay, unit));
            if (first <= last)
            {
                counted.AddRange(_lastBeats.TryGetValue(slo.LedgerKey, out Dictionary<string, DateTimeOffset>? lastBeats)
                    ? await minutes.CountHeartbeatsAsync(slo, first, last, await ReceivedAsync(first - unit, last, cancellation), lastBeats, cancellation)
                    : await minutes.CountAsync(slo, first, last, cancellation));
            }
        }
        return new Queue<LedgerIncrement>(counted.OrderBy(increment => increment.Minute));
    }

    /// <summary>Minutes in which a node took in telemetry, by their starts.</summary>
    private async Task<IReadOnlySet<DateTimeOffset>> ReceivedAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery("SELECT DISTINCT minute FROM sli_buckets WHERE slo = {slo:String} AND minute >= fromUnixTimestamp({from:Int64}) AND minute < fromUnixTimestamp({to:Int64})")
            {
                Parameters = new Dictionary<string, string>
                {
                    ["slo"] = ReceivingMinutes.Key,
                    ["from"] = from.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
                    ["to"] = to.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
                },
                Timeout = StoredTelemetry.Patience,
            },
            cancellation);
        return StoredPoints.Column<uint>(result, 0).Select(minute => DateTimeOffset.FromUnixTimeSeconds(minute)).ToHashSet();
    }

    private static DateTimeOffset Floor(DateTimeOffset time, TimeSpan unit) => time - TimeSpan.FromTicks((time - DateTimeOffset.UnixEpoch).Ticks % unit.Ticks);
}
