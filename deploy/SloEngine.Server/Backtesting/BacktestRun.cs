using SloEngine.Alerting.Backtests;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Slo.Queries;
using SloEngine.Storage;

namespace SloEngine.Server.Backtesting;

/// <summary>Carries out backtests over what a store holds.</summary>
internal sealed class BacktestRun(IColumnStore store, PromQLEngine engine, Func<string, ISeriesSource> sources, QueryCounterOptions queries)
{
    /// <summary>Replays a tenant's telemetry.</summary>
    /// <exception cref="StoreException">The store cannot be read.</exception>
    /// <exception cref="PromQLEvaluationException">What a query counts is more than a query may read.</exception>
    public async Task<BacktestReport> RunAsync(BacktestPlan plan, IProgress<double> progress, CancellationToken cancellation)
    {
        var backtests = new List<Backtest>();
        try
        {
            foreach (BacktestSlos side in plan.Sides)
            {
                backtests.Add(await Backtest.BeginAsync(side.Name, side.Slos, plan.Range, queries.Delay, cancellation));
            }
            await new HistoryReplay(store, plan.Tenant, engine, sources(plan.Tenant), queries.Delay).RunAsync(backtests, plan.Range, progress, cancellation);
            return new BacktestReport(
                plan.Range.From, plan.Range.To, plan.Range.Step.TotalSeconds, [.. backtests.Select(backtest => backtest.Result(plan.Incidents, plan.Grace))]);
        }
        finally
        {
            backtests.ForEach(backtest => backtest.Dispose());
        }
    }
}
