namespace SloEngine.PromQL.Series;

/// <summary>A native histogram with float counts (Prometheus' exponential schema): bucket i covers (2^((i-1)*2^-schema), 2^(i*2^-schema)].</summary>
public sealed class FloatHistogram
{
    /// <summary>Resolution: OTLP's scale, at most 8 (OTLP bucket index i is index i + 1 here).</summary>
    public required int Schema { get; init; }

    /// <summary>Half width of the zero bucket.</summary>
    public double ZeroThreshold { get; init; }

    /// <summary>Observations in the zero bucket.</summary>
    public double ZeroCount { get; init; }

    /// <summary>All observations.</summary>
    public required double Count { get; init; }

    /// <summary>Sum of all observations.</summary>
    public required double Sum { get; init; }

    /// <summary>Index of the first positive bucket.</summary>
    public int PositiveOffset { get; init; }

    /// <summary>Counts (not cumulative) of consecutive positive buckets.</summary>
    public double[] Positive { get; init; } = [];

    /// <summary>Index of the first negative bucket (by absolute value).</summary>
    public int NegativeOffset { get; init; }

    /// <summary>Counts of consecutive negative buckets.</summary>
    public double[] Negative { get; init; } = [];

    /// <summary>Whether this is a gauge histogram: a drop of the count is no reset.</summary>
    public bool IsGauge { get; init; }
}
