using SloEngine.Alerting.Backtests;
using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.Slo.Model;
using SloEngine.Storage;

namespace SloEngine.Server.Backtesting;

/// <summary>Carries out backtests over what a store holds.</summary>
internal sealed class BacktestRun(IColumnStore store, PromQLEngine engine, Func<string, ISeriesSource> sources)
{
    /// <summary>Replays a tenant's telemetry.</summary>
    /// <exception cref="FormatException">The request does not fit.</exception>
    /// <exception cref="StoreException">The store cannot be read.</exception>
    public async Task<BacktestReport> RunAsync(BacktestRequest request, string tenant, IProgress<double> progress, CancellationToken cancellation)
    {
        BacktestRange range = request.Range();
        IReadOnlyList<Incident> incidents = request.IncidentList();
        var backtests = new List<Backtest>();
        try
        {
            foreach ((string name, IReadOnlyList<ServiceLevelObjective> slos) in request.Sides())
            {
                backtests.Add(await Backtest.BeginAsync(name, slos, range, cancellation));
            }
            await new HistoryReplay(store, tenant, engine, sources(tenant)).RunAsync(backtests, range, progress, cancellation);
            return new BacktestReport(
                range.From, range.To, range.Step.TotalSeconds, [.. backtests.Select(backtest => backtest.Result(incidents, TimeSpan.FromSeconds(request.GraceSeconds)))]);
        }
        finally
        {
            backtests.ForEach(backtest => backtest.Dispose());
        }
    }
}
