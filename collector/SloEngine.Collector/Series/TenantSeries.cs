using SloEngine.Collector.Resources;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;

namespace SloEngine.Collector.Series;

/// <summary>The index as one decoder of one tenant sees it; counts what it was refused during a request.</summary>
internal sealed class TenantSeries(string tenant, SeriesIndex index) : ISeriesIndex, ILabelledSeriesIndex
{
    private readonly LastResource _last = new(tenant);
    private int _overSeriesLimit;
    private int _overLabelLimit;
    private int _previous = -1;

    /// <summary>Whether its series have been accepted before, so that no limit is asked again.</summary>
    public bool IsAccepted { get; init; }

    public bool TryGet(UInt128 identity, out int series)
    {
        bool known = index.TryGet(identity, _previous, out series);
        _previous = known ? series : -1;
        return known;
    }

    public int Register(UInt128 identity, LabelledSeries series, out string? rejection) => Note(index.Register(tenant, identity, series, out rejection, IsAccepted));

    public int Register(in RawSeries series, out string? rejection) => Note(index.Register(tenant, _last, series, out rejection, IsAccepted));

    /// <summary>A request begins.</summary>
    public void Begin() => (_overSeriesLimit, _overLabelLimit, _previous) = (0, 0, -1);

    /// <summary>Adds to a request's result what it was refused for.</summary>
    public Decoded Told(DecodeResult result) => new(result, _overSeriesLimit, _overLabelLimit);

    private int Note(int series)
    {
        _overSeriesLimit += series == SeriesIndex.OverSeriesLimit ? 1 : 0;
        _overLabelLimit += series == SeriesIndex.OverLabelLimit ? 1 : 0;
        return series;
    }
}

/// <summary>A decoded request.</summary>
/// <param name="Result">What became of its items.</param>
/// <param name="OverSeriesLimit">Series rejected because its tenant has as many as it may.</param>
/// <param name="OverLabelLimit">Series rejected for their labels.</param>
/// <param name="OverResourceLimit">Items rejected because their tenant has as many resources as it may.</param>
internal readonly record struct Decoded(DecodeResult Result, int OverSeriesLimit = 0, int OverLabelLimit = 0, int OverResourceLimit = 0)
{
    /// <summary>Which of its items were rejected; empty when none was.</summary>
    public ReadOnlyMemory<byte> RejectedItems { get; init; }

    /// <summary>Log records whose body was cut.</summary>
    public int CutBodies { get; init; }
}
