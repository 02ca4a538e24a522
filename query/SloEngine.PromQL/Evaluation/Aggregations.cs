using System.Globalization;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Aggregation operators over all steps.</summary>
internal static class Aggregations
{
    public static StepVector Evaluate(Aggregation aggregation, StepVector vector, double[]? parameter, string? label, int steps)
    {
        var result = new List<StepSeries>();
        foreach (IGrouping<Labels, StepSeries> group in vector.Series.GroupBy(series => Group(series.Labels, aggregation)))
        {
            StepSeries[] members = [.. group];
            switch (aggregation.Operator)
            {
                case "topk" or "bottomk":
                    result.AddRange(Best(members, parameter!, aggregation.Operator == "topk", steps));
                    break;
                case "count_values":
                    result.AddRange(CountValues(group.Key, members, label!, steps));
                    break;
                default:
                    result.Add(new StepSeries(group.Key, Reduce(aggregation.Operator, members, parameter, steps)));
                    break;
            }
        }
        return new StepVector(result);
    }

    private static Labels Group(Labels labels, Aggregation aggregation) => aggregation.Without
        ? labels.Where(name => name != Labels.MetricName && !aggregation.Grouping.Contains(name))
        : labels.Where(name => aggregation.Grouping.Contains(name));

    private static double[] Reduce(string operation, StepSeries[] members, double[]? parameter, int steps)
    {
        var values = new double[steps];
        var present = new double[members.Length];
        for (int step = 0; step < steps; step++)
        {
            int count = 0;
            foreach (StepSeries member in members)
            {
                if (!Sample.IsAbsent(member.Values[step]))
                {
                    present[count++] = member.Values[step];
                }
            }
            values[step] = count == 0 ? Sample.Absent : Reduce(operation, present.AsSpan(0, count), parameter is null ? 0 : parameter[step]);
        }
        return values;
    }

    private static double Reduce(string operation, Span<double> values, double parameter)
    {
        switch (operation)
        {
            case "sum":
                return RangeFunctions.Sum(values);
            case "avg":
                return RangeFunctions.Sum(values) / values.Length;
            case "count":
                return values.Length;
            case "group":
                return 1;
            case "stdvar":
                return RangeFunctions.Variance(values);
            case "stddev":
                return Math.Sqrt(RangeFunctions.Variance(values));
            case "quantile":
                return Quantile.Of(parameter, values);
            default:
                double extreme = values[0];
                foreach (double value in values)
                {
                    extreme = double.IsNaN(extreme) || (operation == "min" ? value < extreme : value > extreme) ? value : extreme;
                }
                return extreme;
        }
    }

    private static IEnumerable<StepSeries> Best(StepSeries[] members, double[] parameter, bool largest, int steps)
    {
        double[][] kept = [.. members.Select(_ => Enumerable.Repeat(Sample.Absent, steps).ToArray())];
        for (int step = 0; step < steps; step++)
        {
            int at = step;
            int count = (int)Math.Clamp(parameter[step], 0, members.Length);
            IEnumerable<int> present = Enumerable.Range(0, members.Length).Where(index => !Sample.IsAbsent(members[index].Values[at]));
            IOrderedEnumerable<int> ordered = present.OrderBy(index => double.IsNaN(members[index].Values[at]) ? 1 : 0);
            ordered = largest ? ordered.ThenByDescending(index => members[index].Values[at]) : ordered.ThenBy(index => members[index].Values[at]);
            foreach (int index in ordered.Take(count))
            {
                kept[index][step] = members[index].Values[step];
            }
        }
        return members.Select((member, index) => member with { Values = kept[index] });
    }

    private static IEnumerable<StepSeries> CountValues(Labels group, StepSeries[] members, string label, int steps)
    {
        var counts = new Dictionary<string, double[]>(StringComparer.Ordinal);
        foreach (StepSeries member in members)
        {
            for (int step = 0; step < steps; step++)
            {
                if (Sample.IsAbsent(member.Values[step]))
                {
                    continue;
                }
                string value = Number(member.Values[step]);
                if (!counts.TryGetValue(value, out double[]? count))
                {
                    counts.Add(value, count = [.. Enumerable.Repeat(Sample.Absent, steps)]);
                }
                count[step] = Sample.IsAbsent(count[step]) ? 1 : count[step] + 1;
            }
        }
        return counts.Select(entry => new StepSeries(group.With(label, entry.Key), entry.Value));
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };
}
