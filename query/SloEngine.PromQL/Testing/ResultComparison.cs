using System.Globalization;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Testing;

/// <summary>Compares results with those a script expects.</summary>
internal static class ResultComparison
{
    /// <summary>What differs, or null.</summary>
    public static string? Compare(EvalCommand command, QueryValue value) => value switch
    {
        MatrixResult matrix => CompareMatrix(command, matrix),
        VectorResult vector => CompareVector(command, vector),
        ScalarResult scalar => CompareScalar(command, scalar),
        StringResult text => (command.ExpectedText ?? "") == text.Value ? null : $"expected string \"{command.ExpectedText}\" but got \"{text.Value}\"",
        _ => $"{value.GetType().Name} cannot be compared",
    };

    private static string? CompareScalar(EvalCommand command, ScalarResult scalar)
    {
        if (command.ExpectedScalar is not { } expected)
        {
            return $"expected vector or matrix result, but got scalar: {NumberText.General(scalar.Value)} @[{Number(scalar.TimeMs)}]";
        }
        return Closeness.Equal(expected, scalar.Value) ? null : $"expected scalar {NumberText.General(expected)} but got {NumberText.General(scalar.Value)}";
    }

    private static string? CompareVector(EvalCommand command, VectorResult vector)
    {
        if (command.ExpectedScalar is not null)
        {
            return "expected scalar result, but got vector "
                + string.Join('\n', vector.Samples.Select(sample => $"{sample.Labels} => {Point(sample.Value, sample.Histogram, sample.TimeMs)}"));
        }
        var seen = new HashSet<Labels>();
        for (int index = 0; index < vector.Samples.Count; index++)
        {
            VectorSample sample = vector.Samples[index];
            if (!command.Expected.TryGetValue(sample.Labels, out ExpectedSeries? expected))
            {
                return $"unexpected metric {sample.Labels} in result, has value {Value(sample.Value, sample.Histogram)}";
            }
            if (command.IsOrdered && expected.Position != index + 1)
            {
                return $"expected metric {sample.Labels} with {Sequence(expected.Values)} at position {Number(expected.Position)} but was at {Number(index + 1)}";
            }
            if (CompareSample(expected.Values.Count > 0 ? expected.Values[0] : default, sample) is { } problem)
            {
                return problem;
            }
            seen.Add(sample.Labels);
        }
        foreach ((Labels labels, ExpectedSeries expected) in command.Expected)
        {
            if (!seen.Contains(labels))
            {
                return $"expected metric {labels} with {Number(expected.Position)}: {Sequence(expected.Values)} not found";
            }
        }
        return null;
    }

    private static string? CompareSample(SequenceValue expected, VectorSample sample)
    {
        if (expected.Histogram is null && sample.Histogram is not null)
        {
            return $"expected float value {Sequence(expected)} for {sample.Labels} but got histogram {HistogramText.Notation(sample.Histogram)}";
        }
        if (expected.Histogram is { } histogram)
        {
            if (sample.Histogram is null)
            {
                return $"expected histogram {HistogramText.Notation(histogram)} for {sample.Labels} but got float value {NumberText.General(sample.Value)}";
            }
            return Closeness.Equal(histogram, sample.Histogram, expected.HintIsGiven) ? null
                : $"expected {HistogramText.Notation(histogram)} for {sample.Labels} but got {HistogramText.Notation(sample.Histogram)}";
        }
        return Closeness.Equal(expected.Value, sample.Value) ? null
            : $"expected {NumberText.General(expected.Value)} for {sample.Labels} but got {NumberText.General(sample.Value)}";
    }

    private static string? CompareMatrix(EvalCommand command, MatrixResult matrix)
    {
        if (command.IsOrdered)
        {
            return "expected ordered result, but query returned a matrix";
        }
        if (command.ExpectedScalar is not null)
        {
            return "expected scalar result, but got matrix " + string.Join('\n', matrix.Series.Select(series =>
                $"{series.Labels} =>\n{string.Join('\n', series.Values.Select((value, index) => Point(value, series.Histograms?[index], series.TimesMs[index])))}"));
        }
        for (int index = 1; index < matrix.Series.Count; index++)
        {
            if (matrix.Series[index - 1].Labels.CompareTo(matrix.Series[index].Labels) > 0)
            {
                return "matrix results should always be sorted by labels, but matrix is not sorted";
            }
        }
        var seen = new HashSet<Labels>();
        foreach (ResultSeries series in matrix.Series)
        {
            var actual = new SeriesPoints(series);
            if (!command.Expected.TryGetValue(series.Labels, out ExpectedSeries? expected))
            {
                return $"unexpected metric {series.Labels} in result, has {actual}";
            }
            if (actual.Compare(command, series.Labels, expected.Values) is { } problem)
            {
                return problem;
            }
            seen.Add(series.Labels);
        }
        Labels? missing = command.Expected.Keys.FirstOrDefault(labels => !seen.Contains(labels));
        return missing is null ? null : $"expected metric {missing} not found";
    }

    private static string Point(double value, FloatHistogram? histogram, long timeMs) => $"{Value(value, histogram)} @[{Number(timeMs)}]";

    internal static string Value(double value, FloatHistogram? histogram) => histogram is null ? NumberText.General(value) : HistogramText.Notation(histogram);

    private static string Sequence(SequenceValue value) => value.IsOmitted ? "_" : value.Histogram is { } histogram ? histogram.ToString()
        : double.IsFinite(value.Value) ? value.Value.ToString("F6", CultureInfo.InvariantCulture) : NumberText.Plain(value.Value);

    private static string Sequence(IReadOnlyList<SequenceValue> values) => $"[{string.Join(' ', values.Select(Sequence))}]";

    internal static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
