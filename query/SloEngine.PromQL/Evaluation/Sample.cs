using System.Runtime.InteropServices;
using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Values that stand for something else.</summary>
internal static class Sample
{
    /// <summary>Bits of the stale marker, which no operation returns: here it stands for "no float at this step".</summary>
    private const long AbsentBits = 0x7FF0000000000002;

    public static readonly double Absent = BitConverter.Int64BitsToDouble(AbsentBits);

    public static bool AnyAbsent(ReadOnlySpan<double> values) => MemoryMarshal.Cast<double, long>(values).Contains(AbsentBits);

    public static int CountAbsent(ReadOnlySpan<double> values) => MemoryMarshal.Cast<double, long>(values).Count(AbsentBits);

    /// <summary>Position of the first that is there, or -1.</summary>
    public static int FirstPresent(ReadOnlySpan<double> values) => MemoryMarshal.Cast<double, long>(values).IndexOfAnyExcept(AbsentBits);

    public static bool IsAbsent(double value) => BitConverter.DoubleToInt64Bits(value) == AbsentBits;
}

/// <summary>What a function gives for a step: a float, a histogram, or nothing.</summary>
internal readonly record struct StepSample(double Value, FloatHistogram? Histogram)
{
    public static readonly StepSample None = new(Sample.Absent, null);

    public static StepSample Of(double value) => new(value, null);

    public static StepSample Of(FloatHistogram histogram) => new(Sample.Absent, histogram);
}
