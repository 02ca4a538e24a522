using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>An exemplar as Prometheus tells it: the ids of its span stand among the labels.</summary>
internal readonly record struct Exemplar(Labels Labels, double Value, long TimeMs);

/// <summary>The exemplars of a series, the oldest first.</summary>
internal sealed record SeriesExemplars(Labels Series, List<Exemplar> Exemplars);

/// <summary>
/// Reads one tenant's exemplars out of the store. Those of a histogram with explicit bounds belong to its classic series <c>_bucket</c>, each
/// to the first bucket that its value fits into, as where Prometheus takes OTLP.
/// </summary>
internal sealed class ExemplarReader(IColumnStore store, QueryOptions options, string tenant)
{
    private readonly SeriesMatch _match = new(store, options);

    /// <summary>The exemplars within a time of all series that any of the selectors matches, sorted by the series' labels.</summary>
    public async ValueTask<IReadOnlyList<SeriesExemplars>> SelectAsync(
        IReadOnlyList<IReadOnlyList<LabelMatcher>> selectors, TimeRange range, CancellationToken cancellation)
    {
        var byId = new Dictionary<UInt128, StoredSeries>();
        var patterns = new List<(AskedLabel, LabelPattern)[]>(selectors.Count);
        foreach (IReadOnlyList<LabelMatcher> matchers in selectors)
        {
            FoundSeries found = await _match.FindAsync(tenant, matchers, null, wanted: range, cancellation);
            patterns.Add(Pattern(found.Matchers));
            foreach (StoredSeries series in found.Series)
            {
                byId.TryAdd(series.Id, series);
            }
        }
        if (byId.Count == 0)
        {
            return [];
        }
        var collected = new Collector([.. patterns]);
        foreach (ResultBlock block in (await ReadAsync([.. byId.Keys], range, cancellation)).Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                collected.Add(byId[block.Values<UInt128>(0)[row]], Read(block, row));
            }
        }
        return collected.Finish();
    }

    /// <summary>The last moment that the store knows ends within its last millisecond, which therefore cannot be asked for.</summary>
    private async ValueTask<QueryResult> ReadAsync(UInt128[] ids, TimeRange range, CancellationToken cancellation) => await store.QueryAsync(
        new StoreQuery($$"""
            SELECT id, toUnixTimestamp64Milli(ts), value, lower(hex(trace_id)), lower(hex(span_id)), attributes FROM exemplars
            WHERE {{SqlText.IsOneOfIds(ids.Length)}} AND ts >= fromUnixTimestamp64Milli({start:Int64}) AND ts < fromUnixTimestamp64Milli({after:Int64})
            ORDER BY id, ts, trace_id, span_id, value LIMIT 1 BY id, ts, trace_id, span_id, value
            """)
        {
            Parameters = new Dictionary<string, string>
            {
                ["ids"] = SqlText.Array(ids),
                ["start"] = range.StartMs.ToString(CultureInfo.InvariantCulture),
                ["after"] = new TimeRange(0, range.EndMs + 1).EndMs.ToString(CultureInfo.InvariantCulture),
            },
            Timeout = options.Timeout,
            MaxResultRows = options.MaxSamples,
        },
        cancellation);

    private static Exemplar Read(ResultBlock block, int row)
    {
        MapColumn attributes = block.Map(5);
        (int start, int length) = attributes.Row(row);
        // By the first of each name, so that no attribute stands in for the ids.
        var labels = new Dictionary<string, string>(length + 2, StringComparer.Ordinal);
        AddId(labels, "trace_id", block.Text(3).String(row));
        AddId(labels, "span_id", block.Text(4).String(row));
        for (int entry = start; entry < start + length; entry++)
        {
            labels.TryAdd(attributes.Keys.String(entry), attributes.Values.String(entry));
        }
        return new Exemplar(Labels.Of(labels), block.Values<double>(2)[row], block.Values<long>(1)[row]);
    }

    private static void AddId(Dictionary<string, string> labels, string name, string hex)
    {
        if (hex.AsSpan().ContainsAnyExcept('0'))
        {
            labels.Add(name, hex);
        }
    }

    private static (AskedLabel Label, LabelPattern Pattern)[] Pattern(IReadOnlyList<LabelMatcher> matchers) =>
        [.. matchers.Select(matcher => (new AskedLabel(matcher.Label), LabelPattern.Of(matcher)))];

    /// <summary>Gathers exemplars by series, and leaves out those of series that no selector matches.</summary>
    private sealed class Collector((AskedLabel Label, LabelPattern Pattern)[][] selectors)
    {
        private readonly Dictionary<(UInt128 Id, int Bucket), SeriesExemplars?> _byBucket = [];
        private readonly Dictionary<Labels, SeriesExemplars> _byLabels = [];

        public void Add(StoredSeries series, Exemplar exemplar)
        {
            int bucket = series.Kind == StoredSeries.Histogram ? Bucket(series.Bounds, exemplar.Value) : -1;
            if (!_byBucket.TryGetValue((series.Id, bucket), out SeriesExemplars? found))
            {
                Labels labels = Shown(series, bucket);
                found = !Array.Exists(selectors, patterns => Array.TrueForAll(patterns, one => one.Pattern.Matches(one.Label.Of(labels)))) ? null
                    : _byLabels.TryGetValue(labels, out SeriesExemplars? known) ? known
                    : _byLabels[labels] = new SeriesExemplars(labels, []);
                _byBucket.Add((series.Id, bucket), found);
            }
            found?.Exemplars.Add(exemplar);
        }

        public List<SeriesExemplars> Finish()
        {
            List<SeriesExemplars> all = [.. _byLabels.Values.OrderBy(one => one.Series, Comparer<Labels>.Create(static (left, right) => left.CompareTo(right)))];
            foreach (SeriesExemplars one in all)
            {
                // Several stored series may be shown as one; the sort is not to change the order of equal times.
                Exemplar[] sorted = [.. one.Exemplars.OrderBy(exemplar => exemplar.TimeMs)];
                one.Exemplars.Clear();
                one.Exemplars.AddRange(sorted);
            }
            return all;
        }

        private static int Bucket(double[] bounds, double value)
        {
            int bucket = Array.FindIndex(bounds, bound => value <= bound);
            return bucket < 0 ? bounds.Length : bucket;
        }

        private static Labels Shown(StoredSeries series, int bucket) => bucket < 0 ? series.Named
            : series.Named.With(Labels.MetricName, series.Metric + "_bucket")
                .With("le", bucket == series.Bounds.Length ? "+Inf" : SampleText.PrintBound(series.Bounds[bucket]));
    }
}
