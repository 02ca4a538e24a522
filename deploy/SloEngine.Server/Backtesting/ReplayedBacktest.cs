using SloEngine.Alerting.Backtests;
using SloEngine.Slo.Ledger;

namespace SloEngine.Server.Backtesting;

/// <summary>A backtest with its taps on the series that are replayed.</summary>
internal sealed class ReplayedBacktest(Backtest backtest, IReadOnlyList<StoredSeriesView> series)
{
    public Backtest Backtest => backtest;

    /// <summary>Taps by the number of the series; null where no indicator looks at it.</summary>
    public SeriesTap?[] Taps { get; } = [.. series.Select(one => backtest.Ledger.Bind(one.View))];
}

/// <summary>A series of the store.</summary>
/// <param name="Id">Its id.</param>
/// <param name="View">As indicators look at it.</param>
internal sealed record StoredSeriesView(UInt128 Id, SeriesView View);
