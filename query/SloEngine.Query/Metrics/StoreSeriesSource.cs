using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>
/// Reads one tenant's series out of the store. A histogram with explicit bounds, one row a point there, is shown as its classic series:
/// <c>_bucket</c> with cumulative counts, <c>_sum</c> and <c>_count</c>; an exponential one as a native histogram of the base name. Days whose samples
/// are gone are answered from roll-ups, a sample for five minutes.
/// </summary>
internal sealed class StoreSeriesSource(
    IColumnStore store, SeriesMatch match, SampleReader samples, RolledUpDays rolledUpDays, RolledUpSamples rolledUp, QueryOptions options, string tenant)
    : ISeriesSource
{
    public async ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
    {
        (IReadOnlyList<StoredSeries> stored, bool isWhole, IReadOnlyList<LabelMatcher> matchers) = await match.FindAsync(
            tenant, selection.Matchers, null, wanted: new TimeRange(selection.StartMs, selection.EndMs), cancellation);
        LabelPattern[] names = Patterns(matchers, Labels.MetricName);
        LabelPattern[] bounds = Patterns(matchers, "le");
        var collected = new SeriesCollector();

        List<StoredSeries> plain = [.. stored.Where(series => !series.IsHistogram && IsNamed(series))];
        if (plain.Count > 0)
        {
            await ReadSamplesAsync(plain, isWhole, selection, collected, cancellation);
            await ReadRollUpsAsync(plain, selection, collected, cancellation);
        }
        List<StoredSeries> native = [.. stored.Where(series => series.Kind == StoredSeries.ExponentialHistogram && IsNamed(series))];
        if (native.Count > 0)
        {
            await ReadNativeAsync(native, selection, collected, cancellation);
        }
        List<StoredSeries> recorded = [.. stored.Where(series => series.Kind == StoredSeries.FloatHistogram && IsNamed(series))];
        if (recorded.Count > 0)
        {
            await ReadRecordedAsync(recorded, selection, collected, cancellation);
        }
        List<StoredSeries> classic = [.. stored.Where(series => series.Kind == StoredSeries.Histogram)];
        if (classic.Count > 0)
        {
            List<ClassicHistogram> histograms = await ReadClassicAsync(classic, isWhole, new ClassicParts(names, bounds), selection, cancellation);
            if (collected.IsEmpty && ClassicSeries.Of(histograms) is { } series)
            {
                return series;
            }
            foreach (ClassicHistogram histogram in histograms)
            {
                foreach (ClassicPart part in histogram.Parts)
                {
                    collected.Add(part.Of(histogram.Series.Named), histogram.Series.IsDelta, new ClassicSamples(histogram.Rows, part.Place));
                }
            }
        }
        return collected.Finish();

        bool IsNamed(StoredSeries series) => All(names, series.Metric) && All(bounds, series.Named["le"]);
    }

    /// <summary>Labels of every series, virtual ones included, that match and have a point within a time.</summary>
    public async ValueTask<IReadOnlyCollection<Labels>> LabelsAsync(IReadOnlyList<LabelMatcher> matchers, TimeRange? active, CancellationToken cancellation)
    {
        FoundSeries found = await match.FindAsync(tenant, matchers, active, wanted: null, cancellation);
        LabelPattern[] names = Patterns(found.Matchers, Labels.MetricName);
        LabelPattern[] bounds = Patterns(found.Matchers, "le");
        var parts = new ClassicParts(names, bounds);
        var all = new HashSet<Labels>();
        foreach (StoredSeries series in found.Series)
        {
            foreach (Labels labels in series.Kind == StoredSeries.Histogram ? parts.Of(series).Select(part => part.Of(series.Named)) : [series.Named])
            {
                if (All(names, labels[Labels.MetricName]) && All(bounds, labels["le"]))
                {
                    all.Add(labels);
                }
            }
        }
        return all;
    }

    private async ValueTask ReadSamplesAsync(
        List<StoredSeries> series, bool isWhole, SeriesSelection selection, SeriesCollector into, CancellationToken cancellation)
    {
        UInt128[] ids = [.. series.Select(static one => one.Id)];
        Array.Sort(ids);
        IReadOnlyCollection<ReadSeries> read = await samples.ReadAsync(ids, isWhole, new TimeRange(selection.StartMs, selection.EndMs), cancellation);
        Dictionary<UInt128, PackedSamples> byId = read.ToDictionary(static one => one.Id, static one => one.Samples);
        // In the order of their labels, as they are known. A series that came meanwhile is for the next query.
        foreach (StoredSeries one in series)
        {
            if (byId.TryGetValue(one.Id, out PackedSamples? found))
            {
                into.Add(one.Named, one.IsDelta, found);
            }
        }
    }

    /// <summary>
    /// What roll-ups have of days whose samples are gone. A few samples may be there still, which came late for such a day: those of equal times count.
    /// </summary>
    private async ValueTask ReadRollUpsAsync(List<StoredSeries> series, SeriesSelection selection, SeriesCollector into, CancellationToken cancellation)
    {
        var range = new TimeRange(selection.StartMs, selection.EndMs);
        IReadOnlyList<DateOnly> days = await rolledUpDays.WithinAsync(range, cancellation);
        if (days.Count == 0)
        {
            return;
        }
        foreach (IGrouping<bool, StoredSeries> alike in series.GroupBy(static one => one.IsDelta))
        {
            Dictionary<UInt128, StoredSeries> byId = alike.ToDictionary(static one => one.Id);
            UInt128[] ids = [.. byId.Keys.Order()];
            foreach (SampleStretch stretch in await rolledUp.ReadAsync(ids, days, RolledUpValue(selection.Function, alike.Key), range, TooMany, cancellation))
            {
                StoredSeries one = byId[stretch.Id];
                into.AddRolledUp(one.Named, one.IsDelta, stretch.TimesMs, stretch.Values);
            }
        }
    }

    /// <summary>What stands for the samples of five minutes, so that the function of it is the function of all of them where there is such a number.</summary>
    private static string RolledUpValue(string? function, bool isDelta) => function switch
    {
        "max_over_time" => "max",
        "min_over_time" => "min",
        "sum_over_time" => "sum",
        "avg_over_time" => "sum / count",
        // Deltas are summed up by rates.
        "rate" or "increase" when isDelta => "sum",
        _ => "last",
    };

    private async ValueTask<List<ClassicHistogram>> ReadClassicAsync(
        List<StoredSeries> series, bool isWhole, ClassicParts parts, SeriesSelection selection, CancellationToken cancellation)
    {
        List<StoredSeries> asked = [.. series.Where(one => parts.Of(one).Length > 0)];
        if (asked.Count == 0)
        {
            return [];
        }
        // A row gives a sample to each classic series of it that is asked for.
        int fewest = asked.Min(one => parts.Of(one).Length);
        UInt128[] ids = [.. asked.Select(static one => one.Id).Order()];
        StoreQuery query = SeriesStatement.Of(
            $"SELECT id, ts, {HistogramRows.Columns} FROM histograms", ids, new TimeRange(selection.StartMs, selection.EndMs), options, isRange: isWhole && SampleReader.AreNeighbours(ids));
        Dictionary<UInt128, HistogramRows> rows = HistogramRows.Read(
            await store.QueryAsync(query with { MaxResultRows = Math.Max(1, options.MaxSamples / fewest) }, cancellation));
        var found = new List<ClassicHistogram>(rows.Count);
        long samples = 0;
        foreach (StoredSeries one in asked)
        {
            if (rows.TryGetValue(one.Id, out HistogramRows? points))
            {
                found.Add(new ClassicHistogram(one, parts.Of(one), points));
                samples += (long)points.Count * found[^1].Parts.Length;
            }
        }
        return samples <= options.MaxSamples ? found : throw TooMany();
    }

    private async ValueTask ReadNativeAsync(
        List<StoredSeries> series, SeriesSelection selection, SeriesCollector into, CancellationToken cancellation)
    {
        Dictionary<UInt128, StoredSeries> byId = series.ToDictionary(one => one.Id);
        QueryResult result = await QueryAsync($"SELECT id, ts, {NativeHistogramRows.Columns} FROM exponential_histograms", byId.Keys, selection, cancellation);
        foreach (ResultBlock block in result.Blocks)
        {
            ReadOnlySpan<UInt128> ids = block.Values<UInt128>(0);
            ReadOnlySpan<long> times = block.Values<long>(1);
            var rows = new NativeHistogramRows(block);
            for (int start = 0; start < ids.Length;)
            {
                int end = RunEnd(ids, start);
                StoredSeries one = byId[ids[start]];
                var histograms = new FloatHistogram?[end - start];
                for (int row = start; row < end; row++)
                {
                    histograms[row - start] = rows.Read(row, one.IsDelta);
                }
                into.Add(one.Named, one.IsDelta, times[start..end].ToArray(), histograms, hasWholeCounts: true);
                start = end;
            }
        }
    }

    private async ValueTask ReadRecordedAsync(
        List<StoredSeries> series, SeriesSelection selection, SeriesCollector into, CancellationToken cancellation)
    {
        Dictionary<UInt128, StoredSeries> byId = series.ToDictionary(one => one.Id);
        QueryResult result = await QueryAsync($"SELECT id, ts, {FloatHistogramRows.Columns} FROM float_histograms", byId.Keys, selection, cancellation);
        foreach (ResultBlock block in result.Blocks)
        {
            ReadOnlySpan<UInt128> ids = block.Values<UInt128>(0);
            ReadOnlySpan<long> times = block.Values<long>(1);
            var rows = new FloatHistogramRows(block);
            for (int start = 0; start < ids.Length;)
            {
                int end = RunEnd(ids, start);
                var histograms = new FloatHistogram?[end - start];
                for (int row = start; row < end; row++)
                {
                    histograms[row - start] = rows.Read(row);
                }
                StoredSeries one = byId[ids[start]];
                into.Add(one.Named, one.IsDelta, times[start..end].ToArray(), histograms, hasWholeCounts: false);
                start = end;
            }
        }
    }

    /// <summary>What the engine says when one statement alone reads too much (TOO_MANY_ROWS_OR_BYTES).</summary>
    private StoreException TooMany() => new(396, $"the selector reads more than {options.MaxSamples} samples");

    private async ValueTask<QueryResult> QueryAsync(
        string select, IReadOnlyCollection<UInt128> ids, SeriesSelection selection, CancellationToken cancellation) => await store.QueryAsync(
        SeriesStatement.Of(select, [.. ids], new TimeRange(selection.StartMs, selection.EndMs), options, " ORDER BY id, ts"), cancellation);

    private static LabelPattern[] Patterns(IReadOnlyList<LabelMatcher> matchers, string label) =>
        [.. matchers.Where(matcher => matcher.Label == label).Select(LabelPattern.Of)];

    private static bool All(LabelPattern[] patterns, string value) => Array.TrueForAll(patterns, pattern => pattern.Matches(value));

    private static int RunEnd(ReadOnlySpan<UInt128> ids, int start)
    {
        int end = start + 1;
        while (end < ids.Length && ids[end] == ids[start])
        {
            end++;
        }
        return end;
    }
}
