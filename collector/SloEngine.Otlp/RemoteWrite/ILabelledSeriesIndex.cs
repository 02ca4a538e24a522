using SloEngine.Otlp.Metrics;

namespace SloEngine.Otlp.RemoteWrite;

/// <summary>A series as Prometheus names it: by labels alone, its name among them.</summary>
/// <param name="Metric">The label <c>__name__</c>.</param>
/// <param name="Kind">Kind, as told by the sender or by the name's suffix.</param>
/// <param name="Unit">Unit as told by the sender; may be empty.</param>
/// <param name="Help">Help as told by the sender; may be empty.</param>
/// <param name="Labels">Other labels, sorted by name, none of them empty.</param>
/// <param name="Bounds">Bounds of a histogram with custom buckets.</param>
public sealed record LabelledSeries(
    string Metric, MetricKind Kind, string Unit, string Help, IReadOnlyList<KeyValuePair<string, string>> Labels, double[] Bounds);

/// <summary>Gives each series a small integer. Implementations are safe for concurrent decoders.</summary>
public interface ILabelledSeriesIndex
{
    /// <summary>Looks up an identity met before; the hot path. A negative reference means that the series was rejected.</summary>
    bool TryGet(UInt128 identity, out int series);

    /// <summary>Registers an identity not met before; a negative number when its samples are to be rejected, with the reason.</summary>
    int Register(UInt128 identity, LabelledSeries series, out string? rejection);
}
