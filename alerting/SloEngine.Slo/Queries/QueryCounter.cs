using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Queries;

/// <summary>How queries are evaluated.</summary>
public sealed record QueryCounterOptions
{
    /// <summary>How long after its end a minute, or a heartbeat's interval, is evaluated: its telemetry has to be here by then.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Most minutes that one evaluation asks for, when there is something to catch up with.</summary>
    public int MaxMinutes { get; init; } = 1440;
}

/// <summary>
/// Counts for the SLOs whose indicators only queries can tell: each minute of event time once, or each interval of a heartbeat. What a minute came to is
/// stored before it is counted here, under a token of the SLO's key and the minutes, so that neither a retry nor a restart counts it again. After downtime,
/// and for a new SLO, it goes back over the budget's window as far as there are data.
/// </summary>
/// <param name="ledger">Counts.</param>
/// <param name="store">Keeps what was counted.</param>
/// <param name="engine">Evaluates.</param>
/// <param name="sources">The series of a tenant; of none named, those of the default one.</param>
/// <param name="receiving">When telemetry was taken in, so that a missing heartbeat is told from one that could not come.</param>
/// <param name="options">How queries are evaluated.</param>
/// <param name="time">The clock.</param>
public sealed class QueryCounter(
    Ledger.Ledger ledger, ILedgerStore store, PromQLEngine engine, Func<string?, ISeriesSource> sources, ReceivingMinutes receiving, QueryCounterOptions options, TimeProvider time)
    : IDisposable
{
    /// <summary>How much is evaluated again after a restart where nothing was found.</summary>
    private static readonly TimeSpan MarkEvery = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, Progress> _progress = new(StringComparer.Ordinal);
    private readonly QueriedMinutes _minutes = new(ledger.GroupFor, engine, sources);

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
        TimeSpan interval = slo.Indicator.Total is IntervalMeasure intervals ? intervals.Interval : QueryMeasure.Interval;
        // What counts in one minute is stored together, so that the last minute stored tells where to go on.
        TimeSpan unit = Max(interval, QueryMeasure.Interval);
        if (Known(slo) is not { } known)
        {
            return false;
        }
        DateTimeOffset last = Floor(known, unit);
        if (!_progress.TryGetValue(slo.LedgerKey, out Progress? progress))
        {
            _progress[slo.LedgerKey] = progress = await FirstAsync(slo, last, interval, cancellation);
        }
        if (progress.Next > last)
        {
            return false;
        }
        // A stretch that failed half-way is stored again as it was, or its token would be another one.
        DateTimeOffset end = progress.End ??= Min(last, progress.Next - interval + (unit * options.MaxMinutes));
        IReadOnlyList<LedgerIncrement> counted = progress.Counted ??= await CountAsync(slo, progress, end, interval, cancellation) is { Count: > 0 } some ? some
            : slo.Indicator.Total is QueryMeasure && end - progress.Known >= MarkEvery ? [new LedgerIncrement(MarkKey(slo), "", end - QueryMeasure.Interval, 0, 1)] : [];
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
        _progress[slo.LedgerKey] = new Progress(end + interval, counted.Count > 0 ? end : progress.Known, progress.LastBeats);
        return end < last;
    }

    /// <summary>Up to when an SLO may be evaluated: a heartbeat as far as it is known when telemetry was taken in; null when that is not known yet.</summary>
    private DateTimeOffset? Known(ServiceLevelObjective slo)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (slo.Indicator.Total is not IntervalMeasure)
        {
            return now - options.Delay;
        }
        // Senders that could not reach anybody need time to send again what they have.
        return receiving.KnownUntil is { } known && now >= receiving.Since + options.Delay ? Min(known, now - options.Delay) : null;
    }

    /// <summary>Where to begin: with the first interval that is not evaluated yet, as far as the store tells, at most the budget's window back.</summary>
    private async Task<Progress> FirstAsync(ServiceLevelObjective slo, DateTimeOffset last, TimeSpan interval, CancellationToken cancellation)
    {
        DateTimeOffset since = Floor(last - slo.Window, Max(interval, QueryMeasure.Interval));
        IReadOnlyList<LedgerIncrement> stored = await store.ReadAsync(slo.LedgerKey, since, cancellation);
        // An increment has its minute's start, which is evaluated at its end.
        DateTimeOffset done = stored.Concat(await store.ReadAsync(MarkKey(slo), since, cancellation))
            .Select(increment => increment.Minute + QueryMeasure.Interval).Append(since).Max();
        return new Progress(done + interval, done, stored.Where(increment => increment.Good > 0)
            .GroupBy(increment => increment.Group, increment => increment.Minute + QueryMeasure.Interval).ToDictionary(beats => beats.Key, beats => beats.Max()));
    }

    /// <summary>Key of the marks that tell up to when an SLO was evaluated and nothing found: who has no data is not evaluated anew at every start.</summary>
    private static string MarkKey(ServiceLevelObjective slo) => slo.LedgerKey + "#evaluated";

    private async Task<IReadOnlyList<LedgerIncrement>> CountAsync(
        ServiceLevelObjective slo, Progress progress, DateTimeOffset last, TimeSpan interval, CancellationToken cancellation) => slo.Indicator switch
        {
            { Part: HeartbeatMeasure } => await _minutes.CountHeartbeatsAsync(
                slo, progress.Next, last, await receiving.ReadAsync(progress.Next - Max(interval, QueryMeasure.Interval), cancellation), progress.LastBeats, cancellation),
            { Part: QueryMeasure, Total: QueryMeasure } => await _minutes.CountAsync(slo, progress.Next, last, cancellation),
            _ => throw new InvalidOperationException($"{slo.Id} is not counted by queries"),
        };

    private static DateTimeOffset Floor(DateTimeOffset time, TimeSpan unit) => time - TimeSpan.FromTicks((time - DateTimeOffset.UnixEpoch).Ticks % unit.Ticks);

    private static DateTimeOffset Min(DateTimeOffset left, DateTimeOffset right) => left < right ? left : right;

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    /// <summary>How far an SLO is.</summary>
    /// <param name="next">End of the next interval to evaluate.</param>
    /// <param name="known">End of the last minute that the store tells of.</param>
    /// <param name="lastBeats">When each group was last counted as good.</param>
    private sealed class Progress(DateTimeOffset next, DateTimeOffset known, Dictionary<string, DateTimeOffset> lastBeats)
    {
        public DateTimeOffset Next { get; } = next;

        public DateTimeOffset Known { get; } = known;

        public Dictionary<string, DateTimeOffset> LastBeats { get; } = lastBeats;

        /// <summary>End of the stretch under way.</summary>
        public DateTimeOffset? End { get; set; }

        /// <summary>What it came to.</summary>
        public IReadOnlyList<LedgerIncrement>? Counted { get; set; }
    }
}
