using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Testing;

/// <summary>One value of a series in a script: a float, a histogram, or none.</summary>
/// <param name="Value">The float.</param>
/// <param name="Histogram">The histogram, or null.</param>
/// <param name="IsOmitted">Whether there is no sample.</param>
/// <param name="HintIsGiven">Whether a counter reset hint was written out, so that it is to be compared.</param>
public readonly record struct SequenceValue(double Value, FloatHistogram? Histogram = null, bool IsOmitted = false, bool HintIsGiven = false);
