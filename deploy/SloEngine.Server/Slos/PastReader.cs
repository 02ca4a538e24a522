using System.Buffers;
using System.Globalization;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Naming;
using SloEngine.Slo.Ledger;
using SloEngine.Storage;
using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

namespace SloEngine.Server.Slos;

/// <summary>
/// Reads stored points for SLOs whose past is pending: each series once for all of them, a day at a time, in pieces that fit into memory.
/// Readers work side by side, each on series of its own.
/// </summary>
internal sealed class PastReader(IColumnStore store, DateTimeOffset listeningSince, TimeProvider time)
{
    /// <summary>Rows that one query gives, about: each is 40 bytes, or a few hundred of histograms.</summary>
    private const long RowsAtOnce = 2_000_000;

    private const int Readers = 2;

    /// <summary>How the points of a kind of series are read.</summary>
    private enum Shape
    {
        Numbers,
        Histograms,
        ExponentialHistograms,
    }

    /// <summary>Points that have been read.</summary>
    public long Points => _points;

    private long _points;

    /// <summary>Whether the store has series that some SLOs look at.</summary>
    public async Task<bool> HasSeriesAsync(IReadOnlyList<PendingPast> pasts, CancellationToken cancellation) => (await SeriesAsync(pasts, "LIMIT 1", cancellation)).Length > 0;

    /// <summary>Counts what the store has of some SLOs, all of them pending until the same time.</summary>
    /// <param name="pasts">Them.</param>
    /// <param name="isComplete">Begun before the last hour is read: completes when the store has all of it.</param>
    /// <param name="cancellation">Ends it early.</param>
    public async Task<PastCounter> ReadAsync(IReadOnlyList<PendingPast> pasts, Func<Task> isComplete, CancellationToken cancellation)
    {
        await store.StoreRecentAsync(cancellation);
        StoredSeries[] series = await SeriesAsync(pasts, "", cancellation);
        DateTimeOffset storeSince = await StoreSinceAsync(cancellation);
        DateTimeOffset until = pasts[0].Until;
        List<(DateTimeOffset From, DateTimeOffset Until)> stretches = Stretches(pasts.Min(past => past.Since), until);
        var last = new Lazy<Task>(isComplete);
        var counters = new PastCounter[Readers];
        var progress = new double[Readers];
        await Task.WhenAll(Enumerable.Range(0, Readers).Select(async reader =>
        {
            var counter = counters[reader] = new PastCounter(pasts, storeSince, time);
            // Neighbours in the store stay together.
            StoredSeries[] mine = series[(series.Length * reader / Readers)..(series.Length * (reader + 1) / Readers)];
            await ReadAsync(counter, mine, stretches, to => to == until ? last.Value : Task.CompletedTask, done =>
            {
                progress[reader] = done;
                foreach (PendingPast past in pasts)
                {
                    past.Progress = progress.Average();
                }
            }, cancellation);
        }));
        for (int reader = 1; reader < Readers; reader++)
        {
            counters[0].Add(counters[reader]);
            counters[reader].Dispose();
        }
        // What came for the first time since the series were listed, and before all is counted as it passes.
        var known = series.Select(static one => one.Id).ToHashSet();
        StoredSeries[] fresh = [.. (await SeriesAsync(pasts, "", cancellation)).Where(one => !known.Contains(one.Id))];
        await ReadAsync(counters[0], fresh, stretches, static _ => Task.CompletedTask, static _ => { }, cancellation);
        counters[0].Finish();
        return counters[0];
    }

    /// <summary>Shows what lies in some stretches of time of some series to their taps.</summary>
    private async Task ReadAsync(
        PastCounter counter, StoredSeries[] series, List<(DateTimeOffset From, DateTimeOffset Until)> stretches, Func<DateTimeOffset, Task> isReadable, Action<double> progress,
        CancellationToken cancellation)
    {
        IGrouping<Shape, (StoredSeries Series, SeriesTap Tap)>[] shapes =
        [
            .. series.Select(one => (one, counter.Bind(one.Id, one.View))).Where(bound => bound.Item2 is not null)
                .GroupBy(bound => ShapeOf(bound.one.View.Kind), bound => (bound.one, bound.Item2!)),
        ];
        for (int stretch = 0; stretch < stretches.Count; stretch++)
        {
            (DateTimeOffset from, DateTimeOffset to) = stretches[stretch];
            await isReadable(to);
            foreach (IGrouping<Shape, (StoredSeries Series, SeriesTap Tap)> shape in shapes)
            {
                await ReadStretchAsync(shape.Key, [.. shape], from, to, cancellation);
            }
            progress((stretch + 1d) / stretches.Count);
        }
    }

    /// <summary>Days as the store has them, and the last hour, which may not be complete yet.</summary>
    private static List<(DateTimeOffset From, DateTimeOffset Until)> Stretches(DateTimeOffset since, DateTimeOffset until)
    {
        var stretches = new List<(DateTimeOffset, DateTimeOffset)>();
        DateTimeOffset settled = Max(since, until.AddHours(-1));
        for (DateTimeOffset from = since; from < settled;)
        {
            DateTimeOffset to = Min(settled, new DateTimeOffset(from.UtcDateTime.Date.AddDays(1), TimeSpan.Zero));
            stretches.Add((from, to));
            from = to;
        }
        stretches.Add((settled, until));
        return stretches;
    }

    /// <summary>Reads what lies in [from, until) of series in the order of their ids.</summary>
    private async Task ReadStretchAsync(Shape shape, (StoredSeries Series, SeriesTap Tap)[] series, DateTimeOffset from, DateTimeOffset until, CancellationToken cancellation)
    {
        int size = 250;
        for (int first = 0; first < series.Length;)
        {
            int last = Math.Min(series.Length, first + size);
            ArraySegment<(StoredSeries Series, SeriesTap Tap)> some = new(series, first, last - first);
            long rows = await store.ReadAsync(Query(shape, some, from, until), result => Show(shape, result, some), cancellation);
            Interlocked.Add(ref _points, rows);
            size = (int)Math.Clamp(RowsAtOnce * some.Count / Math.Max(1, rows), 1, 10_000);
            first = last;
        }
    }

    private static StoreQuery Query(Shape shape, ArraySegment<(StoredSeries Series, SeriesTap Tap)> series, DateTimeOffset from, DateTimeOffset until)
    {
        // Each in the order of its table, so that nothing is sorted.
        (string columns, string table, string order) = shape switch
        {
            Shape.Histograms => ("id, ts, start, count, buckets", "histograms", "id, ts"),
            Shape.ExponentialHistograms =>
                ("id, ts, start, count, scale, zero_threshold, zero_count, positive_offset, positive, negative", "exponential_histograms", "id, ts"),
            _ => ("id, ts, start, number, scale", "samples", "toStartOfHour(ts), id, ts"),
        };
        // Where most series of a metric are asked for, a range of ids is found faster than each of them.
        bool isRange = series[^1].Series.Place - series[0].Series.Place < 2 * series.Count && SeriesRow.FamilyOf(series[0].Series.Id) == SeriesRow.FamilyOf(series[^1].Series.Id);
        var parameters = new Dictionary<string, string>
        {
            ["from"] = Milliseconds(from),
            ["until"] = Milliseconds(until),
        };
        if (isRange)
        {
            parameters["first"] = series[0].Series.Id.ToString(CultureInfo.InvariantCulture);
            parameters["last"] = series[^1].Series.Id.ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            parameters["ids"] = $"[{string.Join(',', series.Select(one => one.Series.Id.ToString(CultureInfo.InvariantCulture)))}]";
        }
        return new StoreQuery(
            $$"""
            SELECT {{columns}} FROM {{table}} WHERE {{(isRange ? "id BETWEEN {first:UInt128} AND {last:UInt128}" : SqlText.IsOneOfIds(series.Count))}}
                AND ts >= fromUnixTimestamp64Milli({from:Int64}) AND ts < fromUnixTimestamp64Milli({until:Int64})
                AND {{(shape is Shape.Histograms or Shape.ExponentialHistograms ? SqlText.IsNoStaleMarker : "1")}}
            ORDER BY {{order}}
            """)
        {
            Parameters = parameters,
            Timeout = TimeSpan.FromMinutes(10),
        };
    }

    private static long Show(Shape shape, QueryResult result, ArraySegment<(StoredSeries Series, SeriesTap Tap)> series)
    {
        int next = 0;
        foreach (ResultBlock block in result.Blocks)
        {
            ReadOnlySpan<UInt128> ids = block.Values<UInt128>(0);
            for (int start = 0; start < ids.Length;)
            {
                UInt128 id = ids[start];
                int end = start + 1;
                while (end < ids.Length && ids[end] == id)
                {
                    end++;
                }
                // Ids begin anew with each hour.
                next = next > 0 && series[next - 1].Series.Id >= id ? 0 : next;
                while (next < series.Count && series[next].Series.Id < id)
                {
                    next++;
                }
                if (next < series.Count && series[next].Series.Id == id)
                {
                    Show(shape, block, start, end, series[next].Tap);
                }
                start = end;
            }
        }
        return result.Rows;
    }

    /// <summary>Shows rows of one series to its tap.</summary>
    private static void Show(Shape shape, ResultBlock block, int start, int end, SeriesTap tap)
    {
        const long NanosPerMilli = 1_000_000;
        ReadOnlySpan<long> times = block.Values<long>(1);
        ReadOnlySpan<long> starts = block.Values<long>(2);
        switch (shape)
        {
            case Shape.Numbers:
                double[] values = ArrayPool<double>.Shared.Rent(end - start);
                SampleValue.Decode(block.Values<long>(3)[start..end], block.Values<byte>(4)[start..end], values);
                for (int row = start; row < end; row++)
                {
                    tap.Number(starts[row] * NanosPerMilli, times[row] * NanosPerMilli, values[row - start]);
                }
                ArrayPool<double>.Shared.Return(values);
                break;
            case Shape.Histograms:
                ReadOnlySpan<ulong> counts = block.Values<ulong>(3);
                ArrayColumn buckets = block.Array(4);
                for (int row = start; row < end; row++)
                {
                    tap.Histogram(starts[row] * NanosPerMilli, times[row] * NanosPerMilli, counts[row], Row(buckets, row));
                }
                break;
            default:
                ReadOnlySpan<ulong> observations = block.Values<ulong>(3);
                ReadOnlySpan<int> scales = block.Values<int>(4);
                ReadOnlySpan<double> thresholds = block.Values<double>(5);
                ReadOnlySpan<ulong> zeros = block.Values<ulong>(6);
                ReadOnlySpan<int> offsets = block.Values<int>(7);
                ArrayColumn positive = block.Array(8);
                ArrayColumn negative = block.Array(9);
                for (int row = start; row < end; row++)
                {
                    tap.ExponentialHistogram(
                        starts[row] * NanosPerMilli, times[row] * NanosPerMilli, observations[row], scales[row], thresholds[row], zeros[row], offsets[row],
                        Row(positive, row), Row(negative, row));
                }
                break;
        }
    }

    private static ReadOnlySpan<ulong> Row(ArrayColumn column, int row)
    {
        (int start, int length) = column.Row(row);
        return ((FixedColumn<ulong>)column.Items).Values.Slice(start, length);
    }

    /// <summary>Series of the metrics that some SLOs look at, by id.</summary>
    private async Task<StoredSeries[]> SeriesAsync(IReadOnlyList<PendingPast> pasts, string limit, CancellationToken cancellation)
    {
        string[] metrics = [.. pasts.SelectMany(past => past.Slo.Indicator.Metrics()).Distinct()];
        QueryResult result = await store.QueryAsync(
            new StoreQuery($$"""
                SELECT id, any(metric), any(otel_name), any(kind), any(temporality), any(labels), any(bounds), toString(any(tenant)) FROM series
                WHERE (metric IN {metrics:Array(String)} OR otel_name IN {metrics:Array(String)}) AND kind BETWEEN 1 AND 5
                GROUP BY id ORDER BY id {{limit}}
                """)
            {
                Parameters = new Dictionary<string, string>
                {
                    ["metrics"] = $"[{string.Join(',', metrics.Select(metric => $"'{SqlText.Quote(metric)}'"))}]",
                },
            },
            cancellation);
        var series = new StoredSeries[result.Rows];
        int place = 0;
        foreach (ResultBlock block in result.Blocks)
        {
            MapColumn labels = block.Map(5);
            ArrayColumn bounds = block.Array(6);
            for (int row = 0; row < block.Rows; row++)
            {
                var named = new Dictionary<string, string>(StringComparer.Ordinal);
                (int label, int count) = labels.Row(row);
                for (int last = label + count; label < last; label++)
                {
                    named[labels.Keys.String(label)] = labels.Values.String(label);
                }
                (int bound, int length) = bounds.Row(row);
                series[place] = new StoredSeries(
                    block.Values<UInt128>(0)[row], place,
                    new SeriesView(
                        block.Text(1).String(row), block.Text(2).String(row), Kind((MetricKind)block.Values<byte>(3)[row]), (Temporality)block.Values<byte>(4)[row] == Temporality.Delta,
                        named, ((FixedColumn<double>)bounds.Items).Values.Slice(bound, length).ToArray(),
                        Stream: "")
                    {
                        Tenant = block.Text(7).String(row),
                        OtherLabel = PrometheusName.Translated,
                    });
                place++;
            }
        }
        return series;
    }

    private async Task<DateTimeOffset> StoreSinceAsync(CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(new StoreQuery("SELECT min(first_seen) FROM series"), cancellation);
        var first = DateTimeOffset.FromUnixTimeSeconds(result.Blocks.First(block => block.Rows > 0).Values<uint>(0)[0]);
        // Before its first telemetry it was listening already.
        return first > DateTimeOffset.UnixEpoch && first < listeningSince ? first : listeningSince;
    }

    private static SeriesKind Kind(MetricKind kind) => kind switch
    {
        MetricKind.Counter => SeriesKind.Counter,
        MetricKind.Histogram => SeriesKind.Histogram,
        MetricKind.ExponentialHistogram => SeriesKind.ExponentialHistogram,
        _ => SeriesKind.Gauge,
    };

    private static Shape ShapeOf(SeriesKind kind) => kind switch
    {
        SeriesKind.Histogram => Shape.Histograms,
        SeriesKind.ExponentialHistogram => Shape.ExponentialHistograms,
        _ => Shape.Numbers,
    };

    private static string Milliseconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);

    private static DateTimeOffset Max(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static DateTimeOffset Min(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    /// <summary>A series of the store.</summary>
    /// <param name="Id">Its id.</param>
    /// <param name="Place">Its place among all series of the metrics that are looked at.</param>
    /// <param name="View">What indicators look at.</param>
    private sealed record StoredSeries(UInt128 Id, int Place, SeriesView View);
}
