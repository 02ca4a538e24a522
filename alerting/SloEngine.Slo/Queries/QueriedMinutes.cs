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

    /// <summary>Increments by group and minute; groups beyond the most there may be count together.</summary>
    internal List<LedgerIncrement> Increments(ServiceLevelObjective slo, IEnumerable<(string Group, DateTimeOffset Minute, double Good, double Total)> counts) =>
        [.. counts.GroupBy(count => (Group: groupFor(slo.LedgerKey, count.Group), count.Minute))
            .Select(same => new LedgerIncrement(slo.LedgerKey, same.Key.Group, same.Key.Minute, same.Sum(count => count.Good), same.Sum(count => count.Total)))
            .OrderBy(increment => increment.Minute).ThenBy(increment => increment.Group, StringComparer.Ordinal)];

    /// <summary>The values of an expression at each step, 0 or more, summed by group.</summary>
    internal async Task<Dictionary<(string Group, long EndMs), double>> ValuesAsync(
        ServiceLevelObjective slo, Expr query, DateTimeOffset first, DateTimeOffset last, TimeSpan step, CancellationToken cancellation)
    {
        MatrixResult result = await engine.RangeAsync(
            query, sources(slo.Tenant), first.ToUnixTimeMilliseconds(), last.ToUnixTimeMilliseconds(), (long)step.TotalMilliseconds, cancellation);
        var values = new Dictionary<(string, long), double>();
        foreach (ResultSeries series in result.Series)
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
        return values;
    }
}
