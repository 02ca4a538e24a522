using SloEngine.Alerting.Backtests;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.Queries;
using SloEngine.Storage;

namespace SloEngine.Server.Backtesting;

/// <summary>
/// Shows a tenant's stored telemetry to backtests as it came: each point at its own time, to taps of the kind that count live; what queries count, some time after
/// the minute is over. History is read once, however many backtests look at it.
/// </summary>
internal sealed class HistoryReplay(IColumnStore store, string tenant, PromQLEngine engine, ISeriesSource source, TimeSpan queryDelay)
{
    /// <summary>Rows in memory at a time, about.</summary>
    private const long RowsAtOnce = 1_000_000;

    /// <summary>A long history is read in so many stretches at least, so that progress is seen and it can be ended.</summary>
    private const int LeastStretches = 50;

    /// <summary>Longest range of one query.</summary>
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>Replays.</summary>
    /// <param name="backtests">Whom to show it to; all of one range.</param>
    /// <param name="range">The range.</param>
    /// <param name="progress">Told of the share that is done.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="StoreException">The store cannot be read.</exception>
    /// <exception cref="PromQLEvaluationException">What a query counts is more than a query may read.</exception>
    public async Task RunAsync(IReadOnlyList<Backtest> backtests, BacktestRange range, IProgress<double> progress, CancellationToken cancellation)
    {
        ServiceLevelObjective[] slos = [.. backtests.SelectMany(backtest => backtest.Slos).SelectMany(slo => slo.Each())];
        ServiceLevelObjective[] queried = [.. slos.Where(slo => slo.Indicator.IsQueried).DistinctBy(slo => slo.LedgerKey)];
        var minutes = new QueriedMinutes(
            (key, group) => backtests.First(backtest => backtest.Slos.SelectMany(slo => slo.Each()).Any(slo => slo.LedgerKey == key)).Ledger.GroupFor(key, group), engine, _ => source);
        var queries = new QueriedHistory(store, queried, minutes, queryDelay);
        StoredTelemetry telemetry = await StoredTelemetry.FindAsync(store, tenant, slos, cancellation);
        ReplayedBacktest[] shown = [.. backtests.Select(backtest => new ReplayedBacktest(backtest, telemetry.Series))];
        DateTimeOffset begin = backtests.Min(backtest => backtest.Begin);
        TimeSpan chunk = await ChunkAsync(telemetry, begin, range, queries.HasSlos ? Day : TimeSpan.MaxValue, cancellation);
        DateTimeOffset from = begin;
        while (from < range.To)
        {
            DateTimeOffset to = from + chunk < range.To ? from + chunk : range.To;
            IReadOnlyList<StoredStretch> stretches = await telemetry.ReadAsync(from, to, cancellation);
            Queue<LedgerIncrement> counted = await queries.CountAsync(from, to, cancellation);
            Show(shown, stretches, queries, counted, from, to, range.Step);
            cancellation.ThrowIfCancellationRequested();
            from = to;
            progress.Report((to - begin) / (range.To - begin));
        }
    }

    /// <summary>Steps from one time to another: what came is shown, and then all is evaluated.</summary>
    private static void Show(
        ReplayedBacktest[] shown, IReadOnlyList<StoredStretch> stretches, QueriedHistory queries, Queue<LedgerIncrement> counted, DateTimeOffset from, DateTimeOffset to, TimeSpan step)
    {
        var due = new List<LedgerIncrement>();
        var rows = new Range[stretches.Count];
        for (DateTimeOffset now = Earlier(from + step, to); ; now = Earlier(now + step, to))
        {
            long nanos = (now - DateTimeOffset.UnixEpoch).Ticks * 100;
            for (int index = 0; index < rows.Length; index++)
            {
                rows[index] = stretches[index].Until(nanos);
            }
            due.Clear();
            while (counted.TryPeek(out LedgerIncrement increment) && queries.KnownAt(increment) <= now)
            {
                due.Add(counted.Dequeue());
            }
            foreach (ReplayedBacktest backtest in shown)
            {
                Step(backtest, stretches, rows, due, now);
            }
            if (now == to)
            {
                return;
            }
        }
    }

    private static void Step(ReplayedBacktest backtest, IReadOnlyList<StoredStretch> stretches, Range[] rows, List<LedgerIncrement> due, DateTimeOffset now)
    {
        backtest.Backtest.MoveTo(now);
        using (backtest.Backtest.Ledger.BeginBatch())
        {
            for (int index = 0; index < rows.Length; index++)
            {
                stretches[index].Show(rows[index], backtest);
            }
        }
        if (due.Count > 0)
        {
            backtest.Backtest.Ledger.Include(due);
        }
        backtest.Backtest.Evaluate();
    }

    /// <summary>
    /// Length of the stretches that are read at a time: whole minutes, which queries count, and whole steps, so that when it is evaluated does not hang on how it is read.
    /// </summary>
    private static async Task<TimeSpan> ChunkAsync(StoredTelemetry telemetry, DateTimeOffset begin, BacktestRange range, TimeSpan longest, CancellationToken cancellation)
    {
        TimeSpan all = range.To - begin;
        long rows = await telemetry.CountAsync(begin, range.To, cancellation);
        double chunk = Math.Min(longest.TotalSeconds, all.TotalSeconds / Math.Max(LeastStretches, (double)rows / RowsAtOnce));
        TimeSpan unit = 60 * range.Step;
        return Math.Max(1, Math.Floor(chunk / unit.TotalSeconds)) * unit;
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;
}
