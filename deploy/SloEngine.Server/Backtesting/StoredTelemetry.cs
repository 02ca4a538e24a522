using System.Globalization;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Naming;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Backtesting;

/// <summary>What the store has of the telemetry that SLOs listen to.</summary>
internal sealed class StoredTelemetry
{
    /// <summary>Time that one statement may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly IColumnStore _store;
    private readonly string _tenant;
    private readonly Dictionary<UInt128, int> _numbers = [];

    /// <summary>What SLOs look at of spans, and of log records; null where none does.</summary>
    private readonly RecordAttributes? _spans;
    private readonly RecordAttributes? _logs;
    private readonly bool _withBodies;

    private StoredTelemetry(IColumnStore store, string tenant, IReadOnlyList<StoredSeriesView> series, IReadOnlyList<ServiceLevelObjective> slos)
    {
        (_store, _tenant, Series) = (store, tenant, series);
        for (int number = 0; number < series.Count; number++)
        {
            _numbers.Add(series[number].Id, number);
        }
        (_spans, _logs, _withBodies) = (RecordAttributes.OfSpans(slos), RecordAttributes.OfLogs(slos), slos.Any(StoredLogs.LooksAtBodies));
    }

    /// <summary>The series; their place is their number.</summary>
    public IReadOnlyList<StoredSeriesView> Series { get; }

    /// <summary>Finds a tenant's series of the metrics that SLOs listen to.</summary>
    public static async Task<StoredTelemetry> FindAsync(IColumnStore store, string tenant, IReadOnlyList<ServiceLevelObjective> slos, CancellationToken cancellation)
    {
        string[] metrics = [.. slos.SelectMany(slo => (Measure[])[slo.Indicator.Part, slo.Indicator.Total]).OfType<MetricMeasure>().Select(measure => measure.Metric).Distinct()];
        var series = new List<StoredSeriesView>();
        if (metrics.Length > 0)
        {
            await store.StoreRecentAsync(cancellation);
            QueryResult found = await store.QueryAsync(
                new StoreQuery("""
                    SELECT id, toString(metric), toString(otel_name), kind, temporality, labels, bounds FROM series
                    WHERE tenant = {tenant:String} AND (has({metrics:Array(String)}, toString(metric)) OR has({metrics:Array(String)}, toString(otel_name))) LIMIT 1 BY id
                    """)
                {
                    Parameters = new Dictionary<string, string> { ["tenant"] = tenant, ["metrics"] = SqlText.Array(metrics) },
                },
                cancellation);
            foreach (ResultBlock block in found.Blocks)
            {
                for (int row = 0; row < block.Rows; row++)
                {
                    series.Add(new StoredSeriesView(block.Values<UInt128>(0)[row], View(tenant, block, row)));
                }
            }
        }
        return new StoredTelemetry(store, tenant, series, slos);
    }

    /// <summary>Rows of a stretch, over all tables.</summary>
    public async Task<long> CountAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        long rows = 0;
        foreach (string table in Series.Count > 0 ? (string[])["samples", "histograms", "exponential_histograms"] : [])
        {
            rows += await NumberAsync(Points($"SELECT toInt64(count()) FROM {table}", "", from, to));
        }
        rows += _spans is null ? 0 : await NumberAsync(Records(StoredSpans.Count));
        rows += _logs is null ? 0 : await NumberAsync(Records(StoredLogs.Count(_withBodies)));
        return rows;

        StoreQuery Records(string select) => new(
            $"{select} WHERE tenant = {{tenant:String}} AND ts > fromUnixTimestamp64Milli({{start:Int64}}) AND ts <= fromUnixTimestamp64Milli({{end:Int64}})")
        {
            Parameters = new Dictionary<string, string>(Times(from, to), StringComparer.Ordinal) { ["tenant"] = _tenant },
            Timeout = Patience,
        };

        async Task<long> NumberAsync(StoreQuery query) => (await _store.QueryAsync(query, cancellation)).Blocks[0].Values<long>(0)[0];
    }

    /// <summary>Reads a stretch (from, to].</summary>
    public async Task<IReadOnlyList<StoredStretch>> ReadAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        var stretches = new List<StoredStretch>();
        if (Series.Count > 0)
        {
            stretches.Add(new StoredSamples(await PointsAsync(StoredSamples.Select), _numbers));
            stretches.Add(new StoredHistograms(await PointsAsync(StoredHistograms.Select), _numbers));
            stretches.Add(new StoredExponentialHistograms(await PointsAsync(StoredExponentialHistograms.Select), _numbers));
        }
        if (_spans is { } ofSpans)
        {
            stretches.Add(new StoredSpans(await _store.QueryAsync(StoredSpans.Query(_tenant, ofSpans, from, to), cancellation), _tenant, ofSpans));
        }
        if (_logs is { } ofLogs)
        {
            stretches.Add(new StoredLogs(await _store.QueryAsync(StoredLogs.Query(_tenant, ofLogs, _withBodies, from, to), cancellation), _tenant, ofLogs));
        }
        return stretches;

        async Task<QueryResult> PointsAsync(string select) => await _store.QueryAsync(Points(select, " ORDER BY ts", from, to), cancellation);
    }

    /// <summary>The ends of a stretch as parameters <c>start</c> and <c>end</c>, in milliseconds.</summary>
    public static Dictionary<string, string> Times(DateTimeOffset from, DateTimeOffset to) => new(StringComparer.Ordinal)
    {
        ["start"] = from.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
        ["end"] = to.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
    };

    private StoreQuery Points(string select, string order, DateTimeOffset from, DateTimeOffset to) => new(
        $"{select} WHERE {SqlText.IsOneOfIds(_numbers.Count)} AND ts > fromUnixTimestamp64Milli({{start:Int64}}) AND ts <= fromUnixTimestamp64Milli({{end:Int64}}){order}")
    {
        Parameters = new Dictionary<string, string>(Times(from, to), StringComparer.Ordinal) { ["ids"] = SqlText.Array(_numbers.Keys) },
        Timeout = Patience,
    };

    private static SeriesView View(string tenant, ResultBlock block, int row)
    {
        MapColumn map = block.Map(5);
        (int first, int count) = map.Row(row);
        var labels = new Dictionary<string, string>(count, StringComparer.Ordinal);
        for (int entry = first; entry < first + count; entry++)
        {
            labels[map.Keys.String(entry)] = map.Values.String(entry);
        }
        ArrayColumn bounds = block.Array(6);
        (int start, int length) = bounds.Row(row);
        SeriesKind kind = (MetricKind)block.Values<byte>(3)[row] switch
        {
            MetricKind.Counter => SeriesKind.Counter,
            MetricKind.Histogram => SeriesKind.Histogram,
            MetricKind.ExponentialHistogram => SeriesKind.ExponentialHistogram,
            _ => SeriesKind.Gauge,
        };
        // Of the process that a series is of, the store knows what Prometheus does.
        string process = $"{labels.GetValueOrDefault("job")}\n{labels.GetValueOrDefault("instance")}";
        return new SeriesView(
            block.Text(1).String(row), block.Text(2).String(row), kind, block.Values<byte>(4)[row] == (byte)Temporality.Delta, labels,
            ((FixedColumn<double>)bounds.Items).Values.Slice(start, length).ToArray(), process)
        {
            Tenant = tenant,
            OtherLabel = PrometheusName.Translated,
        };
    }
}
