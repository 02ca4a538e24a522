using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Queries;

/// <summary>What queries tell of the events of whole minutes.</summary>
public sealed class QueriedMinutes(PromQLEngine engine, ISeriesSource source)
{
    /// <summary>Events of each minute that ends from first to last.</summary>
    public async Task<IReadOnlyList<LedgerIncrement>> CountAsync(ServiceLevelObjective slo, DateTimeOffset first, DateTimeOffset last, CancellationToken cancellation)
    {
        SortedDictionary<long, double> totals = await EventsAsync(slo.Indicator.Total, first, last, cancellation);
        if (totals.Count == 0)
        {
            return [];
        }
        SortedDictionary<long, double> parts = await EventsAsync(slo.Indicator.Part, first, last, cancellation);
        var increments = new List<LedgerIncrement>(totals.Count);
        foreach ((long endMs, double total) in totals)
        {
            // No series of bad (or good) events: there were none.
            double part = Math.Clamp(parts.GetValueOrDefault(endMs), 0, total);
            DateTimeOffset minute = DateTimeOffset.FromUnixTimeMilliseconds(endMs) - QueryMeasure.Interval;
            increments.Add(new LedgerIncrement(slo.LedgerKey, "", minute, slo.Indicator.PartIsBad ? total - part : part, total));
        }
        return increments;
    }

    private async Task<SortedDictionary<long, double>> EventsAsync(Measure measure, DateTimeOffset first, DateTimeOffset last, CancellationToken cancellation)
    {
        var query = (QueryMeasure)measure;
        MatrixResult result = await engine.RangeAsync(
            query.Query.Tree, source, first.ToUnixTimeMilliseconds(), last.ToUnixTimeMilliseconds(), (long)QueryMeasure.Interval.TotalMilliseconds, cancellation);
        var events = new SortedDictionary<long, double>();
        foreach (ResultSeries series in result.Series)
        {
            for (int step = 0; step < series.TimesMs.Length; step++)
            {
                double value = series.Values[step];
                if (series.Histograms?[step] is null && double.IsFinite(value))
                {
                    events[series.TimesMs[step]] = events.GetValueOrDefault(series.TimesMs[step]) + Math.Max(0, query.Events(value));
                }
            }
        }
        return events;
    }
}
