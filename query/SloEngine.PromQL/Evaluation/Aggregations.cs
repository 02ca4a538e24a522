using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Aggregation operators over all steps.</summary>
internal sealed class Aggregations(Aggregation aggregation, AnnotationSet annotations, int steps)
{
    private readonly Grouping _grouping = new(aggregation);

    /// <summary>Whether floats may come one series after the other: other operators need all of them at one time.</summary>
    public bool IsRunning { get; } = RunningAggregation.Knows(aggregation.Operator);

    /// <summary>Takes floats one series after the other.</summary>
    public RunningAggregation Begin() => new(_grouping, aggregation.Operator, steps);

    public StepVector Evaluate(StepVector vector, double[]? parameter, string? label)
    {
        if (IsRunning && vector.Series.TrueForAll(static series => series.Histograms is null))
        {
            RunningAggregation running = Begin();
            vector.Series.ForEach(running.Add);
            return running.Result();
        }
        switch (aggregation.Operator)
        {
            case "count_values":
                return CountValues(vector, label!);
            case "topk" or "bottomk" or "limitk" or "limit_ratio":
                return new RankedAggregation(aggregation, annotations, steps).Evaluate(Groups(vector), parameter!, vector.Series.Count);
            case "quantile":
                foreach (double quantile in Extremes(parameter!))
                {
                    annotations.Add(Remarks.InvalidQuantile(quantile, aggregation.Parameter!.Range));
                }
                break;
            default:
                break;
        }
        var result = new List<StepSeries>();
        foreach ((Labels labels, List<StepSeries> members) in Groups(vector))
        {
            bool mixed = members.Exists(static member => member.Histograms is not null);
            result.Add(mixed ? ReduceMixed(labels, members, parameter) : Reduce(labels, members, parameter));
        }
        return new StepVector(result);
    }

    /// <summary>Parameters out of range that are to be told: NaN, the largest, the smallest.</summary>
    private static IEnumerable<double> Extremes(double[] quantiles)
    {
        if (Array.Exists(quantiles, double.IsNaN))
        {
            yield return double.NaN;
        }
        if (quantiles.Max() > 1)
        {
            yield return quantiles.Max();
        }
        double smallest = quantiles.Where(static quantile => !double.IsNaN(quantile)).DefaultIfEmpty(0).Min();
        if (smallest < 0)
        {
            yield return smallest;
        }
    }

    private Dictionary<Labels, List<StepSeries>> Groups(StepVector vector)
    {
        var groups = new Dictionary<Labels, List<StepSeries>>();
        foreach (StepSeries series in vector.Series)
        {
            Labels labels = _grouping.Of(series.Labels);
            if (!groups.TryGetValue(labels, out List<StepSeries>? members))
            {
                groups.Add(labels, members = []);
            }
            members.Add(series);
        }
        return groups;
    }

    private StepSeries Reduce(Labels labels, List<StepSeries> members, double[]? parameter)
    {
        var values = new double[steps];
        var present = new double[members.Count];
        for (int step = 0; step < steps; step++)
        {
            int count = 0;
            foreach (StepSeries member in members)
            {
                double value = member.Values[step];
                if (!Sample.IsAbsent(value))
                {
                    present[count++] = value;
                }
            }
            values[step] = count == 0 ? Sample.Absent : Reduce(present.AsSpan(0, count), parameter is null ? 0 : parameter[step]);
        }
        return new StepSeries(labels, values) { DropName = members.Exists(static member => member.DropName) };
    }

    private double Reduce(ReadOnlySpan<double> values, double parameter)
    {
        switch (aggregation.Operator)
        {
            case "sum":
                return OverTimeFunctions.Sum(values);
            case "avg":
                return OverTimeFunctions.Average(values);
            case "count":
                return values.Length;
            case "group":
                return 1;
            case "stdvar":
                return Variance(values);
            case "stddev":
                return Math.Sqrt(Variance(values));
            case "quantile":
                return Quantile.Of(parameter, values);
            default:
                double extreme = values[0];
                foreach (double value in values)
                {
                    extreme = double.IsNaN(extreme) || (aggregation.Operator == "min" ? value < extreme : value > extreme) ? value : extreme;
                }
                return extreme;
        }
    }

    /// <summary>Population variance by Welford's method.</summary>
    private static double Variance(ReadOnlySpan<double> values)
    {
        double mean = values[0];
        double squares = double.IsFinite(mean) ? 0 : double.NaN;
        for (int index = 1; index < values.Length; index++)
        {
            double difference = values[index] - mean;
            mean += difference / (index + 1);
            squares += difference * (values[index] - mean);
        }
        return squares / values.Length;
    }

    private StepSeries ReduceMixed(Labels labels, List<StepSeries> members, double[]? parameter)
    {
        var result = StepSeries.Empty(labels, steps, members.Exists(static member => member.DropName));
        var floats = new List<double>(members.Count);
        var histograms = new List<(FloatHistogram Histogram, StepSeries Series)>(members.Count);
        for (int step = 0; step < steps; step++)
        {
            floats.Clear();
            histograms.Clear();
            foreach (StepSeries member in members)
            {
                if (member.Histogram(step) is { } histogram)
                {
                    histograms.Add((histogram, member));
                }
                else if (!Sample.IsAbsent(member.Values[step]))
                {
                    floats.Add(member.Values[step]);
                }
            }
            if (floats.Count + histograms.Count > 0)
            {
                result[step] = Mixed(floats, histograms, parameter is null ? 0 : parameter[step]);
            }
        }
        return result;
    }

    private StepSample Mixed(List<double> floats, List<(FloatHistogram Histogram, StepSeries Series)> histograms, double parameter)
    {
        switch (aggregation.Operator)
        {
            case "count":
                return StepSample.Of(floats.Count + histograms.Count);
            case "group":
                return StepSample.Of(1);
            case "sum" or "avg" when histograms.Count > 0:
                if (floats.Count > 0)
                {
                    annotations.Add(Remarks.MixedInAggregation(aggregation.Inner.Range));
                    return StepSample.None;
                }
                return OfHistograms(histograms);
            default:
                if (histograms.Count > 0)
                {
                    annotations.Add(Remarks.IgnoredInAggregation(aggregation.Operator, aggregation.Inner.Range));
                }
                return floats.Count == 0 ? StepSample.None : StepSample.Of(Reduce([.. floats], parameter));
        }
    }

    private StepSample OfHistograms(List<(FloatHistogram Histogram, StepSeries Series)> histograms)
    {
        var sum = new HistogramAccumulator(average: aggregation.Operator == "avg");
        foreach ((FloatHistogram histogram, StepSeries series) in histograms)
        {
            if (!sum.TryAdd(histogram))
            {
                annotations.Add(Remarks.MixedSchemas(series.Labels[Labels.MetricName], aggregation.Inner.Range));
                return StepSample.None;
            }
        }
        if (sum.HintsCollide)
        {
            annotations.Add(Remarks.HintsCollide("aggregation", aggregation.Inner.Range));
        }
        if (sum.BoundsReconciled)
        {
            annotations.Add(Remarks.BoundsReconciled("aggregation", aggregation.Inner.Range));
        }
        return StepSample.Of(sum.Result().Compact());
    }

    private StepVector CountValues(StepVector vector, string label)
    {
        if (label.Length == 0)
        {
            throw new PromQLEvaluationException(QueryFailure.Execution, $"invalid label name {QuotedText.Quote(label)}");
        }
        _grouping.Add(label);
        var counts = new Dictionary<Labels, double[]>();
        foreach (StepSeries member in vector.Series)
        {
            for (int step = 0; step < steps; step++)
            {
                if (!member.Has(step))
                {
                    continue;
                }
                string value = member.Histogram(step)?.ToString() ?? NumberText.Plain(member.Values[step]);
                Labels labels = _grouping.Of(member.Labels.With(label, value));
                if (!counts.TryGetValue(labels, out double[]? count))
                {
                    counts.Add(labels, count = [.. Enumerable.Repeat(Sample.Absent, steps)]);
                }
                count[step] = Sample.IsAbsent(count[step]) ? 1 : count[step] + 1;
            }
        }
        return new StepVector([.. counts.Select(static entry => new StepSeries(entry.Key, entry.Value))]);
    }
}
