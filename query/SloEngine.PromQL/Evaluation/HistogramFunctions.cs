using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Functions of histograms, native and classic.</summary>
internal sealed class HistogramFunctions(AnnotationSet annotations, long[] steps)
{
    /// <summary>Numbers of native histograms alone.</summary>
    public static Func<FloatHistogram, double>? Simple(string function) => function switch
    {
        "histogram_count" => static histogram => histogram.Count,
        "histogram_sum" => static histogram => histogram.Sum,
        "histogram_avg" => static histogram => histogram.Sum / histogram.Count,
        "histogram_stdvar" => NativeHistogram.Variance,
        "histogram_stddev" => static histogram => Math.Sqrt(NativeHistogram.Variance(histogram)),
        _ => null,
    };

    public static StepVector Map(StepVector vector, Func<FloatHistogram, double> function)
    {
        var result = new List<StepSeries>();
        foreach (StepSeries series in vector.Series.Where(static series => series.Histograms is not null))
        {
            double[] values = Array.ConvertAll(series.Histograms!, histogram => histogram is null ? Sample.Absent : function(histogram));
            result.Add(new StepSeries(series.Labels, values) { DropName = true });
        }
        return new StepVector(result);
    }

    public StepVector Quantile(double[] quantiles, StepVector vector, SourceRange quantileRange, SourceRange range)
    {
        foreach (double quantile in quantiles)
        {
            Validate(quantile, quantileRange);
        }
        return Evaluate(
            vector, range,
            (histogram, metric, step) => NativeHistogram.Quantile(quantiles[step], histogram, metric, range, annotations),
            (buckets, metric, step) => ClassicQuantile(quantiles[step], buckets, metric, step, range));
    }

    /// <summary>Several quantiles at once, told apart by a label.</summary>
    public StepVector Quantiles(StepVector vector, string label, IReadOnlyList<(double[] Values, SourceRange Range)> quantiles, SourceRange range)
    {
        var merger = new SeriesMerger();
        foreach ((double[] values, SourceRange quantileRange) in quantiles)
        {
            StepVector result = Quantile(values, vector, quantileRange, range);
            foreach (StepSeries series in result.Series)
            {
                foreach (IGrouping<string, int> same in Enumerable.Range(0, steps.Length).GroupBy(step => NumberText.OpenMetrics(values[step])))
                {
                    var one = StepSeries.Empty(series.Labels.With(label, same.Key), steps.Length, dropName: true);
                    foreach (int step in same)
                    {
                        one[step] = series[step];
                    }
                    if (one.HasAny())
                    {
                        merger.Add(one);
                    }
                }
            }
        }
        return new StepVector(merger.Series);
    }

    public StepVector Fraction(double[] lower, double[] upper, StepVector vector, SourceRange range) => Evaluate(
        vector, range,
        (histogram, metric, step) => NativeHistogram.Fraction(lower[step], upper[step], histogram, metric, range, annotations),
        (buckets, _, step) => ClassicHistogram.Fraction(lower[step], upper[step], buckets));

    private double ClassicQuantile(double quantile, List<(double, double)> buckets, string metric, int step, SourceRange range)
    {
        (double value, MonotonicityFix? fix) = ClassicHistogram.Quantile(quantile, buckets, steps[step]);
        if (fix is { } changed)
        {
            annotations.Add(Remarks.ForcedMonotonicity(metric, range, changed));
        }
        return value;
    }

    private StepVector Evaluate(
        StepVector vector, SourceRange range, Func<FloatHistogram, string, int, double> native, Func<List<(double, double)>, string, int, double> classic)
    {
        Dictionary<Labels, List<(double Bound, StepSeries Series)>> groups = Buckets(vector, range);
        var result = new List<StepSeries>();
        var natives = new Dictionary<Labels, StepSeries>();
        foreach (StepSeries series in vector.Series.Where(static series => series.Histograms is not null))
        {
            natives[series.Labels] = series;
            result.Add(OfNative(series, groups, range, native));
        }
        foreach ((Labels labels, List<(double Bound, StepSeries Series)> buckets) in groups)
        {
            var values = new double[steps.Length];
            for (int step = 0; step < steps.Length; step++)
            {
                List<(double, double)> present = Present(buckets, step);
                bool alsoNative = natives.TryGetValue(labels, out StepSeries? other) && other.Histogram(step) is not null;
                values[step] = present.Count == 0 || alsoNative ? Sample.Absent : classic(present, labels[Labels.MetricName], step);
            }
            result.Add(new StepSeries(labels, values) { DropName = true });
        }
        return new StepVector(result);
    }

    /// <summary>A native histogram beside classic buckets of the same name and labels: which one is meant is not known, so neither counts.</summary>
    private StepSeries OfNative(
        StepSeries series, Dictionary<Labels, List<(double Bound, StepSeries Series)>> groups, SourceRange range, Func<FloatHistogram, string, int, double> native)
    {
        string metric = series.Labels[Labels.MetricName];
        var values = new double[steps.Length];
        for (int step = 0; step < steps.Length; step++)
        {
            values[step] = Sample.Absent;
            if (series.Histogram(step) is not { } histogram)
            {
                continue;
            }
            if (groups.TryGetValue(series.Labels, out List<(double Bound, StepSeries Series)>? buckets) && Present(buckets, step).Count > 0)
            {
                annotations.Add(Remarks.MixedClassicNative(metric, range));
                continue;
            }
            values[step] = native(histogram, metric, step);
        }
        return new StepSeries(series.Labels, values) { DropName = true };
    }

    private Dictionary<Labels, List<(double Bound, StepSeries Series)>> Buckets(StepVector vector, SourceRange range)
    {
        var groups = new Dictionary<Labels, List<(double Bound, StepSeries Series)>>();
        foreach (StepSeries series in vector.Series)
        {
            if (!Array.Exists(series.Values, static value => !Sample.IsAbsent(value)))
            {
                continue;
            }
            string bound = series.Labels["le"];
            if (!BucketBound.TryParse(bound, out double value))
            {
                annotations.Add(Remarks.BadBucketLabel(series.Labels[Labels.MetricName], bound, range));
                continue;
            }
            Labels labels = series.Labels.Where(static name => name != "le");
            if (!groups.TryGetValue(labels, out List<(double Bound, StepSeries Series)>? buckets))
            {
                groups.Add(labels, buckets = []);
            }
            buckets.Add((value, series));
        }
        foreach (List<(double Bound, StepSeries Series)> buckets in groups.Values)
        {
            buckets.Sort(static (left, right) => left.Bound.CompareTo(right.Bound));
        }
        return groups;
    }

    private static List<(double Bound, double Count)> Present(List<(double Bound, StepSeries Series)> buckets, int step)
    {
        var present = new List<(double, double)>(buckets.Count);
        foreach ((double bound, StepSeries series) in buckets)
        {
            if (!Sample.IsAbsent(series.Values[step]))
            {
                present.Add((bound, series.Values[step]));
            }
        }
        return present;
    }

    private void Validate(double quantile, SourceRange range)
    {
        if (!(quantile is >= 0 and <= 1))
        {
            annotations.Add(Remarks.InvalidQuantile(quantile, range));
        }
    }
}
