using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Queries;

/// <summary>What queries tell of the events of whole minutes, by group.</summary>
/// <param name="groupFor">The group that counts for a group of an SLO, by the SLO's key: there may be so many.</param>
/// <param name="engine">Evaluates.</param>
/// <param name="sources">The series of a tenant; of none named, those of the default one.</param>
public sealed class QueriedMinutes(Func<string, string, string> groupFor, PromQLEngine engine, Func<string?, ISeriesSource> sources)
{
    /// <summary>Steps of one query: short intervals of a long time are more than a query may have.</summary>
    private const int MostSteps = 10_000;

    /// <summary>Events of each minute that ends from first to last.</summary>
    public async Task<IReadOnlyList<LedgerIncrement>> CountAsync(
        ServiceLevelObjective slo, DateTimeOffset first, DateTimeOffset last, CancellationToken cancellation)
    {
        (QueryMeasure part, QueryMeasure total) = ((QueryMeasure)slo.Indicator.Part, (QueryMeasure)slo.Indicator.Total);
        Dictionary<(string Group, long EndMs), double> totals = await ValuesAsync(slo, Grouped(total), first, last, QueryMeasure.Interval, cancellation);
        if (totals.Count == 0)
        {
            return [];
        }
        Dictionary<(string Group, long EndMs), double> parts = await ValuesAsync(slo, Grouped(part), first, last, QueryMeasure.Interval, cancellation);
        return Increments(slo, totals.Select(entry =>
        {
            double all = total.Events(entry.Value);
            // No series of bad (or good) events: there were none.
            double some = Math.Clamp(part.Events(parts.GetValueOrDefault(entry.Key)), 0, all);
            return (entry.Key.Group, DateTimeOffset.FromUnixTimeMilliseconds(entry.Key.EndMs) - QueryMeasure.Interval, slo.Indicator.PartIsBad ? all - some : some, all);
        }));

        Expr Grouped(QueryMeasure measure) => slo.GroupBy.Count == 0 ? measure.Query.Tree : Regrouping.By(measure.Query.Tree, slo.GroupBy);
    }

    /// <summary>Intervals of a heartbeat that end from first to last.</summary>
    /// <param name="slo">The SLO, whose indicator is a heartbeat.</param>
    /// <param name="first">End of the first interval.</param>
    /// <param name="last">End of the last interval.</param>
    /// <param name="received">Minutes in which telemetry was taken in, by their starts.</param>
    /// <param name="lastBeats">When each group was last alive, by group; kept up to date.</param>
    /// <param name="cancellation">Ends it early.</param>
    public async Task<IReadOnlyList<LedgerIncrement>> CountHeartbeatsAsync(
        ServiceLevelObjective slo, DateTimeOffset first, DateTimeOffset last, IReadOnlySet<DateTimeOffset> received, Dictionary<string, DateTimeOffset> lastBeats,
        CancellationToken cancellation)
    {
        var heartbeat = (HeartbeatMeasure)slo.Indicator.Part;
        Dictionary<(string Group, long EndMs), double> beats = await ValuesAsync(slo, heartbeat.Alive(slo.GroupBy), first, last, heartbeat.Interval, cancellation);
        var count = new HeartbeatCount(heartbeat.Interval, slo.Window, received, lastBeats);
        return Increments(slo, count.Judge(beats, first, last).Select(interval => (interval.Group, interval.Minute, interval.IsGood ? 1d : 0, 1d)));
    }

    /// <summary>Increments by group and minute; groups beyond the most there may be count together.</summary>
    private List<LedgerIncrement> Increments(ServiceLevelObjective slo, IEnumerable<(string Group, DateTimeOffset Minute, double Good, double Total)> counts) =>
        [.. counts.GroupBy(count => (Group: groupFor(slo.LedgerKey, count.Group), count.Minute))
            .Select(same => new LedgerIncrement(slo.LedgerKey, same.Key.Group, same.Key.Minute, same.Sum(count => count.Good), same.Sum(count => count.Total)))
            .OrderBy(increment => increment.Minute).ThenBy(increment => increment.Group, StringComparer.Ordinal)];

    /// <summary>The values of an expression at each step, 0 or more, summed by group.</summary>
    private async Task<Dictionary<(string Group, long EndMs), double>> ValuesAsync(
        ServiceLevelObjective slo, Expr query, DateTimeOffset first, DateTimeOffset last, TimeSpan step, CancellationToken cancellation)
    {
        var values = new Dictionary<(string, long), double>();
        for (DateTimeOffset from = first; from <= last; from += step * MostSteps)
        {
            DateTimeOffset to = from + (step * (MostSteps - 1));
            MatrixResult result = await engine.RangeAsync(
                query, sources(slo.Tenant), from.ToUnixTimeMilliseconds(), (to < last ? to : last).ToUnixTimeMilliseconds(), (long)step.TotalMilliseconds, cancellation);
            foreach (ResultSeries series in result.Series)
            {
                Add(series);
            }
        }
        return values;

        void Add(ResultSeries series)
        {
            string group = GroupKey.Of(slo.GroupBy, label => series.Labels[label]);
            bool isOfNone = slo.GroupBy.Count > 0 && slo.GroupBy.All(label => series.Labels[label].Length == 0);
            for (int index = 0; index < series.TimesMs.Length; index++)
            {
                double value = series.Values[index];
                // A zero of no group is what "or vector(0)" gives.
                if (series.Histograms?[index] is null && double.IsFinite(value) && !(isOfNone && value == 0))
                {
                    (string, long) key = (group, series.TimesMs[index]);
                    values[key] = values.GetValueOrDefault(key) + Math.Max(0, value);
                }
            }
        }
    }
}
