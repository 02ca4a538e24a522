using SloEngine.Otlp.Metrics;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Evaluation;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Rules.Scheduling;

/// <summary>Stores what rules give, as gauges: rows of <c>series</c> for those not seen before, then rows of <c>samples</c>.</summary>
internal sealed class RecordedSeriesWriter(IColumnStore store, string tenant, TimeProvider time)
{
    private const int MaxKnown = 1_000_000;
    private const int NanosPerMilli = 1_000_000;

    private readonly HashSet<UInt128> _known = [];

    /// <summary>Stores samples under a token: a second time they are passed over.</summary>
    public async Task WriteAsync(string token, IReadOnlyList<RuleSample> samples, CancellationToken cancellation)
    {
        if (samples.Count == 0)
        {
            return;
        }
        SeriesRow[] rows = [.. samples.Select(sample => Row(sample.Labels))];
        if (_known.Count > MaxKnown)
        {
            _known.Clear();
        }
        using var writer = new NativeWriter();
        SeriesRow[] fresh = [.. rows.Where(row => !_known.Contains(row.Id)).DistinctBy(static row => row.Id)];
        if (fresh.Length > 0)
        {
            await store.InsertAsync(SeriesRow.Encode(fresh, time.GetUtcNow(), writer), token + "/series", cancellation);
            _known.UnionWith(fresh.Select(static row => row.Id));
        }
        using var points = new NumberPoints();
        for (int index = 0; index < samples.Count; index++)
        {
            points.Series.Append(index);
            points.TimeNanos.Append(samples[index].TimeMs * NanosPerMilli);
            points.StartNanos.Append(0);
            points.Values.Append(samples[index].Value);
        }
        await store.InsertAsync(MetricTables.Encode(points, [.. rows.Select(static row => row.Id)], writer), token, cancellation);
    }

    private SeriesRow Row(Labels labels) => new(
        tenant, labels[Labels.MetricName], MetricKind.Gauge, Temporality.Unspecified, labels.Where(static name => name != Labels.MetricName).Pairs.ToArray(), [])
    {
        Help = "Recorded by a rule",
    };
}
