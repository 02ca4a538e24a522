using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>A value a step: of a scalar, or of one series, where a step may have none (<see cref="Sample.Absent"/>).</summary>
/// <param name="Labels">Labels; empty for a scalar.</param>
/// <param name="Values">A value a step.</param>
internal sealed record StepSeries(Labels Labels, double[] Values);

/// <summary>Values that stand for something else.</summary>
internal static class Sample
{
    /// <summary>Bits of the stale marker, which no operation returns: here it stands for "no sample at this step".</summary>
    private const long AbsentBits = 0x7FF0000000000002;

    public static readonly double Absent = BitConverter.Int64BitsToDouble(AbsentBits);

    public static bool IsAbsent(double value) => BitConverter.DoubleToInt64Bits(value) == AbsentBits;
}

/// <summary>What a node evaluates to over all steps.</summary>
internal abstract record StepValue;

internal sealed record StepScalar(double[] Values) : StepValue;

internal sealed record StepText(string Value) : StepValue;

internal sealed record StepVector(List<StepSeries> Series) : StepValue;
