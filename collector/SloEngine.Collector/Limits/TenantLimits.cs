namespace SloEngine.Collector.Limits;

/// <summary>What one tenant may send.</summary>
public sealed record TenantLimits
{
    /// <summary>Decompressed bytes of requests a second; 0 for no limit.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>Bytes that may come at once after a quiet time; 0 for what two seconds bring.</summary>
    public long BurstBytes { get; init; }

    /// <summary>Active series; points of further series are rejected.</summary>
    public int MaxActiveSeries { get; init; } = 1_000_000;

    /// <summary>
    /// Active resources of logs and spans, each scope of one counted, and as many KiB of them; items of further ones are rejected.
    /// </summary>
    public int MaxActiveResources { get; init; } = 100_000;

    /// <summary>Labels of a series.</summary>
    public int MaxLabels { get; init; } = 64;

    /// <summary>Longest label value, in characters.</summary>
    public int MaxLabelValueLength { get; init; } = 2048;

    /// <summary>Longest body of a log record, in bytes; what is longer is cut.</summary>
    public int MaxLogLineBytes { get; init; } = 256 << 10;
}
