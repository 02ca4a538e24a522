using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Queries;

/// <summary>How queries are evaluated.</summary>
public sealed record QueryCounterOptions
{
    /// <summary>How long after its end a minute is evaluated: telemetry of that minute has to be here by then.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Most minutes that one evaluation asks for, when there is something to catch up with.</summary>
    public int MaxMinutes { get; init; } = 1440;
}

/// <summary>
/// Counts for the SLOs whose indicators only queries can tell: each minute of event time once. What a minute came to is stored before it is
/// counted here, under a token of the SLO's key and the minutes, so that neither a retry nor a restart counts it again. After downtime, and for
/// a new SLO, it goes back over the budget's window as far as there are data.
/// </summary>
public sealed class QueryCounter(Ledger.Ledger ledger, ILedgerStore store, PromQLEngine engine, ISeriesSource source, QueryCounterOptions options, TimeProvider time)
    : IDisposable
{
    /// <summary>How much is evaluated again after a restart where nothing was found.</summary>
    private static readonly TimeSpan MarkEvery = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, Progress> _progress = new(StringComparer.Ordinal);

    /// <summary>Runs what replaces the ledger's SLOs: nothing is stored meanwhile, so that what it reads from the store is not counted twice.</summary>
    public async Task SwitchAsync(Func<Task> replace, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            await replace();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Evaluates one stretch of each SLO that is due; true when some SLO has more to catch up with.</summary>
    /// <param name="slos">All SLOs; those that are not queried are passed over.</param>
    /// <param name="failed">Told of each SLO that could not be evaluated; it is tried again the next time.</param>
    /// <param name="cancellation">Ends it early.</param>
    public async Task<bool> TickAsync(IEnumerable<ServiceLevelObjective> slos, Action<ServiceLevelObjective, Exception> failed, CancellationToken cancellation)
    {
        ServiceLevelObjective[] queried = [.. slos.SelectMany(slo => slo.Each()).Where(slo => slo.Indicator.IsQueried).DistinctBy(slo => slo.LedgerKey)];
        foreach (string gone in _progress.Keys.Except(queried.Select(slo => slo.LedgerKey)).ToArray())
        {
            _progress.Remove(gone);
        }
        bool isBehind = false;
        foreach (ServiceLevelObjective slo in queried)
        {
            try
            {
                isBehind |= await EvaluateAsync(slo, cancellation);
            }
            catch (Exception failure) when (failure is not OperationCanceledException || !cancellation.IsCancellationRequested)
            {
                failed(slo, failure);
            }
        }
        return isBehind;
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private async Task<bool> EvaluateAsync(ServiceLevelObjective slo, CancellationToken cancellation)
    {
        DateTimeOffset last = WholeMinute(time.GetUtcNow() - options.Delay);
        if (!_progress.TryGetValue(slo.LedgerKey, out Progress? progress))
        {
            _progress[slo.LedgerKey] = progress = await FirstAsync(slo, last, cancellation);
        }
        if (progress.Next > last)
        {
            return false;
        }
        // A stretch that failed half-way is stored again as it was, or its token would be another one.
        DateTimeOffset end = progress.End ??= Min(last, progress.Next + (QueryMeasure.Interval * (options.MaxMinutes - 1)));
        IReadOnlyList<LedgerIncrement> counted = progress.Counted ??= await CountAsync(slo, progress.Next, end, cancellation) is { Count: > 0 } some ? some
            : end - progress.Known >= MarkEvery ? [new LedgerIncrement(MarkKey(slo), "", end - QueryMeasure.Interval, 0, 1)] : [];
        if (counted.Count > 0)
        {
            await _gate.WaitAsync(cancellation);
            try
            {
                await store.AppendAsync(counted, $"query/{slo.LedgerKey}/{progress.Next.ToUnixTimeSeconds()}-{end.ToUnixTimeSeconds()}", cancellation);
                ledger.Include(counted);
            }
            finally
            {
                _gate.Release();
            }
        }
        _progress[slo.LedgerKey] = new Progress(end + QueryMeasure.Interval, counted.Count > 0 ? end : progress.Known);
        return end < last;
    }

    /// <summary>The first minute that is not evaluated yet, as far as the store tells, at most the budget's window back.</summary>
    private async Task<Progress> FirstAsync(ServiceLevelObjective slo, DateTimeOffset last, CancellationToken cancellation)
    {
        DateTimeOffset since = WholeMinute(last - slo.Window);
        IEnumerable<LedgerIncrement> stored = await store.ReadAsync(slo.LedgerKey, since, cancellation);
        // An increment has its minute's start, which is evaluated at its end.
        DateTimeOffset known = stored.Concat(await store.ReadAsync(MarkKey(slo), since, cancellation))
            .Select(increment => increment.Minute + QueryMeasure.Interval).Append(since).Max();
        return new Progress(known + QueryMeasure.Interval, known);
    }

    /// <summary>Key of the marks that tell up to when an SLO was evaluated and nothing found: who has no data is not evaluated anew at every start.</summary>
    private static string MarkKey(ServiceLevelObjective slo) => slo.LedgerKey + "#evaluated";

    /// <summary>Events of each minute that ends from first to last.</summary>
    private async Task<IReadOnlyList<LedgerIncrement>> CountAsync(ServiceLevelObjective slo, DateTimeOffset first, DateTimeOffset last, CancellationToken cancellation)
    {
        SortedDictionary<long, double> totals = await EventsAsync(slo.Indicator.Total, first, last, cancellation);
        if (totals.Count == 0)
        {
            return [];
        }
        SortedDictionary<long, double> parts = await EventsAsync(slo.Indicator.Part, first, last, cancellation);
        var increments = new List<LedgerIncrement>(totals.Count);
        foreach ((long endMs, double total) in totals)
        {
            // No series of bad (or good) events: there were none.
            double part = Math.Clamp(parts.GetValueOrDefault(endMs), 0, total);
            DateTimeOffset minute = DateTimeOffset.FromUnixTimeMilliseconds(endMs) - QueryMeasure.Interval;
            increments.Add(new LedgerIncrement(slo.LedgerKey, "", minute, slo.Indicator.PartIsBad ? total - part : part, total));
        }
        return increments;
    }

    private async Task<SortedDictionary<long, double>> EventsAsync(Measure measure, DateTimeOffset first, DateTimeOffset last, CancellationToken cancellation)
    {
        var query = (QueryMeasure)measure;
        MatrixResult result = await engine.RangeAsync(
            query.Query.Tree, source, first.ToUnixTimeMilliseconds(), last.ToUnixTimeMilliseconds(), (long)QueryMeasure.Interval.TotalMilliseconds, cancellation);
        var events = new SortedDictionary<long, double>();
        foreach (ResultSeries series in result.Series)
        {
            for (int step = 0; step < series.TimesMs.Length; step++)
            {
                double value = series.Values[step];
                if (series.Histograms?[step] is null && double.IsFinite(value))
                {
                    events[series.TimesMs[step]] = events.GetValueOrDefault(series.TimesMs[step]) + Math.Max(0, query.Events(value));
                }
            }
        }
        return events;
    }

    private static DateTimeOffset WholeMinute(DateTimeOffset time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerMinute), TimeSpan.Zero);

    private static DateTimeOffset Min(DateTimeOffset left, DateTimeOffset right) => left < right ? left : right;

    /// <summary>How far an SLO is.</summary>
    /// <param name="next">End of the next minute to evaluate.</param>
    /// <param name="known">End of the last minute that the store tells of.</param>
    private sealed class Progress(DateTimeOffset next, DateTimeOffset known)
    {
        public DateTimeOffset Next { get; } = next;

        public DateTimeOffset Known { get; } = known;

        /// <summary>End of the stretch under way.</summary>
        public DateTimeOffset? End { get; set; }

        /// <summary>What it came to.</summary>
        public IReadOnlyList<LedgerIncrement>? Counted { get; set; }
    }
}
