using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Binary operations over all steps.</summary>
internal static class BinaryOperations
{
    public static StepValue Evaluate(Binary binary, StepValue left, StepValue right) => (left, right) switch
    {
        (StepScalar one, StepScalar other) => new StepScalar(Zip(one.Values, other.Values, (x, y) => Number(binary.Operator, x, y))),
        (StepVector vector, StepScalar scalar) => WithScalar(binary, vector, scalar, scalarOnLeft: false),
        (StepScalar scalar, StepVector vector) => WithScalar(binary, vector, scalar, scalarOnLeft: true),
        (StepVector one, StepVector other) when binary.Operator is "and" or "or" or "unless" => Set(binary, one, other),
        (StepVector one, StepVector other) => Match(binary, one, other),
        _ => throw new PromQLEvaluationException(QueryFailure.Execution, "binary operations take numbers and vectors"),
    };

    private static bool IsComparison(string operation) => operation is "==" or "!=" or ">" or "<" or ">=" or "<=";

    private static double Number(string operation, double x, double y) => operation switch
    {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" => x / y,
        "%" => x % y,
        "^" => Math.Pow(x, y),
        "atan2" => Math.Atan2(x, y),
        _ => Holds(operation, x, y) ? 1 : 0,
    };

    private static bool Holds(string operation, double x, double y) => operation switch
    {
        "==" => x == y,
        "!=" => x != y,
        ">" => x > y,
        "<" => x < y,
        ">=" => x >= y,
        _ => x <= y,
    };

    /// <summary>The value of an operation on samples: a comparison without <c>bool</c> keeps the sample of the left side or drops it.</summary>
    private static double Combine(Binary binary, double x, double y, double kept)
    {
        if (Sample.IsAbsent(x) || Sample.IsAbsent(y))
        {
            return Sample.Absent;
        }
        if (IsComparison(binary.Operator) && !binary.ReturnBool)
        {
            return Holds(binary.Operator, x, y) ? kept : Sample.Absent;
        }
        return Number(binary.Operator, x, y);
    }

    private static StepVector WithScalar(Binary binary, StepVector vector, StepScalar scalar, bool scalarOnLeft)
    {
        bool keepsName = IsComparison(binary.Operator) && !binary.ReturnBool;
        var result = new List<StepSeries>(vector.Series.Count);
        foreach (StepSeries series in vector.Series)
        {
            double[] values = Zip(series.Values, scalar.Values, (sample, number) =>
                scalarOnLeft ? Combine(binary, number, sample, sample) : Combine(binary, sample, number, sample));
            result.Add(new StepSeries(keepsName ? series.Labels : series.Labels.WithoutName(), values));
        }
        return new StepVector(result);
    }

    private static StepVector Set(Binary binary, StepVector left, StepVector right)
    {
        int steps = Steps(left, right);
        ILookup<Labels, StepSeries> rightBySignature = right.Series.ToLookup(series => Signature(series.Labels, binary.Matching!));
        ILookup<Labels, StepSeries> leftBySignature = left.Series.ToLookup(series => Signature(series.Labels, binary.Matching!));
        var result = new List<StepSeries>();
        foreach (StepSeries series in left.Series)
        {
            if (binary.Operator == "or")
            {
                result.Add(series);
                continue;
            }
            bool[] present = Present(rightBySignature[Signature(series.Labels, binary.Matching!)], steps);
            bool keepPresent = binary.Operator == "and";
            result.Add(series with { Values = Masked(series.Values, present, keepPresent) });
        }
        if (binary.Operator == "or")
        {
            foreach (StepSeries series in right.Series)
            {
                bool[] present = Present(leftBySignature[Signature(series.Labels, binary.Matching!)], steps);
                result.Add(series with { Values = Masked(series.Values, present, keep: false) });
            }
        }
        return new StepVector(result);
    }

    private static bool[] Present(IEnumerable<StepSeries> all, int steps)
    {
        var present = new bool[steps];
        foreach (StepSeries series in all)
        {
            for (int step = 0; step < steps; step++)
            {
                present[step] |= !Sample.IsAbsent(series.Values[step]);
            }
        }
        return present;
    }

    private static double[] Masked(double[] values, bool[] present, bool keep)
    {
        var masked = new double[values.Length];
        for (int step = 0; step < values.Length; step++)
        {
            masked[step] = present[step] == keep ? values[step] : Sample.Absent;
        }
        return masked;
    }

    private static StepVector Match(Binary binary, StepVector left, StepVector right)
    {
        VectorMatching matching = binary.Matching!;
        // The "many" side stands on the left from here on.
        bool swapped = matching.Cardinality == MatchCardinality.OneToMany;
        (StepVector many, StepVector one) = swapped ? (right, left) : (left, right);
        Dictionary<Labels, List<StepSeries>> oneBySignature = [];
        foreach (StepSeries series in one.Series)
        {
            Labels signature = Signature(series.Labels, matching);
            if (!oneBySignature.TryGetValue(signature, out List<StepSeries>? same))
            {
                oneBySignature.Add(signature, same = []);
            }
            same.Add(series);
        }
        bool keepsName = IsComparison(binary.Operator) && !binary.ReturnBool;
        var results = new Dictionary<Labels, double[]>();
        foreach (StepSeries series in many.Series)
        {
            Labels signature = Signature(series.Labels, matching);
            if (!oneBySignature.TryGetValue(signature, out List<StepSeries>? partners))
            {
                continue;
            }
            foreach (StepSeries partner in partners)
            {
                double[] values = Zip(series.Values, partner.Values, (x, y) => swapped ? Combine(binary, y, x, y) : Combine(binary, x, y, x));
                Labels labels = ResultLabels(series.Labels, partner.Labels, matching, keepsName);
                Merge(results, labels, values, partners.Count > 1 || matching.Cardinality == MatchCardinality.OneToOne);
            }
        }
        return new StepVector([.. results.Select(entry => new StepSeries(entry.Key, entry.Value))]);
    }

    /// <summary>Adds a result; two at one step mean that the match was not unique.</summary>
    private static void Merge(Dictionary<Labels, double[]> results, Labels labels, double[] values, bool oneToOne)
    {
        if (!results.TryGetValue(labels, out double[]? existing))
        {
            results.Add(labels, values);
            return;
        }
        for (int step = 0; step < values.Length; step++)
        {
            if (Sample.IsAbsent(values[step]))
            {
                continue;
            }
            if (!Sample.IsAbsent(existing[step]))
            {
                throw new PromQLEvaluationException(QueryFailure.Execution, oneToOne
                    ? "found duplicate series for the match group; many-to-many matching not allowed: matching labels must be unique on one side"
                    : "multiple matches for labels: grouping labels must ensure unique matches");
            }
            existing[step] = values[step];
        }
    }

    private static Labels ResultLabels(Labels many, Labels one, VectorMatching matching, bool keepsName)
    {
        Labels labels = keepsName ? many : many.WithoutName();
        if (matching.Cardinality == MatchCardinality.OneToOne)
        {
            return matching.On ? labels.Where(name => matching.Labels.Contains(name)) : labels.Where(name => !matching.Labels.Contains(name));
        }
        foreach (string include in matching.Include)
        {
            labels = labels.With(include, one[include]);
        }
        return labels;
    }

    private static Labels Signature(Labels labels, VectorMatching matching) => matching.On
        ? labels.Where(name => matching.Labels.Contains(name))
        : labels.Where(name => name != Labels.MetricName && !matching.Labels.Contains(name));

    private static int Steps(StepVector left, StepVector right) =>
        left.Series.Count > 0 ? left.Series[0].Values.Length : right.Series.Count > 0 ? right.Series[0].Values.Length : 0;

    private static double[] Zip(double[] left, double[] right, Func<double, double, double> combine)
    {
        var result = new double[left.Length];
        for (int step = 0; step < result.Length; step++)
        {
            result[step] = combine(left[step], right[step]);
        }
        return result;
    }
}
