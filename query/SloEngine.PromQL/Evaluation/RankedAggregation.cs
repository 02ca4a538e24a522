using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Aggregations that keep some of the series as they are: <c>topk</c>, <c>bottomk</c>, <c>limitk</c> and <c>limit_ratio</c>.</summary>
internal sealed class RankedAggregation(Aggregation aggregation, AnnotationSet annotations, int steps)
{
    public StepVector Evaluate(Dictionary<Labels, List<StepSeries>> groups, double[] parameter, int series)
    {
        if (aggregation.Operator == "limit_ratio" ? !CheckRatio(parameter) : !CheckCount(parameter))
        {
            return new StepVector([]);
        }
        var result = new List<StepSeries>();
        foreach (List<StepSeries> members in groups.Values)
        {
            result.AddRange(aggregation.Operator switch
            {
                "limitk" => First(members, parameter),
                "limit_ratio" => Sampled(members, parameter),
                _ => Best(members, parameter, series),
            });
        }
        return new StepVector(result);
    }

    private static bool CheckCount(double[] counts)
    {
        if (counts.Where(static count => !double.IsNaN(count)).DefaultIfEmpty(double.NaN).Max() < 1)
        {
            return false;
        }
        if (Array.Exists(counts, double.IsNaN))
        {
            throw new PromQLEvaluationException(QueryFailure.Execution, "Parameter value is NaN");
        }
        foreach (double count in counts)
        {
            string? wrong = count <= long.MinValue ? "underflows" : count >= long.MaxValue ? "overflows" : null;
            if (wrong is not null)
            {
                throw new PromQLEvaluationException(QueryFailure.Execution, $"Scalar value {NumberText.General(count)} {wrong} int64");
            }
        }
        return true;
    }

    private bool CheckRatio(double[] ratios)
    {
        if (Array.TrueForAll(ratios, static ratio => ratio == 0))
        {
            return false;
        }
        if (Array.Exists(ratios, double.IsNaN))
        {
            throw new PromQLEvaluationException(QueryFailure.Execution, "Ratio value is NaN");
        }
        SourceRange range = aggregation.Parameter!.Range;
        if (ratios.Max() > 1)
        {
            annotations.Add(Remarks.InvalidRatio(ratios.Max(), 1, range));
        }
        if (ratios.Min() < -1)
        {
            annotations.Add(Remarks.InvalidRatio(ratios.Min(), -1, range));
        }
        return true;
    }

    private IEnumerable<StepSeries> First(List<StepSeries> members, double[] counts)
    {
        StepSeries[] kept = Kept(members);
        for (int step = 0; step < steps; step++)
        {
            long left = (long)counts[step];
            for (int index = 0; index < members.Count && left > 0; index++)
            {
                if (members[index].Has(step))
                {
                    kept[index][step] = members[index][step];
                    left--;
                }
            }
        }
        return kept.Where(static series => series.HasAny());
    }

    /// <summary>A part of the series, chosen by a hash of their labels: always the same ones, and a negative ratio chooses the others.</summary>
    private IEnumerable<StepSeries> Sampled(List<StepSeries> members, double[] ratios)
    {
        StepSeries[] kept = Kept(members);
        for (int index = 0; index < members.Count; index++)
        {
            double offset = LabelHash.Of(members[index].Labels) / (double)ulong.MaxValue;
            for (int step = 0; step < steps; step++)
            {
                double ratio = Math.Clamp(ratios[step], -1, 1);
                bool chosen = ratio >= 0 ? offset < ratio : offset >= 1 + ratio;
                if (chosen && members[index].Has(step))
                {
                    kept[index][step] = members[index][step];
                }
            }
        }
        return kept.Where(static series => series.HasAny());
    }

    private IEnumerable<StepSeries> Best(List<StepSeries> members, double[] counts, int series)
    {
        bool largest = aggregation.Operator == "topk";
        StepSeries[] kept = Kept(members);
        int[] order = [];
        for (int step = 0; step < steps; step++)
        {
            int at = step;
            if (members.Exists(member => member.Histogram(at) is not null))
            {
                annotations.Add(Remarks.IgnoredInAggregation(aggregation.Operator, aggregation.Range));
            }
            int count = (int)Math.Clamp((long)counts[step], 0, series);
            order =
            [
                .. Enumerable.Range(0, members.Count)
                    .Where(index => !Sample.IsAbsent(members[index].Values[at]))
                    .OrderBy(index => double.IsNaN(members[index].Values[at]))
                    .ThenBy(index => largest ? -members[index].Values[at] : members[index].Values[at])
                    .Take(count),
            ];
            foreach (int index in order)
            {
                kept[index][step] = members[index][step];
            }
        }
        // A single step gives them in their order.
        return steps == 1 ? order.Select(index => kept[index]) : kept.Where(static one => one.HasAny());
    }

    private StepSeries[] Kept(List<StepSeries> members) => [.. members.Select(member => StepSeries.Empty(member.Labels, steps, member.DropName))];
}
