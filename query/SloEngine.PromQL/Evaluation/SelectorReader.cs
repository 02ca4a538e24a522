using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Reads what selectors need from the source, and places it on steps.</summary>
internal sealed class SelectorReader(ISeriesSource source, EngineOptions options, AnnotationSet annotations, CancellationToken cancellation)
{
    private long _samples;
    private long _peak;

    /// <summary>What steps look at.</summary>
    public ScannedSamples Scanned { get; } = new();

    public QueryStatistics Statistics => new(Scanned.BySteps, _peak);

    public long LookbackMs => options.LookbackMs;

    /// <summary>Times a selector looks at, by step.</summary>
    public static long[] Times(TimeModifier modifier, long[] steps) => modifier is { OffsetMs: 0, AtMs: null }
        ? steps
        : Array.ConvertAll(steps, step => (modifier.AtMs ?? step) - modifier.OffsetMs);

    /// <summary>Series with samples from <paramref name="before"/> milliseconds before the first time to <paramref name="after"/> behind the last.</summary>
    public async ValueTask<IReadOnlyList<SeriesData>> FetchAsync(VectorSelector selector, long[] times, long before, long after, string? function)
    {
        IReadOnlyList<SeriesData> series = await FetchAsync(selector.Matchers, selector.Range, times, before, after, function);
        return selector.OnlyStatistics && series is not IUnmadeSeries ? [.. series.Select(HistogramStatistics.Strip)] : series;
    }

    /// <summary>The same for matchers that are no selector of the query; remarks are about a range of it.</summary>
    public async ValueTask<IReadOnlyList<SeriesData>> FetchAsync(
        IReadOnlyList<LabelMatcher> matchers, SourceRange range, long[] times, long before, long after, string? function)
    {
        if (times.Length == 0)
        {
            return [];
        }
        IReadOnlyList<SeriesData> series = await source.SelectAsync(
            new SeriesSelection(matchers, times.Min() - before, times.Max() + after) { Function = function }, cancellation);
        Count(Weight(series));
        if (series is not IUnmadeSeries && series.Any(static one => one.IsRolledUp))
        {
            annotations.Add(Remarks.RolledUp(range));
        }
        return series;
    }

    /// <summary>Counts samples that the query holds; fewer than none give back what was counted: the limit is on what it holds at one time.</summary>
    /// <exception cref="PromQLEvaluationException">They are too many.</exception>
    public void Count(long samples)
    {
        _samples += samples;
        _peak = Math.Max(_peak, _samples);
        if (_samples > options.MaxSamples)
        {
            throw new PromQLEvaluationException(QueryFailure.Limit, "query processing would load too many samples into memory in query execution");
        }
    }

    /// <summary>Gives back what was counted for series that the query no longer holds.</summary>
    public void Release(IReadOnlyList<SeriesData> series) => Count(-Weight(series));

    public async ValueTask<StepVector> SelectAsync(VectorSelector selector, long[] steps)
    {
        long[] times = Times(selector.Time, steps);
        if (selector.Extension == RangeExtension.Smoothed)
        {
            IReadOnlyList<SeriesData> around = await FetchAsync(selector, times, LookbackMs, LookbackMs, null);
            var smoothing = new Smoothing(LookbackMs, annotations, selector.Range);
            return new StepVector([.. around.Select(series => smoothing.Smooth(series, times)).Where(series => series.HasAny())]);
        }
        IReadOnlyList<SeriesData> all = await FetchAsync(selector, times, LookbackMs, 0, null);
        var result = new List<StepSeries>(all.Count);
        var buffer = new SampleBuffer();
        foreach (SeriesData series in all)
        {
            cancellation.ThrowIfCancellationRequested();
            result.Add(series.Packed is null ? Latest(series, times) : new StepSeries(series.Labels, Latest(buffer, series.Packed, times)));
        }
        Release(all);
        Count((long)result.Count * times.Length);
        return new StepVector(result);
    }

    private static long Weight(IReadOnlyList<SeriesData> series) => series is IUnmadeSeries unmade ? unmade.Samples : series.Sum(Weight);

    private static long Weight(SeriesData data) => data.Histograms is null ? data.Count : data.Histograms.Sum(static histogram => (long)(histogram?.Weight ?? 1));

    /// <summary>The latest sample at each time that is not older than the lookback, nor stale.</summary>
    private StepSeries Latest(SeriesData series, long[] times)
    {
        var values = new double[times.Length];
        FloatHistogram?[]? histograms = series.Histograms is null ? null : new FloatHistogram?[times.Length];
        int next = 0;
        for (int step = 0; step < times.Length; step++)
        {
            int found = Find(series, times[step], ref next);
            values[step] = found < 0 || series.Histograms?[found] is not null ? Sample.Absent : series.Values[found];
            if (histograms is not null && found >= 0)
            {
                histograms[step] = series.Histograms![found];
            }
            if (found >= 0)
            {
                Scanned.Add(step, histograms?[step]?.Weight ?? 1);
            }
        }
        return new StepSeries(series.Labels, values, histograms);
    }

    /// <summary>The same of packed floats.</summary>
    private double[] Latest(SampleBuffer buffer, IPackedSamples packed, long[] times)
    {
        (long[] samples, double[] numbers) = buffer.Unpack(packed);
        var column = new Column<double>(samples, numbers, null, packed.Count);
        var values = new double[times.Length];
        int next = 0;
        for (int step = 0; step < times.Length; step++)
        {
            next = column.After(times[step], next, packed.Count);
            values[step] = next > 0 && samples[next - 1] > times[step] - LookbackMs ? numbers[next - 1] : Sample.Absent;
            Scanned.Add(step, Sample.IsAbsent(values[step]) ? 0 : 1);
        }
        return values;
    }

    /// <summary>Something about the latest sample at each time, instead of its value.</summary>
    public async ValueTask<StepVector> OfLatestAsync(VectorSelector selector, long[] steps, Func<SeriesData, int, double> read)
    {
        long[] times = Times(selector.Time, steps);
        IReadOnlyList<SeriesData> all = await FetchAsync(selector, times, LookbackMs, 0, "timestamp");
        return new StepVector([.. all.Select(series => OfLatest(series.Unpacked(), times, read))]);
    }

    public StepSeries OfLatest(SeriesData series, long[] times, Func<SeriesData, int, double> read)
    {
        var values = new double[times.Length];
        int next = 0;
        for (int step = 0; step < times.Length; step++)
        {
            int found = Find(series, times[step], ref next);
            values[step] = found < 0 ? Sample.Absent : read(series, found);
            Scanned.Add(step, found < 0 ? 0 : 1);
        }
        return new StepSeries(series.Labels, values) { DropName = true };
    }

    /// <summary>Position of the latest sample, or -1; the search goes on from where the last one ended, as times rise.</summary>
    private int Find(SeriesData series, long time, ref int next)
    {
        while (next < series.TimesMs.Length && series.TimesMs[next] <= time)
        {
            next++;
        }
        int found = next - 1;
        bool usable = found >= 0 && series.TimesMs[found] > time - LookbackMs && (series.Histograms?[found] is not null || !Sample.IsAbsent(series.Values[found]));
        return usable ? found : -1;
    }
}
