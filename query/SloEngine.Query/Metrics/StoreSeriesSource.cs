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
        (IReadOnlyList<StoredSeries> stored, bool isWhole) = await match.FindAsync(
            tenant, selection.Matchers, null, wanted: new TimeRange(selection.StartMs, selection.EndMs), cancellation);
        LabelPattern[] names = Patterns(selection.Matchers, Labels.MetricName);
        LabelPattern[] bounds = Patterns(selection.Matchers, "le");
        var collected = new SeriesCollector();

        List<StoredSeries> plain = [.. stored.Where(series => !series.IsHistogram && IsNamed(series))];
        if (plain.Count > 0)
        {
            await ReadSamplesAsync(plain, isWhole, selection, collected, cancellation);
            await ReadRollUpsAsync(plain, selection, collected, cancellation);
        }
        List<StoredSeries> classic = [.. stored.Where(series => series.Kind == StoredSeries.Histogram)];
        if (classic.Count > 0)
        {
            await ReadClassicAsync(classic, names, bounds, selection, collected, cancellation);
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
        return collected.Finish();

        bool IsNamed(StoredSeries series) => All(names, series.Metric) && All(bounds, series.Labels["le"]);
    }

    /// <summary>Labels of every series, virtual ones included, that match and have a point within a time.</summary>
    public async ValueTask<IReadOnlyCollection<Labels>> LabelsAsync(IReadOnlyList<LabelMatcher> matchers, TimeRange? active, CancellationToken cancellation)
    {
        LabelPattern[] names = Patterns(matchers, Labels.MetricName);
        LabelPattern[] bounds = Patterns(matchers, "le");
        var parts = new ClassicParts(names, bounds);
        var all = new HashSet<Labels>();
        foreach (StoredSeries series in (await match.FindAsync(tenant, matchers, active, wanted: null, cancellation)).Series)
        {
            foreach (Labels labels in series.Kind == StoredSeries.Histogram ? parts.Of(series).Select(part => part.Labels) : [series.Named])
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
        Dictionary<UInt128, StoredSeries> byId = series.ToDictionary(one => one.Id);
        UInt128[] ids = [.. byId.Keys];
        Array.Sort(ids);
        foreach (ReadSeries read in await samples.ReadAsync(ids, isWhole, new TimeRange(selection.StartMs, selection.EndMs), cancellation))
        {
            // A series that came meanwhile is for the next query.
            if (byId.TryGetValue(read.Id, out StoredSeries? one))
            {
                into.Add(one.Named, one.IsDelta, read.Samples);
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

    private async ValueTask ReadClassicAsync(
        List<StoredSeries> series, LabelPattern[] names, LabelPattern[] bounds, SeriesSelection selection, SeriesCollector into,
        CancellationToken cancellation)
    {
        var parts = new ClassicParts(names, bounds);
        Dictionary<UInt128, (StoredSeries Series, int Parts)> byId = [];
        foreach (StoredSeries one in series)
        {
            if (parts.CountOf(one) is > 0 and var count)
            {
                byId.Add(one.Id, (one, count));
            }
        }
        if (byId.Count == 0)
        {
            return;
        }
        // A row gives a sample to each classic series of it that is asked for.
        int fewest = byId.Values.Min(static one => one.Parts);
        QueryResult result = await QueryAsync("SELECT id, ts, count, sum, buckets FROM histograms", byId.Keys, selection, cancellation, Math.Max(1, options.MaxSamples / fewest));
        long left = options.MaxSamples;
        foreach (ResultBlock block in result.Blocks)
        {
            foreach (UInt128 id in block.Values<UInt128>(0))
            {
                left -= byId[id].Parts;
            }
            if (left < 0)
            {
                throw TooMany();
            }
            ReadBlock(block, byId, parts, into);
        }
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

    private static void ReadBlock(ResultBlock block, Dictionary<UInt128, (StoredSeries Series, int Parts)> byId, ClassicParts parts, SeriesCollector into)
    {
        ReadOnlySpan<UInt128> ids = block.Values<UInt128>(0);
        ReadOnlySpan<long> times = block.Values<long>(1);
        ReadOnlySpan<ulong> counts = block.Values<ulong>(2);
        ReadOnlySpan<double> sums = block.Values<double>(3);
        ArrayColumn buckets = block.Array(4);
        ReadOnlySpan<ulong> items = ((FixedColumn<ulong>)buckets.Items).Values;
        for (int start = 0; start < ids.Length;)
        {
            int end = RunEnd(ids, start);
            StoredSeries series = byId[ids[start]].Series;
            foreach (ClassicPart part in parts.Of(series))
            {
                var values = new double[end - start];
                for (int row = start; row < end; row++)
                {
                    bool stale = StaleMarker.Is(sums[row]);
                    values[row - start] = stale || part.Bucket == ClassicPart.Sum ? sums[row]
                        : part.Bucket == ClassicPart.Count ? counts[row]
                        : Cumulative(items, buckets.Row(row), part.Bucket);
                }
                into.Add(part.Labels, series.IsDelta, times[start..end].ToArray(), values);
            }
            start = end;
        }
    }

    private static double Cumulative(ReadOnlySpan<ulong> items, (int Start, int Length) row, int bucket)
    {
        ulong sum = 0;
        foreach (ulong count in items.Slice(row.Start, Math.Min(row.Length, bucket + 1)))
        {
            sum += count;
        }
        return sum;
    }

    /// <summary>What the engine says when one statement alone reads too much (TOO_MANY_ROWS_OR_BYTES).</summary>
    private StoreException TooMany() => new(396, $"the selector reads more than {options.MaxSamples} samples");

    private async ValueTask<QueryResult> QueryAsync(
        string select, IReadOnlyCollection<UInt128> ids, SeriesSelection selection, CancellationToken cancellation, long? mostRows = null) => await store.QueryAsync(
        SeriesStatement.Of(select, [.. ids], new TimeRange(selection.StartMs, selection.EndMs), options, " ORDER BY id, ts") with { MaxResultRows = mostRows ?? options.MaxSamples },
        cancellation);

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
