using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>A series over all steps of an evaluation: floats in a column, and histograms in a second one that most series do not have.</summary>
/// <param name="labels">Labels; empty for a scalar.</param>
/// <param name="values">A float a step, <see cref="Sample.Absent"/> where there is none.</param>
/// <param name="histograms">A histogram a step, or null where there is none; or null if there is none at all.</param>
internal sealed class StepSeries(Labels labels, double[] values, FloatHistogram?[]? histograms = null)
{
    public Labels Labels { get; } = labels;

    public double[] Values { get; } = values;

    public FloatHistogram?[]? Histograms { get; private set; } = histograms;

    /// <summary>
    /// Whether the metric's name is to be dropped from the result: it is kept until then, so that aggregations and messages can use it.
    /// </summary>
    public bool DropName { get; init; }

    public static StepSeries Empty(Labels labels, int steps, bool dropName)
    {
        double[] values = GC.AllocateUninitializedArray<double>(steps);
        Array.Fill(values, Sample.Absent);
        return new StepSeries(labels, values) { DropName = dropName };
    }

    public bool Has(int step) => !Sample.IsAbsent(Values[step]) || Histograms?[step] is not null;

    public FloatHistogram? Histogram(int step) => Histograms?[step];

    public StepSample this[int step]
    {
        get => new(Values[step], Histograms?[step]);
        set
        {
            Values[step] = value.Histogram is null ? value.Value : Sample.Absent;
            if (value.Histogram is not null)
            {
                Histograms ??= new FloatHistogram?[Values.Length];
                Histograms[step] = value.Histogram;
            }
        }
    }

    public bool HasAny()
    {
        for (int step = 0; step < Values.Length; step++)
        {
            if (Has(step))
            {
                return true;
            }
        }
        return false;
    }

    public StepSeries With(Labels labels, bool dropName) => new(labels, Values, Histograms) { DropName = dropName };
}

/// <summary>What a node evaluates to over all steps.</summary>
internal abstract record StepValue;

internal sealed record StepScalar(double[] Values) : StepValue;

internal sealed record StepText(string Value) : StepValue;

internal sealed record StepVector(List<StepSeries> Series) : StepValue;
