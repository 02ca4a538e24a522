using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// Counts what stored points add to SLOs whose past is pending, by the taps that count live points. A point of a series has to come after those
/// before it; the order of series does not matter. Not thread-safe: readers that share the work have one each, of series of their own, and are
/// put together at the end.
/// </summary>
public sealed class PastCounter : IDisposable
{
    private readonly Ledger _taps;
    private readonly Dictionary<PendingPast, Dictionary<string, MinuteSums>> _sums = [];
    private readonly Dictionary<UInt128, SeriesTap> _series = [];
    private readonly ILookup<string, PendingPast> _byMetric;
    private readonly Dictionary<(string? Tenant, string Metric, string Job, string Instance, long Start), long> _began = [];
    private readonly HashSet<SloLedger> _ledgers;
    private readonly List<PastCounter> _others = [];
    private readonly DateTimeOffset _storeSince;

    /// <summary>Creates a counter.</summary>
    /// <param name="pasts">What is pending, all until the same time.</param>
    /// <param name="storeSince">When the store got its first telemetry: counters that began later count from their start.</param>
    /// <param name="time">The clock.</param>
    public PastCounter(IReadOnlyCollection<PendingPast> pasts, DateTimeOffset storeSince, TimeProvider time)
    {
        _storeSince = storeSince;
        _ledgers = [.. pasts.Select(past => past.Ledger)];
        // Points lie in the order of time: none is late.
        _taps = new Ledger(new NoStore(), time, storeSince, new LedgerOptions(TimeSpan.FromDays(1)));
        _byMetric = pasts.SelectMany(past => past.Slo.Indicator.Metrics().Select(metric => (metric, past))).ToLookup(entry => entry.metric, entry => entry.past, StringComparer.Ordinal);
        foreach (PendingPast past in pasts)
        {
            _sums[past] = new(StringComparer.Ordinal);
        }
    }

    /// <summary>The tap of a series; null when nobody looks at it. Points after <see cref="PendingPast.Until"/> are not to be shown.</summary>
    public SeriesTap? Bind(UInt128 id, SeriesView series)
    {
        var listeners = new List<TapListener>();
        foreach (PendingPast past in _byMetric[series.Metric].Concat(_byMetric[series.OtelName]).Distinct().Where(past => past.Slo.IsOf(series.Tenant)))
        {
            Indicator indicator = past.Slo.Indicator;
            TapListener.AddIfMatching(listeners, past.Slo, group => SumsOf(past, group), indicator.Part, series, isPart: true);
            TapListener.AddIfMatching(listeners, past.Slo, group => SumsOf(past, group), indicator.Total, series, isPart: false);
        }
        if (listeners.Count == 0)
        {
            return null;
        }
        var tap = new SeriesTap(_taps, series, [.. listeners]) { DefersFirst = true };
        _series.Add(id, tap);
        return tap;
    }

    /// <summary>Takes in another counter of the same SLOs, which has counted other series: what it came to is added when this one finishes.</summary>
    public void Add(PastCounter other)
    {
        foreach ((UInt128 id, SeriesTap tap) in other._series)
        {
            _series.Add(id, tap);
        }
        _others.Add(other);
    }

    /// <summary>Decides on the first points of series when all have been read, and adds up.</summary>
    public void Finish()
    {
        foreach (SeriesTap tap in _series.Values)
        {
            if (tap.Waiting is { } first)
            {
                (string?, string, string, string, long) stream = Stream(tap.Series, first.Start);
                _began[stream] = Math.Min(_began.GetValueOrDefault(stream, long.MaxValue), first.Time);
            }
        }
        foreach (SeriesTap tap in _series.Values)
        {
            if (tap.Waiting is { } first)
            {
                tap.SettleFirst(null, IsNew(tap.Series, first));
            }
        }
        foreach ((PendingPast past, Dictionary<string, MinuteSums> groups) in _others.SelectMany(static other => other._sums))
        {
            foreach ((string group, MinuteSums sums) in groups)
            {
                SumsOf(past, group).Add(sums);
            }
        }
    }

    /// <summary>
    /// Whether the first point of a series counts in full: its counter began after the store did, or its process had exported the metric before
    /// (a new label set, such as the first error).
    /// </summary>
    internal bool IsNew(SeriesView series, RecentPoint first) =>
        first.Start != 0 && (UnixNanos.Time(first.Start) >= _storeSince || _began.GetValueOrDefault(Stream(series, first.Start), long.MaxValue) < first.Time);

    /// <summary>Whether it counts what a sink of live telemetry waits for.</summary>
    internal bool IsAbout(EventSink sink) => sink is SloLedger ledger && _ledgers.Contains(ledger.Whole);

    /// <summary>What an SLO's minutes came to, oldest first within each group.</summary>
    public IReadOnlyList<LedgerIncrement> Increments(PendingPast past) =>
        [.. _sums[past].SelectMany(group => group.Value.Increments(past.Slo.LedgerKey, group.Key, past.Slo.Indicator.PartIsBad))];

    /// <summary>Where a series stands at the end of what was read; null when it has no points there.</summary>
    internal TapBaseline? BaselineOf(UInt128 id) => _series.GetValueOrDefault(id)?.Baseline;

    /// <inheritdoc/>
    public void Dispose() => _taps.Dispose();

    private MinuteSums SumsOf(PendingPast past, string group)
    {
        if (!_sums[past].TryGetValue(group, out MinuteSums? sums))
        {
            if (_sums[past].Count >= past.Slo.MaxGroups && group != ServiceLevelObjective.OtherGroups)
            {
                return SumsOf(past, ServiceLevelObjective.OtherGroups);
            }
            _sums[past].Add(group, sums = new MinuteSums(UnixNanos.Of(past.Since), UnixNanos.Of(past.Until)));
        }
        return sums;
    }

    /// <summary>A metric of a process, as far as labels tell; the store keeps milliseconds.</summary>
    private static (string?, string, string, string, long) Stream(SeriesView series, long startNanos) =>
        (series.Tenant, series.Metric, series.Labels.GetValueOrDefault("job", ""), series.Labels.GetValueOrDefault("instance", ""), startNanos / 1_000_000);

    /// <summary>The taps' ledger counts nothing itself.</summary>
    private sealed class NoStore : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }
}
