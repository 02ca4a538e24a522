using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Binary operations over all steps.</summary>
internal sealed class BinaryOperations(Binary binary, AnnotationSet annotations, int steps)
{
    private readonly ElementOperation _operation = new(binary, annotations);

    public StepValue Evaluate(StepValue left, StepValue right) => (left, right) switch
    {
        (StepScalar one, StepScalar other) => Scalars(one, other),
        (StepVector vector, StepScalar scalar) => WithScalar(vector, scalar, scalarOnLeft: false),
        (StepScalar scalar, StepVector vector) => WithScalar(vector, scalar, scalarOnLeft: true),
        (StepVector one, StepVector other) when binary.IsSet => Set(one, other),
        (StepVector one, StepVector other) => new VectorMatcher(binary, _operation, steps).Match(one, other),
        _ => throw new PromQLEvaluationException(QueryFailure.Execution, "binary operations take numbers and vectors"),
    };

    private StepScalar Scalars(StepScalar left, StepScalar right)
    {
        var values = new double[steps];
        for (int step = 0; step < steps; step++)
        {
            values[step] = ElementOperation.Number(binary.Operator, left.Values[step], right.Values[step]);
        }
        return new StepScalar(values);
    }

    private StepVector WithScalar(StepVector vector, StepScalar scalar, bool scalarOnLeft)
    {
        bool dropsName = binary.ReturnBool || binary.Operator is "+" or "-" or "*" or "/" or "%" or "^" or "atan2";
        var result = new List<StepSeries>(vector.Series.Count);
        foreach (StepSeries series in vector.Series)
        {
            StepSeries one = series.Histograms is null && binary.Operator is not ("</" or ">/")
                ? Floats(series, scalar.Values, scalarOnLeft, series.DropName || dropsName)
                : Mixed(series, scalar.Values, scalarOnLeft, series.DropName || dropsName);
            result.Add(one);
        }
        return new StepVector(result);
    }

    /// <summary>The common case: a series of floats and a number.</summary>
    private StepSeries Floats(StepSeries series, double[] numbers, bool scalarOnLeft, bool dropName)
    {
        var values = new double[steps];
        bool filters = binary.IsComparison && !binary.ReturnBool;
        for (int step = 0; step < steps; step++)
        {
            double sample = series.Values[step];
            if (Sample.IsAbsent(sample))
            {
                values[step] = Sample.Absent;
                continue;
            }
            (double left, double right) = scalarOnLeft ? (numbers[step], sample) : (sample, numbers[step]);
            values[step] = !filters ? ElementOperation.Number(binary.Operator, left, right)
                : ElementOperation.Holds(binary.Operator, left, right) ? sample : Sample.Absent;
        }
        return new StepSeries(series.Labels, values) { DropName = dropName };
    }

    private StepSeries Mixed(StepSeries series, double[] numbers, bool scalarOnLeft, bool dropName)
    {
        var result = StepSeries.Empty(series.Labels, steps, dropName);
        for (int step = 0; step < steps; step++)
        {
            if (!series.Has(step))
            {
                continue;
            }
            StepSample sample = series[step];
            StepSample number = StepSample.Of(numbers[step]);
            ElementResult element = scalarOnLeft ? _operation.Apply(number, sample) : _operation.Apply(sample, number);
            if (element.Failed)
            {
                continue;
            }
            if (binary.ReturnBool)
            {
                result[step] = StepSample.Of(element.Holds ? 1 : 0);
            }
            else if (element.Holds)
            {
                result[step] = binary.IsComparison ? sample : element.Value;
            }
        }
        return result;
    }

    private StepVector Set(StepVector left, StepVector right)
    {
        VectorMatching matching = binary.Matching!;
        if (binary.Operator != "or")
        {
            Dictionary<Labels, bool[]> present = Present(right, matching);
            bool keep = binary.Operator == "and";
            IEnumerable<StepSeries> kept = left.Series.Select(series => Masked(series, present.GetValueOrDefault(Signature.Of(series.Labels, matching)), keep));
            return new StepVector([.. kept.Where(static series => series.HasAny())]);
        }
        Dictionary<Labels, bool[]> already = Present(left, matching);
        var merger = new SeriesMerger();
        foreach (StepSeries series in left.Series)
        {
            merger.Add(series);
        }
        foreach (StepSeries series in right.Series)
        {
            StepSeries others = Masked(series, already.GetValueOrDefault(Signature.Of(series.Labels, matching)), keep: false);
            if (others.HasAny())
            {
                merger.Add(others);
            }
        }
        return new StepVector(merger.Series);
    }

    /// <summary>At which steps there is a sample with a signature.</summary>
    private Dictionary<Labels, bool[]> Present(StepVector vector, VectorMatching matching)
    {
        var all = new Dictionary<Labels, bool[]>();
        foreach (StepSeries series in vector.Series)
        {
            Labels signature = Signature.Of(series.Labels, matching);
            if (!all.TryGetValue(signature, out bool[]? present))
            {
                all.Add(signature, present = new bool[steps]);
            }
            for (int step = 0; step < steps; step++)
            {
                present[step] |= series.Has(step);
            }
        }
        return all;
    }

    private StepSeries Masked(StepSeries series, bool[]? present, bool keep)
    {
        if (present is null)
        {
            return keep ? StepSeries.Empty(series.Labels, steps, series.DropName) : series;
        }
        var masked = StepSeries.Empty(series.Labels, steps, series.DropName);
        for (int step = 0; step < steps; step++)
        {
            if (present[step] == keep)
            {
                masked[step] = series[step];
            }
        }
        return masked;
    }
}

/// <summary>The labels by which series of two vectors are matched.</summary>
internal static class Signature
{
    public static Labels Of(Labels labels, VectorMatching matching) => matching.On
        ? labels.Where(matching.Labels.Contains)
        : labels.Where(name => name != Labels.MetricName && !matching.Labels.Contains(name));
}
