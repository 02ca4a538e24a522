namespace SloEngine.Slo.Ledger;

/// <summary>How the points of a series are to be read.</summary>
public enum SeriesKind
{
    /// <summary>Values that go up and down.</summary>
    Gauge,
    /// <summary>A monotonic sum.</summary>
    Counter,
    /// <summary>A histogram with explicit bounds.</summary>
    Histogram,
    /// <summary>An exponential histogram.</summary>
    ExponentialHistogram,
}

/// <summary>A series, as far as indicators look at it.</summary>
/// <param name="Metric">Prometheus name (base name of histograms).</param>
/// <param name="OtelName">OpenTelemetry name.</param>
/// <param name="Kind">Kind.</param>
/// <param name="IsDelta">Whether each point counts what happened since the one before.</param>
/// <param name="Labels">Labels without the name.</param>
/// <param name="Bounds">Histogram bounds, ascending.</param>
/// <param name="Stream">Equal for all series of one process and metric.</param>
public sealed record SeriesView(
    string Metric, string OtelName, SeriesKind Kind, bool IsDelta, IReadOnlyDictionary<string, string> Labels, double[] Bounds, string Stream)
{
    /// <summary>Whose it is; null where that is not told apart.</summary>
    public string? Tenant { get; init; }

    /// <summary>The label that an attribute of a name is stored as; null where it is the same, or none.</summary>
    public Func<string, string?> OtherLabel { get; init; } = static _ => null;

    /// <summary>Value of a label, by its name or by that of the attribute that it was, as queries find it; empty when absent.</summary>
    public string Label(string name) => Labels.TryGetValue(name, out string? value) && value.Length > 0 ? value
        : OtherLabel(name) is { } other ? Labels.GetValueOrDefault(other, "") : "";
}
