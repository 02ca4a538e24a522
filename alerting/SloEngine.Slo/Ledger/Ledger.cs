using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// Good and total events of every SLO, counted as telemetry passes. Counting happens between <see cref="BeginBatch"/> and its end: one lock
/// a batch, none a point. Reading takes the same lock for a moment.
/// </summary>
public sealed class Ledger : IDisposable
{
    /// <summary>How long taps may take to listen to new SLOs.</summary>
    private static readonly TimeSpan TapDelay = TimeSpan.FromSeconds(2);

    private readonly ILedgerStore _store;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly LedgerOddities _oddities;

    private readonly LedgerAppends _appends;

    /// <summary>Ledgers that are gone, while taps may still tell them what comes.</summary>
    private readonly List<SloLedger> _gone = [];
    private bool _isRetapped;

    private Dictionary<string, SloLedger> _ledgers = new(StringComparer.Ordinal);
    private Dictionary<string, SloView> _views = new(StringComparer.Ordinal);
    private ListeningLedgers _listeners = new([]);
    private PendingPast[] _pending = [];

    /// <summary>Creates a ledger without SLOs.</summary>
    /// <param name="store">Keeps it over restarts.</param>
    /// <param name="time">The clock.</param>
    /// <param name="since">Time since which counters that begin are counted from their start; null for now.</param>
    /// <param name="options">What it takes; null for the defaults.</param>
    public Ledger(ILedgerStore store, TimeProvider time, DateTimeOffset? since = null, LedgerOptions? options = null)
    {
        (_store, _time, Now, Options) = (store, time, time.GetUtcNow(), options ?? LedgerOptions.Default);
        _appends = new LedgerAppends(store, _gate, time);
        Since = since ?? Now;
        Streams = new SeenStreams(Since);
        _oddities = new LedgerOddities(Options.MeterName);
    }

    /// <summary>Time since which counters that begin are counted from their start.</summary>
    public DateTimeOffset Since { get; }

    internal LedgerOptions Options { get; }

    /// <summary>The time of the batch.</summary>
    internal DateTimeOffset Now
    {
        get;
        private set
        {
            field = value;
            NowNanos = UnixNanos.Of(value);
        }
    }

    /// <summary>The time of the batch, in nanoseconds since the Unix epoch.</summary>
    internal long NowNanos { get; private set; }

    /// <summary>Memory of the rings, in bytes.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _ledgers.Values.Sum(ledger => ledger.Bytes);
            }
        }
    }

    /// <summary>SLOs whose past is to be read from stored telemetry, where somebody does (<see cref="LedgerOptions.ReadsPast"/>).</summary>
    public IReadOnlyList<PendingPast> Pending => Volatile.Read(ref _pending);

    /// <summary>Whether an indicator looks at spans.</summary>
    public bool ListensToSpans => _listeners.HasSpans;

    /// <summary>Whether an indicator looks at log records.</summary>
    public bool ListensToLogs => _listeners.HasLogs;

    /// <summary>Replaces the SLOs, without corrections.</summary>
    public Task SetSlosAsync(IReadOnlyList<ServiceLevelObjective> slos, CancellationToken cancellation) => SetSlosAsync(slos, [], cancellation);

    /// <summary>
    /// Replaces the SLOs and corrections of what they count: ledgers of unchanged ones go on, others are counted anew from the store. One call at a time.
    /// </summary>
    public async Task SetSlosAsync(IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<BudgetCorrection> corrections, CancellationToken cancellation)
    {
        var ledgers = new Dictionary<string, SloLedger>(StringComparer.Ordinal);
        var unread = new List<(SloLedger Ledger, TimeSpan Reach, IReadOnlyList<LedgerIncrement> Stored)>();
        ServiceLevelObjective[] all = [.. slos.SelectMany(slo => slo.Each())];
        Dictionary<string, TimeSpan> reaches = Reaches(all);
        foreach (IGrouping<string, ServiceLevelObjective> sharing in all.Where(slo => slo.Composite is null).GroupBy(slo => slo.LedgerKey))
        {
            ServiceLevelObjective[] objectives = [.. sharing];
            TimeSpan reach = objectives.Max(slo => reaches.GetValueOrDefault(slo.Id, slo.Window));
            BudgetCorrection[] own = [.. corrections.Where(correction => correction.IsFor(objectives))];
            SloLedger? known = _ledgers.GetValueOrDefault(sharing.Key);
            SloLedger ledger = known?.HasGroupsOf(objectives[0]) == true ? known : new SloLedger(this, objectives, reach, own);
            if (ledger != known || !ledger.Fits(objectives, reach, own))
            {
                if (ledger != known && await StoredBeforePastAsync(ledger, reach, cancellation) is { } stored)
                {
                    unread.Add((ledger, reach, stored));
                }
                else
                {
                    await CountAnewAsync(ledger, objectives, reach, own, cancellation);
                }
            }
            ledgers[sharing.Key] = ledger;
        }
        lock (_gate)
        {
            foreach (SloLedger gone in _ledgers.Values.Except(ledgers.Values))
            {
                _appends.Leave(gone);
                _gone.Add(gone);
            }
            (_ledgers, _isRetapped) = (ledgers, false);
            _pending = [.. _pending.Where(past => ledgers.ContainsValue(past.Ledger)), .. AwaitPast(unread)];
            _views = new(StringComparer.Ordinal);
            foreach (ServiceLevelObjective composite in all.Where(slo => slo.Composite is not null))
            {
                _views[composite.Id] = new SloView(composite, null, _views);
            }
            foreach (IGrouping<string, ServiceLevelObjective> sharing in all.Where(slo => slo.Composite is null).GroupBy(slo => slo.LedgerKey))
            {
                SloLedger ledger = ledgers[sharing.Key];
                ledger.Define([.. sharing]);
                ledger.Successor = null;
                ShowAll(ledger);
            }
            _listeners = new ListeningLedgers(ledgers.Values);
        }
    }

    /// <summary>
    /// A ledger of its own with what has been counted of an SLO until now, under other corrections: it tells what they would come to. Nothing changes here, and
    /// nothing is counted there; to be disposed by the caller.
    /// </summary>
    public async Task<Ledger> CopyAsync(ServiceLevelObjective slo, IReadOnlyList<BudgetCorrection> corrections, CancellationToken cancellation)
    {
        var own = new List<LedgerIncrement>();
        var others = new List<LedgerIncrement>();
        foreach (string key in slo.Each().Select(objective => objective.LedgerKey).Distinct())
        {
            await _appends.WithCountedAsync(
                key,
                slo.Window,
                history =>
                {
                    _ledgers.GetValueOrDefault(key)?.AddUnsaved(history.Own);
                    own.AddRange(history.Own);
                    others.AddRange(history.Others);
                },
                cancellation);
        }
        var copy = new Ledger(new CountedMinutes(own, others), _time, Since, Options with { ReadsPast = false, MeterName = "SloEngine.Slo.Copy" });
        await copy.SetSlosAsync([slo], corrections, cancellation);
        return copy;
    }

    /// <summary>Stores what was taken; when the task completes it survives the end of the process. May be repeated with the same token when it fails.</summary>
    public Task SaveAsync(IReadOnlyList<LedgerIncrement> taken, string token, CancellationToken cancellation) => _appends.SaveAsync(taken, token, cancellation);

    /// <summary>
    /// Adds what other nodes have counted meanwhile, as the store has it: a node counts the telemetry that it takes in, and every one knows the sums.
    /// </summary>
    /// <param name="reach">How far back to look for minutes that have changed.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task RefreshOthersAsync(TimeSpan reach, CancellationToken cancellation)
    {
        DateTimeOffset began = _time.GetUtcNow();
        ILookup<string, LedgerIncrement> others = (await _store.ReadOthersAsync(null, began - reach, cancellation)).ToLookup(increment => increment.Key);
        lock (_gate)
        {
            foreach ((string key, SloLedger ledger) in _ledgers)
            {
                if (ledger.Others is not null || others.Contains(key))
                {
                    (ledger.Others ??= new OtherNodes(ledger)).Refresh(others[key], began);
                }
            }
        }
    }

    /// <summary>
    /// The store is about to be read, perhaps again: all that has been shown to taps is in it. What comes from now on, however late, counts as it passes.
    /// </summary>
    public void ReadPast(IEnumerable<PendingPast> pasts)
    {
        lock (_gate)
        {
            foreach (PendingPast past in pasts)
            {
                past.AddStored(past.Ledger.ReadPast(past.Until));
            }
        }
    }

    /// <summary>
    /// Takes in what the past of some SLOs came to. It replaces what had been stored of the same time (by a process that ended before this was
    /// done), but for times that no telemetry is left of; stored at once with the marks that it is done.
    /// </summary>
    public async Task AddPastAsync(IReadOnlyList<(PendingPast Past, IReadOnlyList<LedgerIncrement> Counted)> pasts, CancellationToken cancellation)
    {
        var changes = new List<LedgerIncrement>();
        foreach ((PendingPast past, IReadOnlyList<LedgerIncrement> counted) in pasts)
        {
            past.AddChanges(counted, changes);
            // An event, because the store forgets rows that add nothing.
            changes.Add(new LedgerIncrement(PastMark(past.Slo.LedgerKey), "", past.Until, 1, 1));
        }
        await _appends.AppendAsync(changes, $"past/{pasts[0].Past.Slo.LedgerKey}/{pasts[0].Past.Until.ToUnixTimeSeconds()}", TakeIn, cancellation);
        // What other nodes have counted since is not in what was read.
        await RefreshOthersAsync(_time.GetUtcNow() - pasts.Min(added => added.Past.Until) + Objective.Minute, cancellation);

        void TakeIn()
        {
            foreach ((PendingPast past, IReadOnlyList<LedgerIncrement> counted) in pasts)
            {
                lock (_gate)
                {
                    Now = _time.GetUtcNow();
                    past.Ledger.TakePast([.. past.StoredBefore(counted), .. counted]);
                    _pending = [.. _pending.Where(other => other != past)];
                }
            }
        }
    }

    /// <summary>How much of an SLO's past has been read, 0 to 1; null when none is pending.</summary>
    public double? PastProgress(string id)
    {
        lock (_gate)
        {
            // One that is not known yet is about to be.
            return _views.TryGetValue(id, out SloView? view) ? view.PastProgress(_pending) : Options.ReadsPast ? 0 : null;
        }
    }

    /// <summary>What of an SLO is evaluated on its own: each of its objectives, and of each every group that has been seen.</summary>
    public IReadOnlyList<ServiceLevelObjective> Evaluated(ServiceLevelObjective slo)
    {
        if (slo.Objectives.Count == 1 && slo.GroupBy.Count == 0)
        {
            return [slo];
        }
        lock (_gate)
        {
            var all = new List<ServiceLevelObjective>();
            foreach (ServiceLevelObjective objective in slo.Each())
            {
                all.Add(objective);
                if (_ledgers.TryGetValue(objective.LedgerKey, out SloLedger? ledger))
                {
                    all.AddRange(ledger.Groups.Values.SelectMany(group => group.Slos)
                        .Where(group => group.Id.StartsWith(objective.Id + "{", StringComparison.Ordinal)));
                }
            }
            return all;
        }
    }

    /// <summary>Enters the stretch in which taps and <c>Observe</c> may be called; dispose the scope to leave it.</summary>
    public Lock.Scope BeginBatch()
    {
        Lock.Scope scope = _gate.EnterScope();
        Now = _time.GetUtcNow();
        return scope;
    }

    /// <summary>The tap of a series: null when no indicator looks at it.</summary>
    public SeriesTap? Bind(SeriesView series) => _listeners.Bind(this, series);

    /// <summary>All taps in use have been bound since the SLOs were replaced: those from before have told what they tell.</summary>
    public void Retapped()
    {
        lock (_gate)
        {
            _isRetapped = true;
        }
    }

    /// <summary>Shows a span that ended at a time, within a batch.</summary>
    public void Observe(in SpanView span, long endNanos) => _listeners.Observe(span, endNanos);

    /// <summary>Shows a log record of a time, within a batch.</summary>
    public void Observe(in LogView log, long nanos) => _listeners.Observe(log, nanos);

    /// <summary>Takes what has been counted since the last call: whoever takes it sees to it that the store gets it, by <see cref="SaveAsync"/>.</summary>
    public IReadOnlyList<LedgerIncrement> TakeUnsaved()
    {
        var increments = new List<LedgerIncrement>();
        lock (_gate)
        {
            _oddities.Export();
            _appends.TakeLeft(increments);
            foreach (SloLedger ledger in _ledgers.Values.Concat(_gone))
            {
                ledger.TakeUnsaved(increments);
            }
            if (_isRetapped)
            {
                _gone.Clear();
            }
            if (increments.Count > 0)
            {
                _appends.NoteTaken(increments);
            }
        }
        return increments;
    }

    /// <summary>Takes in what has just been stored by others than <see cref="TakeUnsaved"/>: what queries counted.</summary>
    public void Include(IReadOnlyList<LedgerIncrement> stored)
    {
        lock (_gate)
        {
            Now = _time.GetUtcNow();
            foreach (LedgerIncrement increment in stored)
            {
                _ledgers.GetValueOrDefault(increment.Key)?.Include(increment);
            }
        }
    }

    /// <summary>The group that events of a group count in: itself, or that of all others when there are as many as there may be.</summary>
    public string GroupFor(string key, string group)
    {
        lock (_gate)
        {
            return group.Length > 0 && _ledgers.TryGetValue(key, out SloLedger? ledger) ? ledger.ForGroup(group).Group : group;
        }
    }

    /// <summary>Events of an SLO in (now - window, now], or slices, by its budgeting method.</summary>
    public WindowSum Sum(string id, DateTimeOffset now, TimeSpan window)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.Sum(now, window) ?? default;
        }
    }

    /// <summary>Reads several windows that end now.</summary>
    public void Sum(string id, DateTimeOffset now, ReadOnlySpan<TimeSpan> windows, Span<WindowSum> sums)
    {
        lock (_gate)
        {
            SloView? view = _views.GetValueOrDefault(id);
            for (int index = 0; index < windows.Length; index++)
            {
                sums[index] = view?.Sum(now, windows[index]) ?? default;
            }
        }
    }

    /// <summary>Events or slices, by its budgeting method, of the window of an SLO's budget that a moment is in, up to the moment.</summary>
    public WindowSum BudgetSum(string id, DateTimeOffset now)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.BudgetSum(now) ?? default;
        }
    }

    /// <summary>Events of an SLO in (now - window, now], whatever its budgeting method.</summary>
    public WindowSum Events(string id, DateTimeOffset now, TimeSpan window)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.Events(now, window) ?? default;
        }
    }

    /// <summary>Events of an SLO in (end - window, end], by whole minutes, or longer slots for times past (<see cref="Resolution"/>).</summary>
    public WindowSum MinuteSum(string id, DateTimeOffset end, TimeSpan window)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.MinuteSum(end, window) ?? default;
        }
    }

    /// <summary>The slots that sums of an SLO since a time are made of.</summary>
    public TimeSpan Resolution(string id, DateTimeOffset since)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.Resolution(since) ?? Objective.Minute;
        }
    }

    /// <summary>
    /// End of the newest window that telemetry of an SLO fills, with or without events; null when telemetry is silent, or does not reach
    /// back over the whole window yet.
    /// </summary>
    public DateTimeOffset? FilledUntil(string id, DateTimeOffset now, TimeSpan window)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.FilledUntil(now, window);
        }
    }

    /// <summary>Start of the first minute of an SLO that the ledger has data of; null without any.</summary>
    public DateTimeOffset? FirstData(string id)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.FirstData();
        }
    }

    /// <summary>Share of the minutes of a window, of those since the SLO's first data, that have data; of a composite that of the least covered member.</summary>
    public double Coverage(string id, DateTimeOffset now, TimeSpan window)
    {
        lock (_gate)
        {
            return _views.GetValueOrDefault(id)?.Coverage(now, window) ?? 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _oddities.Dispose();
        _appends.Dispose();
    }

    /// <summary>Makes the SLOs of a new group known, if its ledger is in use.</summary>
    internal void Show(SloLedger group)
    {
        if (_ledgers.GetValueOrDefault(group.Slo.LedgerKey) == group.Whole)
        {
            ShowOne(group);
        }
    }

    private void ShowAll(SloLedger whole)
    {
        foreach (SloLedger ledger in whole.Groups.Values.Prepend(whole))
        {
            ShowOne(ledger);
        }
    }

    private void ShowOne(SloLedger ledger)
    {
        foreach (ServiceLevelObjective slo in ledger.Slos)
        {
            _views[slo.Id] = new SloView(slo, ledger, _views);
        }
    }

    /// <summary>What processes have exported.</summary>
    internal SeenStreams Streams { get; }

    /// <summary>Notes that something did not count as it came.</summary>
    internal void Note(LedgerOddity oddity) => _oddities.Note(oddity);

    /// <summary>Key under which the store knows that an SLO's past has been read.</summary>
    public static string PastMark(string key) => "past/" + key;

    /// <summary>How far back each SLO is asked for: over its own window, or the longer one of a composite that it is in.</summary>
    private static Dictionary<string, TimeSpan> Reaches(ServiceLevelObjective[] all)
    {
        var reaches = new Dictionary<string, TimeSpan>(StringComparer.Ordinal);
        foreach (ServiceLevelObjective composite in all)
        {
            foreach (CompositeMember member in composite.Composite ?? [])
            {
                foreach (ServiceLevelObjective slo in all.Where(slo => slo.Id == member.Slo || slo.Parent == member.Slo))
                {
                    TimeSpan known = reaches.GetValueOrDefault(slo.Id, slo.Window);
                    reaches[slo.Id] = known > composite.Window ? known : composite.Window;
                }
            }
        }
        return reaches;
    }

    /// <summary>What the store has of a new ledger whose past is to be read from stored telemetry; null when that has been done, or nobody does.</summary>
    private async Task<IReadOnlyList<LedgerIncrement>?> StoredBeforePastAsync(SloLedger ledger, TimeSpan reach, CancellationToken cancellation)
    {
        string key = ledger.Slo.LedgerKey;
        if (!Options.ReadsPast || !ledger.Slo.Indicator.IsTapped
            || (await _store.ReadAsync(PastMark(key), DateTimeOffset.UnixEpoch, cancellation)).Count > 0)
        {
            return null;
        }
        return await _store.ReadAsync(key, _time.GetUtcNow() - reach, cancellation);
    }

    /// <summary>Leaves the past of new ledgers, which are listened to from now on, to those who read it from stored telemetry: of all until the same moment.</summary>
    private List<PendingPast> AwaitPast(List<(SloLedger Ledger, TimeSpan Reach, IReadOnlyList<LedgerIncrement> Stored)> unread)
    {
        Now = _time.GetUtcNow();
        // The last fine slot that telemetry may be in until taps listen.
        DateTimeOffset until = DateTimeOffset.UnixEpoch + (Math.Ceiling((Now + TapDelay - DateTimeOffset.UnixEpoch) / TieredSums.FineSlot) * TieredSums.FineSlot);
        var pending = new List<PendingPast>();
        foreach ((SloLedger ledger, TimeSpan reach, IReadOnlyList<LedgerIncrement> stored) in unread)
        {
            ledger.AwaitPast(until);
            pending.Add(new PendingPast(ledger, Now - reach, until, stored));
        }
        return pending;
    }

    /// <summary>Fills a ledger from the store, and from what is not there yet: what passes meanwhile is in the ledger itself.</summary>
    private Task CountAnewAsync(
        SloLedger ledger, ServiceLevelObjective[] objectives, TimeSpan reach, BudgetCorrection[] corrections, CancellationToken cancellation)
    {
        string key = objectives[0].LedgerKey;
        return _appends.WithCountedAsync(
            key,
            reach,
            history =>
            {
                Now = _time.GetUtcNow();
                if (_ledgers.TryGetValue(key, out SloLedger? before) && before != ledger)
                {
                    history.Own.AddRange(_appends.Leave(before));
                    before.Successor = ledger;
                }
                ledger.CountAnew(objectives, reach, corrections, history);
                if (before == ledger)
                {
                    // Who asks meanwhile asks for what is counted now.
                    ShowAll(ledger);
                }
            },
            cancellation);
    }
}
