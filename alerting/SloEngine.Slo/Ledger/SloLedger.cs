namespace SloEngine.Slo.Ledger;

/// <summary>
/// Good and total events of one SLO: 10-second slots over the last two hours, for windows that decide pages, and minutes over the SLO's
/// whole window. Guarded by the <see cref="Ledger"/>'s gate.
/// </summary>
internal sealed class SloLedger(Model.ServiceLevelObjective slo, TimeProvider clock)
{
    private static readonly TimeSpan FineReach = TimeSpan.FromHours(2);
    private static readonly TimeSpan LargestSkew = TimeSpan.FromMinutes(1);

    /// <summary>Older events are stored and not counted: each would cost an addition a slot since then, and history is read from the store.</summary>
    private static readonly TimeSpan LatenessBudget = TimeSpan.FromDays(1);

    private readonly RollingSums _fine = new(TimeSpan.FromSeconds(10), FineReach);
    private readonly RollingSums _coarse = new(TimeSpan.FromMinutes(1), slo.Window > TimeSpan.FromDays(3) ? slo.Window : TimeSpan.FromDays(3));
    private readonly Dictionary<long, (double Good, double Total)> _unsaved = [];
    private DateTimeOffset? _lastSeen;
    private OtherNodes? _others;

    /// <summary>What other nodes count of it.</summary>
    public OtherNodes Others => _others ??= new OtherNodes(this);

    public Model.ServiceLevelObjective Slo { get; set; } = slo;

    /// <summary>Start of the first minute with data.</summary>
    public DateTimeOffset? Since => _coarse.Since;

    public bool HasUnsaved => _unsaved.Count > 0;

    /// <summary>
    /// Adds part and total events as the indicator counts them, together or apart: bad ones are total minus good. None at all is a message,
    /// too: telemetry flows and there was no traffic.
    /// </summary>
    public void Add(DateTimeOffset time, double part, double total)
    {
        bool none = part == 0 && total == 0;
        if (none && time <= _lastSeen)
        {
            return;
        }
        DateTimeOffset now = clock.GetUtcNow();
        if (time > now + LargestSkew)
        {
            // A sender whose clock is ahead: its time would move the rings on, and the windows of everybody else out of them.
            time = now;
        }
        if (time < now - LatenessBudget)
        {
            return;
        }
        double good = Slo.Indicator.PartIsBad ? total - part : part;
        _fine.Add(time, good, total);
        _coarse.Add(time, good, total);
        Seen(time);
        if (none)
        {
            return;
        }
        long minute = time.ToUnixTimeSeconds() / 60;
        (double savedGood, double savedTotal) = _unsaved.GetValueOrDefault(minute);
        _unsaved[minute] = (savedGood + good, savedTotal + total);
    }

    /// <summary>
    /// Adds a minute that is in the store already, in even parts to its fine slots: all in the first one would leave a window of minutes
    /// that does not begin with one short of events.
    /// </summary>
    public void Restore(DateTimeOffset minute, double good, double total)
    {
        AddStored(minute, good, total, minute, clock.GetUtcNow());
        DateTimeOffset end = minute + _coarse.Slot - TimeSpan.FromTicks(1);
        DateTimeOffset now = clock.GetUtcNow();
        Seen(end < now ? end : now);
    }

    /// <summary>Adds events of a minute, in even parts to those of its fine slots that lie between two times.</summary>
    private void AddStored(DateTimeOffset minute, double good, double total, DateTimeOffset from, DateTimeOffset until)
    {
        int all = (int)(_coarse.Slot / _fine.Slot);
        int first = (int)Math.Clamp(Math.Floor((from - minute) / _fine.Slot), 0, all - 1);
        int slots = (int)Math.Clamp(Math.Ceiling((until - minute) / _fine.Slot), first + 1, all) - first;
        (double Good, double Total) added = default;
        for (int slot = 1; slot <= slots; slot++)
        {
            // Whole events, as far as there are: sums stay exact.
            (double Good, double Total) upTo = slot == slots ? (good, total) : (Math.Floor(good * slot / slots), Math.Floor(total * slot / slots));
            _fine.Add(minute + ((first + slot - 1) * _fine.Slot), upTo.Good - added.Good, upTo.Total - added.Total);
            added = upTo;
        }
        _coarse.Add(minute, good, total);
    }

    public WindowSum Sum(DateTimeOffset now, TimeSpan window) => window <= FineReach ? _fine.Sum(now, window) : _coarse.Sum(now, window);

    /// <summary>Sums by minutes, for charts of times past.</summary>
    public WindowSum MinuteSum(DateTimeOffset end, TimeSpan window) => _coarse.Sum(end, window);

    /// <summary>
    /// The end of the newest window that is filled: the slot of the latest telemetry, or the last one that is over, since a slot under
    /// way makes rates too low. Null when telemetry is more than a window old, or when there is none in that window or the one before: then
    /// a part would pass for the whole, and what came after a gap for the traffic of a moment.
    /// </summary>
    public DateTimeOffset? FilledUntil(DateTimeOffset now, TimeSpan window)
    {
        if (_lastSeen is not { } last || now - last > window)
        {
            return null;
        }
        DateTimeOffset over = now.AddTicks(-(now.Ticks % _fine.Slot.Ticks) - 1);
        DateTimeOffset end = last < over ? last : over;
        end = Others.KnownUntil is { } until && until < end ? until : end;
        RollingSums sums = window <= FineReach / 2 ? _fine : _coarse;
        return sums.Sum(end, window).CoveredSlots > 0 && sums.Sum(end - window, window).CoveredSlots > 0 ? end : null;
    }

    /// <summary>Share of the window's minutes that have data, of those since the first.</summary>
    public double Coverage(DateTimeOffset now, TimeSpan window)
    {
        if (Since is not { } since || since > now)
        {
            return 0;
        }
        double known = Math.Min(window.TotalMinutes, Math.Floor((now - since).TotalMinutes) + 1);
        return Math.Min(1, _coarse.Sum(now, window).CoveredSlots / Math.Max(1, known));
    }

    public IEnumerable<LedgerIncrement> TakeUnsaved()
    {
        foreach ((long minute, (double good, double total)) in _unsaved)
        {
            yield return new LedgerIncrement(Slo.LedgerKey, "", DateTimeOffset.FromUnixTimeSeconds(minute * 60), good, total);
        }
        _unsaved.Clear();
    }

    /// <summary>
    /// What other nodes have counted of this SLO, as last read from the store. They append what they count a batch at a time, so that what is
    /// read is complete up to some seconds ago.
    /// </summary>
    internal sealed class OtherNodes(SloLedger ledger)
    {
        private static readonly TimeSpan AppendDelay = TimeSpan.FromSeconds(10);

        private readonly Dictionary<DateTimeOffset, (double Good, double Total)> _minutes = [];
        private DateTimeOffset _refreshed;
        private DateTimeOffset? _lastMinute;

        /// <summary>Up to when their counts are here; null when they have counted nothing of late.</summary>
        public DateTimeOffset? KnownUntil => _lastMinute is { } last && _refreshed - last < FineReach ? _refreshed - AppendDelay : null;

        /// <summary>Adds what is more than at the last read.</summary>
        public void Refresh(IEnumerable<LedgerIncrement> minutes, DateTimeOffset now)
        {
            DateTimeOffset before = _refreshed == default ? default : _refreshed - AppendDelay;
            foreach (LedgerIncrement minute in minutes)
            {
                (double good, double total) = _minutes.GetValueOrDefault(minute.Minute);
                if (minute.Good == good && minute.Total == total)
                {
                    continue;
                }
                _minutes[minute.Minute] = (minute.Good, minute.Total);
                // What came since the last read happened since about then, unless it is of an older minute.
                bool isLate = minute.Minute + ledger._coarse.Slot < before;
                ledger.AddStored(minute.Minute, minute.Good - good, minute.Total - total, isLate ? minute.Minute : before, now);
                DateTimeOffset end = minute.Minute + ledger._coarse.Slot - TimeSpan.FromTicks(1);
                ledger.Seen(end < now - AppendDelay ? end : now - AppendDelay);
                _lastMinute = _lastMinute > minute.Minute ? _lastMinute : minute.Minute;
            }
            _refreshed = now;
            foreach (DateTimeOffset old in _minutes.Keys.Where(minute => minute < now - ledger.Slo.Window - LatenessBudget).ToList())
            {
                _minutes.Remove(old);
            }
        }
    }

    private void Seen(DateTimeOffset time) => _lastSeen = _lastSeen > time ? _lastSeen : time;
}
