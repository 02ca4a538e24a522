using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// Good and total events of one indicator, or of one group of it. Events of the slot under way are summed up first, so that most cost two
/// additions. Guarded by the <see cref="Ledger"/>'s gate.
/// </summary>
internal sealed class SloLedger : EventSink
{
    private const long NanosPerTick = 100;
    private static readonly TimeSpan LargestSkew = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly long FineSlotNanos = TieredSums.FineSlot.Ticks * NanosPerTick;
    private static readonly long LargestSkewNanos = LargestSkew.Ticks * NanosPerTick;

    private readonly Ledger _ledger;
    private readonly SloLedger? _whole;
    private TimeSpan _reach;
    private long _latenessNanos;
    private IReadOnlyList<BudgetCorrection> _corrections;
    private ExcludedTimes _excluded;
    private readonly Dictionary<(BudgetingMethod, TimeSpan, double), SliceSums> _slices = [];
    private SliceSums[] _sliced = [];
    private TieredSums _events;
    private readonly UnsavedMinutes _unsaved = new();
    private readonly Dictionary<string, SloLedger> _groups = new(StringComparer.Ordinal);
    private bool _partIsBad;
    private bool _isSaved;
    private bool _excludes;
    private long _lastNanos;
    private long _openNanos;
    private long _closeNanos;
    private bool _isOpenDirty;
    private double _openPart;
    private double _openTotal;

    /// <summary>Minute of the slots that have been closed last, which go into the coarser tiers together; -1 for none. Minutes are since the Unix epoch.</summary>
    private long _minute = -1;
    private long _firstMinute;
    private bool _isMinuteDirty;
    private double _minuteGood;
    private double _minuteTotal;
    private double _unsavedGood;
    private double _unsavedTotal;

    /// <summary>What came while the past is being read, excluded or not; null when it is not.</summary>
    private List<(DateTimeOffset Time, double Good, double Total)>? _sincePast;
    private long _pastUntil;

    /// <summary>Creates the ledger of the objectives of an SLO that have one indicator; to be filled by <see cref="CountAnew"/> or <see cref="TakePast"/>.</summary>
    public SloLedger(
        Ledger ledger, IReadOnlyList<ServiceLevelObjective> slos, TimeSpan reach, IReadOnlyList<BudgetCorrection> corrections, SloLedger? whole = null, string group = "")
    {
        (_ledger, _whole, Group) = (ledger, whole, group);
        Clear(slos, reach, corrections);
    }

    /// <summary>The first of the objectives.</summary>
    public ServiceLevelObjective Slo { get; private set; }

    /// <summary>The objectives, each as an SLO.</summary>
    public IReadOnlyList<ServiceLevelObjective> Slos { get; private set; }

    /// <summary>Group that it counts; empty for all.</summary>
    public string Group { get; }

    /// <summary>What other nodes count of it; null when none does.</summary>
    public OtherNodes? Others { get; set; }

    /// <summary>Who takes its place, and counts what it still counts: it tells other groups apart. Null for none.</summary>
    public SloLedger? Successor { get; set; }

    /// <summary>Start of the first minute with data.</summary>
    public DateTimeOffset? FirstMinute => _firstMinute == long.MaxValue ? null : DateTimeOffset.UnixEpoch.AddTicks(_firstMinute * TimeSpan.TicksPerMinute);

    /// <summary>Groups of it, by what tells them apart.</summary>
    public IReadOnlyDictionary<string, SloLedger> Groups => _groups;

    /// <summary>Memory of its rings, in bytes.</summary>
    public long Bytes => _events.Bytes + _slices.Values.Sum(slices => slices.Bytes) + _groups.Values.Sum(group => group.Bytes);

    /// <summary>Whether it can go on for other definitions and corrections: what it has summed up is what they ask for.</summary>
    public bool Fits(IReadOnlyList<ServiceLevelObjective> slos, TimeSpan reach, IReadOnlyList<BudgetCorrection> corrections) =>
        Slo.BudgetWindow == slos[0].BudgetWindow && Slo.Lateness == slos[0].Lateness && _reach == reach
        && HasGroupsOf(slos[0]) && Slo.Exclusions.SequenceEqual(slos[0].Exclusions) && _corrections.SequenceEqual(corrections)
        && slos.All(slo => slo.Method == BudgetingMethod.Occurrences || _slices.ContainsKey(SliceKey(slo)));

    /// <summary>Whether another definition tells the same groups apart.</summary>
    public bool HasGroupsOf(ServiceLevelObjective slo) => Slo.GroupBy.SequenceEqual(slo.GroupBy);

    /// <summary>Goes on for other definitions that it fits.</summary>
    public void Define(IReadOnlyList<ServiceLevelObjective> slos)
    {
        SetSlos(slos);
        foreach (SloLedger group in _groups.Values)
        {
            group.Define(SlosOf(group.Group));
        }
    }

    /// <summary>
    /// Sums up anew, for other definitions or corrections, what is stored and what is not yet. Taps go on adding to it as before.
    /// </summary>
    /// <param name="slos">The objectives.</param>
    /// <param name="reach">How far back sums are asked for.</param>
    /// <param name="corrections">Corrections of them and of their groups.</param>
    /// <param name="history">Minutes of other nodes, and own ones that were taken by <see cref="TakeUnsaved"/>; what was not is added to them.</param>
    public void CountAnew(IReadOnlyList<ServiceLevelObjective> slos, TimeSpan reach, IReadOnlyList<BudgetCorrection> corrections, LedgerHistory history)
    {
        AddUnsaved(history.Own);
        Clear(slos, reach, corrections);
        Fill(history.All);
        if (history.Others.Count > 0)
        {
            (Others = new OtherNodes(this)).Note(history.Others, history.OthersRead);
        }
    }

    /// <summary>
    /// Adds part and total events as the indicator counts them, together or apart: bad ones are total minus good. None at all is a message,
    /// too: telemetry flows and there was no traffic.
    /// </summary>
    public override void Add(long nanos, double part, double total)
    {
        if ((nanos < _openNanos || nanos >= _closeNanos) && !Open(ref nanos))
        {
            return;
        }
        _lastNanos = Math.Max(_lastNanos, nanos);
        _openPart += part;
        _openTotal += total;
        _isOpenDirty = true;
    }

    /// <inheritdoc/>
    public override bool AwaitsPast => Whole._sincePast is not null;

    /// <summary>Leaves events before a time to those who read them from the store.</summary>
    public void AwaitPast(DateTimeOffset until) => (_sincePast, _pastUntil) = ([], UnixNanos.Of(until));

    /// <summary>The ledger of all groups; itself for what is not grouped.</summary>
    public SloLedger Whole => _whole ?? this;

    /// <summary>
    /// The store is read from now on: what comes late counts here. Gives what came late since the last time, when that reading failed: the store has it now,
    /// and it does not count here any more.
    /// </summary>
    public List<LedgerIncrement> ReadPast(DateTimeOffset until)
    {
        Close();
        _pastUntil = 0;
        var late = new List<LedgerIncrement>();
        foreach (SloLedger ledger in _groups.Values.Append(this))
        {
            late.AddRange((ledger._sincePast ?? []).Where(events => events.Time < until).Select(events => new LedgerIncrement(
                Slo.LedgerKey, ledger.Group, events.Time.AddTicks(-(events.Time.Ticks % TimeSpan.TicksPerMinute)), events.Good, events.Total)));
            ledger._sincePast?.RemoveAll(events => events.Time < until);
        }
        return late;
    }

    /// <summary>Takes in what was read, in front of what has been counted since.</summary>
    public void TakePast(IReadOnlyList<LedgerIncrement> minutes)
    {
        Close();
        (SloLedger Ledger, List<(DateTimeOffset, double, double)> Counted)[] since = [.. _groups.Values.Append(this).Select(ledger => (ledger, ledger._sincePast ?? []))];
        foreach ((SloLedger ledger, _) in since)
        {
            ledger._sincePast = null;
        }
        Clear(Slos, _reach, _corrections);
        Fill(minutes);
        foreach ((SloLedger ledger, List<(DateTimeOffset, double, double)> counted) in since)
        {
            // What a group counted the whole did, too: it is added to both.
            foreach ((DateTimeOffset time, double good, double total) in Slo.GroupBy.Count > 0 && ReferenceEquals(ledger, this) ? [] : counted)
            {
                double all = total;
                if (!ledger.IsExcluded(time, good, ref all))
                {
                    ledger.Count(time, good, all);
                }
            }
        }
    }

    /// <summary>Adds a minute that is in the store already, or on its way there, to its group.</summary>
    public void Include(LedgerIncrement minute) => CountsOf(minute.Group).Restore(minute.Minute, minute.Good, minute.Total);

    /// <summary>Adds it in even parts to its fine slots: all in the first one would leave a window of minutes that does not begin with one short of events.</summary>
    private void Restore(DateTimeOffset minute, double good, double total)
    {
        DateTimeOffset now = _ledger.Now;
        if (minute > now + LargestSkew)
        {
            // Counted under a clock that was ahead: it would move the rings on.
            return;
        }
        Seen(UnixNanos.Of(Earlier(minute + Minute - TimeSpan.FromTicks(1), now)));
        AddStored(minute, good, total, minute, now);
    }

    /// <summary>How old minutes may be that somebody asks for, or that still change.</summary>
    public TimeSpan KeptFor => _reach + Lateness;

    /// <summary>Adds more events that other nodes have counted of a minute.</summary>
    /// <param name="minute">The minute.</param>
    /// <param name="good">Good events.</param>
    /// <param name="total">All events.</param>
    /// <param name="from">When they happened, at the earliest.</param>
    /// <param name="until">When they happened, at the latest.</param>
    public void AddOfOthers(DateTimeOffset minute, double good, double total, DateTimeOffset from, DateTimeOffset until)
    {
        Seen(UnixNanos.Of(Earlier(minute + Minute - TimeSpan.FromTicks(1), until - OtherNodes.AppendDelay)));
        AddStored(minute, good, total, from, until);
    }

    private SloLedger CountsOf(string group) => group.Length == 0 ? this : ForGroup(group);

    /// <summary>The ledger of a group, made when it is new; of the groups beyond the most there may be, the one of all others.</summary>
    public SloLedger ForGroup(ReadOnlySpan<char> group)
    {
        if (_groups.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(group, out SloLedger? known))
        {
            return known;
        }
        if (_groups.Count >= Slo.MaxGroups && !group.SequenceEqual(ServiceLevelObjective.OtherGroups))
        {
            return ForGroup(ServiceLevelObjective.OtherGroups);
        }
        string name = group.ToString();
        var added = new SloLedger(_ledger, SlosOf(name), _reach, _corrections, this, name);
        _groups.Add(name, added);
        _ledger.Show(added);
        return added;
    }

    /// <summary>Sums of (now - window, now]: of events, or of slices by the SLO's method; none of slices that are not judged any more.</summary>
    public WindowSum Sum(ServiceLevelObjective slo, DateTimeOffset now, TimeSpan window)
    {
        Close();
        return slo.Method == BudgetingMethod.Occurrences ? _events.Sum(now, window) : _slices.GetValueOrDefault(SliceKey(slo))?.Sum(now, window) ?? default;
    }

    /// <summary>Slices of an objective; null where events count.</summary>
    public SliceSums? Slices(ServiceLevelObjective slo)
    {
        Close();
        return _slices.GetValueOrDefault(SliceKey(slo));
    }

    /// <summary>Sums of the budget's window that a moment is in, up to that moment.</summary>
    public WindowSum BudgetSum(ServiceLevelObjective slo, DateTimeOffset now)
    {
        Close();
        return slo.Method == BudgetingMethod.Occurrences ? _events.Sum(now, slo.BudgetWindow.Elapsed(now))
            : slo.BudgetWindow is CalendarWindow calendar ? _slices.GetValueOrDefault(SliceKey(slo))?.SumSince(calendar.Bounds(now).Start, now) ?? default
            : Sum(slo, now, slo.Window);
    }

    /// <summary>Events of (now - window, now], whatever the method.</summary>
    public WindowSum Events(DateTimeOffset now, TimeSpan window)
    {
        Close();
        return _events.Sum(now, window);
    }

    /// <summary>Sums by whole minutes, or longer slots for times past.</summary>
    public WindowSum MinuteSum(DateTimeOffset end, TimeSpan window)
    {
        Close();
        return _events.Sum(end, window, Minute);
    }

    /// <summary>The slots that sums since a time are made of.</summary>
    public TimeSpan Resolution(DateTimeOffset since) => _events.SlotAt(since, Minute);

    /// <summary>
    /// The end of the newest window that is filled: the slot of the latest telemetry, or the last one that is over, since a slot under
    /// way makes rates too low. Null when telemetry is more than a window old, or when there is none in that window or the one before: then
    /// a part would pass for the whole, and what came after a gap for the traffic of a moment.
    /// </summary>
    public DateTimeOffset? FilledUntil(DateTimeOffset now, TimeSpan window)
    {
        Close();
        DateTimeOffset last = UnixNanos.Time(_lastNanos);
        if (now - last > window)
        {
            return null;
        }
        DateTimeOffset over = now.AddTicks(-(now.Ticks % TieredSums.FineSlot.Ticks) - 1);
        DateTimeOffset end = last < over ? last : over;
        end = Others?.KnownUntil is { } until && until < end ? until : end;
        return _events.Sum(end, window).CoveredSlots > 0 && _events.Sum(end - window, window).CoveredSlots > 0 ? end : null;
    }

    /// <summary>Share of the window's minutes that have data, of those since the first; for long windows of their slots.</summary>
    public double Coverage(DateTimeOffset now, TimeSpan window)
    {
        Close();
        if (FirstMinute is not { } since || since > now)
        {
            return 0;
        }
        TimeSpan slot = _events.SlotAt(now - window, Minute);
        long first = (since - DateTimeOffset.UnixEpoch).Ticks / slot.Ticks;
        double known = Math.Min(window / slot, ((now - DateTimeOffset.UnixEpoch).Ticks / slot.Ticks) - first + 1);
        return Math.Min(1, _events.Sum(now, window, Minute).CoveredSlots / Math.Max(1, known));
    }

    /// <summary>Takes what has been counted since the last call, of its groups when it has such.</summary>
    public void TakeUnsaved(List<LedgerIncrement> increments)
    {
        int first = increments.Count;
        AddUnsaved(increments);
        _unsaved.Clear();
        foreach (SloLedger group in _groups.Values)
        {
            group._unsaved.Clear();
        }
        for (int index = first; Successor is not null && index < increments.Count; index++)
        {
            Successor.Include(increments[index]);
        }
    }

    /// <summary>Shows what has been counted since <see cref="TakeUnsaved"/> was called.</summary>
    public void AddUnsaved(List<LedgerIncrement> increments)
    {
        Close();
        foreach (UnsavedMinutes.MinuteCount unsaved in _unsaved.Minutes)
        {
            increments.Add(new LedgerIncrement(Slo.LedgerKey, Group, DateTimeOffset.FromUnixTimeSeconds(unsaved.Minute * 60), unsaved.Good, unsaved.Total));
        }
        foreach (SloLedger group in _groups.Values)
        {
            group.AddUnsaved(increments);
        }
    }

    [MemberNotNull(nameof(Slo), nameof(Slos))]
    private void SetSlos(IReadOnlyList<ServiceLevelObjective> slos)
    {
        (Slo, Slos) = (slos[0], slos);
        _partIsBad = Slo.Indicator.PartIsBad;
        // What groups count is saved by group.
        _isSaved = Slo.GroupBy.Count == 0 || _whole is not null;
    }

    [MemberNotNull(nameof(Slo), nameof(Slos), nameof(_events), nameof(_corrections), nameof(_excluded))]
    private void Clear(IReadOnlyList<ServiceLevelObjective> slos, TimeSpan reach, IReadOnlyList<BudgetCorrection> corrections)
    {
        SetSlos(slos);
        (_reach, _corrections) = (reach, corrections);
        // What the whole does without, its groups do without, too; of what is over nobody asks, and no event comes any more.
        _excluded = new ExcludedTimes(
            Slo.Exclusions, corrections.Where(correction => (correction.Group.Length == 0 || correction.Group == Group) && correction.To > _ledger.Now - KeptFor), _whole?._excluded);
        _excludes = _excluded.Any;
        _events = new TieredSums(Slo.BudgetWindow, reach, finest: true);
        _slices.Clear();
        foreach (ServiceLevelObjective slo in slos.Where(slo => slo.Method != BudgetingMethod.Occurrences))
        {
            _slices.TryAdd(SliceKey(slo), new SliceSums(slo.Method, slo.Objectives[0], slo.BudgetWindow, reach, Lateness));
        }
        _sliced = [.. _slices.Values];
        _firstMinute = long.MaxValue;
        _latenessNanos = Lateness.Ticks * NanosPerTick;
        Others = null;
        foreach (SloLedger group in _groups.Values)
        {
            group.Clear(SlosOf(group.Group), reach, corrections);
        }
    }

    /// <summary>Sums up minutes, and what corrections add, by time: what is older than the lateness budget no slice takes any more.</summary>
    private void Fill(IReadOnlyList<LedgerIncrement> counted)
    {
        foreach ((LedgerIncrement events, bool isCorrection) in CorrectedMinutes.ByTime(counted, CorrectedMinutes.Added(_corrections, Slo.LedgerKey, _ledger.Now - _reach)))
        {
            if (isCorrection)
            {
                CountsOf(events.Group).Count(events.Minute, events.Good, events.Total);
            }
            else
            {
                Include(events);
            }
        }
    }

    /// <summary>Brings what was counted of the slot under way into the sums.</summary>
    private void Close()
    {
        if (_groups.Count > 0)
        {
            foreach (SloLedger group in _groups.Values)
            {
                group.Close();
            }
        }
        CloseSlot();
        CloseMinute();
    }

    /// <summary>Brings the slot under way into the fine tier, and into the sums of its minute.</summary>
    private void CloseSlot()
    {
        if (!_isOpenDirty)
        {
            return;
        }
        (double part, double total) = (_openPart, _openTotal);
        (_openPart, _openTotal, _isOpenDirty) = (0, 0, false);
        double good = _partIsBad ? total - part : part;
        // The moment after the slot's last event is not known: its first one stands for it.
        long ticks = _openNanos / NanosPerTick;
        EnterMinute(ticks);
        if (_isSaved)
        {
            _unsavedGood += good;
            _unsavedTotal += total;
        }
        if (AwaitsPast)
        {
            (_sincePast ??= []).Add((UnixNanos.Time(_openNanos), good, total));
        }
        if (_excludes && IsExcluded(UnixNanos.Time(_openNanos), good, ref total))
        {
            _ledger.Note(LedgerOddity.Excluded);
            return;
        }
        CountInMinute(ticks, good, total);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EnterMinute(long ticks)
    {
        long minute = ticks / TimeSpan.TicksPerMinute;
        if (minute != _minute)
        {
            CloseMinute();
            _minute = minute;
        }
    }

    /// <summary>Brings the minute of the last slots into the coarser tiers.</summary>
    private void CloseMinute()
    {
        if (_unsavedGood != 0 || _unsavedTotal != 0)
        {
            _unsaved.Add(_minute, _unsavedGood, _unsavedTotal);
            (_unsavedGood, _unsavedTotal) = (0, 0);
        }
        if (_isMinuteDirty)
        {
            long ticks = _minute * TimeSpan.TicksPerMinute;
            _events.AddMinute(ticks, _minuteGood, _minuteTotal);
            foreach (SliceSums slices in _sliced)
            {
                slices.Add(DateTimeOffset.UnixEpoch.AddTicks(ticks), _minuteGood, _minuteTotal);
            }
            (_minuteGood, _minuteTotal, _isMinuteDirty) = (0, 0, false);
        }
        _minute = -1;
    }

    /// <summary>Adds events of a minute, in even parts to those of its fine slots that lie between two times.</summary>
    private void AddStored(DateTimeOffset minute, double good, double total, DateTimeOffset from, DateTimeOffset until)
    {
        if (IsExcluded(minute, good, ref total))
        {
            return;
        }
        if (_ledger.Now - minute > TieredSums.FineReach + Minute)
        {
            Count(minute, good, total);
            return;
        }
        int all = (int)(Minute / TieredSums.FineSlot);
        int first = (int)Math.Clamp(Math.Floor((from - minute) / TieredSums.FineSlot), 0, all - 1);
        int slots = (int)Math.Clamp(Math.Ceiling((until - minute) / TieredSums.FineSlot), first + 1, all) - first;
        (double Good, double Total) added = default;
        for (int slot = 1; slot <= slots; slot++)
        {
            // Whole events, as far as there are: sums stay exact.
            (double Good, double Total) upTo = slot == slots ? (good, total) : (Math.Floor(good * slot / slots), Math.Floor(total * slot / slots));
            Count(minute + ((first + slot - 1) * TieredSums.FineSlot), upTo.Good - added.Good, upTo.Total - added.Total);
            added = upTo;
        }
    }

    private void Count(DateTimeOffset time, double good, double total) => Count((time - DateTimeOffset.UnixEpoch).Ticks, good, total);

    private void Count(long ticks, double good, double total)
    {
        EnterMinute(ticks);
        CountInMinute(ticks, good, total);
    }

    /// <summary>Counts events of the minute that has been entered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CountInMinute(long ticks, double good, double total)
    {
        _firstMinute = Math.Min(_firstMinute, _minute);
        _events.AddFine(ticks, good, total);
        _minuteGood += good;
        _minuteTotal += total;
        _isMinuteDirty = true;
        if (_whole is { } whole)
        {
            whole.Seen(_lastNanos);
            whole.Count(ticks, good, total);
        }
    }

    /// <summary>How late an event may come.</summary>
    private TimeSpan Lateness => Slo.Lateness is { } own && own < _ledger.Options.Lateness ? own : _ledger.Options.Lateness;

    /// <summary>Whether events of a time do not count; of those whose bad ones do not, the good ones are all.</summary>
    private bool IsExcluded(DateTimeOffset time, double good, ref double total) => _excluded.Cover(time, good, ref total);

    /// <summary>Makes the slot of a time the one under way; false when the time is older than the lateness budget.</summary>
    private bool Open(ref long nanos)
    {
        CloseSlot();
        long now = _ledger.NowNanos;
        if (nanos > now + LargestSkewNanos)
        {
            // A sender whose clock is ahead: its time would move the rings on, and the windows of everybody else out of them.
            _ledger.Note(LedgerOddity.Ahead);
            nanos = now;
        }
        if (nanos < Whole._pastUntil)
        {
            return false;
        }
        // Older than the latest event, not than the clock, which may have been set ahead.
        if (nanos < (_lastNanos > 0 ? Math.Min(_lastNanos, now) : now) - _latenessNanos)
        {
            _ledger.Note(LedgerOddity.TooLate);
            return false;
        }
        _openNanos = nanos - (nanos % FineSlotNanos);
        _closeNanos = _openNanos + FineSlotNanos;
        return true;
    }

    private void Seen(long nanos) => _lastNanos = Math.Max(_lastNanos, nanos);

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private ServiceLevelObjective[] SlosOf(string group) => [.. Slos.Select(slo => slo.OfGroup(group))];

    private static (BudgetingMethod, TimeSpan, double) SliceKey(ServiceLevelObjective slo) =>
        (slo.Method, slo.Objectives[0].Slice, slo.Method == BudgetingMethod.Timeslices ? slo.Objectives[0].SliceTarget : 0);
}
