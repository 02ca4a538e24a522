using System.Collections.Concurrent;
using SloEngine.Otlp.Metrics;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Evaluation;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Rules.Scheduling;

/// <summary>
/// Stores what rules give: rows of <c>series</c> for those not seen before, then numbers as gauges in <c>samples</c>, and native histograms
/// in <c>float_histograms</c>.
/// </summary>
internal sealed class RecordedSeriesWriter(IColumnStore store, TimeProvider time)
{
    private const int MaxKnown = 1_000_000;
    private const int NanosPerMilli = 1_000_000;

    /// <summary>Retention deletes descriptions that are older than any row: those of series that go on are written again.</summary>
    private static readonly TimeSpan DescribedEvery = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<UInt128, byte> _known = [];
    private long _knownSince = time.GetTimestamp();

    /// <summary>Stores samples of a tenant under a token: a second time they are passed over.</summary>
    public async Task WriteAsync(string tenant, string token, IReadOnlyList<RuleSample> samples, CancellationToken cancellation)
    {
        if (samples.Count == 0)
        {
            return;
        }
        if (_known.Count > MaxKnown || time.GetElapsedTime(_knownSince) >= DescribedEvery)
        {
            _known.Clear();
            _knownSince = time.GetTimestamp();
        }
        ILookup<bool, (RuleSample Sample, SeriesRow Series)> rows =
            samples.Select(sample => (sample, Row(tenant, sample))).ToLookup(static row => row.sample.Histogram is not null);
        using var writer = new NativeWriter();
        SeriesRow[] fresh = [.. rows.SelectMany(static part => part).Select(static row => row.Series).Where(row => !_known.ContainsKey(row.Id)).DistinctBy(static row => row.Id)];
        if (fresh.Length > 0)
        {
            await store.InsertAsync(SeriesRow.Encode(fresh, time.GetUtcNow(), writer), token + "/series", cancellation);
            foreach (SeriesRow row in fresh)
            {
                _known.TryAdd(row.Id, 0);
            }
        }
        if (rows.Contains(false))
        {
            await WriteNumbersAsync([.. rows[false]], token, writer, cancellation);
        }
        if (rows.Contains(true))
        {
            await store.InsertAsync(Histograms([.. rows[true]], writer), token, cancellation);
        }
    }

    private async Task WriteNumbersAsync((RuleSample Sample, SeriesRow Series)[] rows, string token, NativeWriter writer, CancellationToken cancellation)
    {
        using var points = new NumberPoints();
        for (int index = 0; index < rows.Length; index++)
        {
            points.Series.Append(index);
            points.TimeNanos.Append(rows[index].Sample.TimeMs * NanosPerMilli);
            points.StartNanos.Append(0);
            points.Values.Append(rows[index].Sample.Value);
        }
        await store.InsertAsync(MetricTables.Encode(points, [.. rows.Select(static row => row.Series.Id)], writer), token, cancellation);
    }

    /// <summary>Rows for <c>float_histograms</c>: bucket indexes are those of Prometheus, in its schema.</summary>
    private static NativeBlock Histograms((RuleSample Sample, SeriesRow Series)[] rows, NativeWriter writer)
    {
        FloatHistogram[] all = Array.ConvertAll(rows, static row => row.Sample.Histogram!);
        writer.Start("float_histograms", 13, rows.Length);
        writer.Fixed<UInt128>("id", "UInt128", Array.ConvertAll(rows, static row => row.Series.Id));
        writer.Fixed<long>("ts", "DateTime64(3, 'UTC')", Array.ConvertAll(rows, static row => row.Sample.TimeMs));
        writer.Fixed<byte>("hint", "UInt8", Array.ConvertAll(all, static one => (byte)one.Hint));
        writer.Fixed<double>("count", "Float64", Array.ConvertAll(all, static one => one.Count));
        writer.Fixed<double>("sum", "Float64", Array.ConvertAll(all, static one => one.Sum));
        writer.Fixed<int>("schema", "Int32", Array.ConvertAll(all, static one => one.Schema));
        writer.Fixed<double>("zero_count", "Float64", Array.ConvertAll(all, static one => one.ZeroCount));
        writer.Fixed<double>("zero_threshold", "Float64", Array.ConvertAll(all, static one => one.ZeroThreshold));
        Side("positive", static one => one.Positive);
        Side("negative", static one => one.Negative);
        Column("bounds", "Float64", static one => one.CustomBounds);
        return writer.Finish();

        void Side(string name, Func<FloatHistogram, BucketCounts> side)
        {
            Column(name + "_indexes", "Int32", one => side(one).Indexes.ToArray());
            Column(name, "Float64", one => side(one).Counts.ToArray());
        }

        void Column<T>(string name, string type, Func<FloatHistogram, T[]> items)
            where T : unmanaged
        {
            int end = 0;
            T[][] arrays = Array.ConvertAll(all, one => items(one));
            writer.Array<T>(name, type, Array.ConvertAll(arrays, array => end += array.Length), [.. arrays.SelectMany(static array => array)]);
        }
    }

    private static SeriesRow Row(string tenant, RuleSample sample) => new(
        tenant, sample.Labels[Labels.MetricName], sample.Histogram is null ? MetricKind.Gauge : MetricKind.FloatHistogram, Temporality.Unspecified,
        sample.Labels.Where(static name => name != Labels.MetricName).Pairs.ToArray(), [])
    {
        Help = "Recorded by a rule",
    };
}
