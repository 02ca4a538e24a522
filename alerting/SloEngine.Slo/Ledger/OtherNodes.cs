namespace SloEngine.Slo.Ledger;

/// <summary>
/// What other nodes have counted of this SLO, as last read from the store. They append what they count a batch at a time, so that what is
/// read is complete up to some seconds ago.
/// </summary>
internal sealed class OtherNodes(SloLedger ledger)
{
    /// <summary>How long a node may take to append what it has counted.</summary>
    public static readonly TimeSpan AppendDelay = TimeSpan.FromSeconds(10);

    private readonly Dictionary<(string Group, DateTimeOffset Minute), (double Good, double Total)> _minutes = [];
    private DateTimeOffset _refreshed;
    private DateTimeOffset? _lastMinute;

    /// <summary>Up to when their counts are here; null when they have counted nothing of late.</summary>
    public DateTimeOffset? KnownUntil => _lastMinute is { } last && _refreshed - last < TieredSums.FineReach ? _refreshed - AppendDelay : null;

    /// <summary>Notes what the ledger has counted of theirs already.</summary>
    public void Note(IEnumerable<LedgerIncrement> minutes, DateTimeOffset read)
    {
        foreach (LedgerIncrement minute in minutes)
        {
            Note(minute);
        }
        _refreshed = read;
    }

    /// <summary>Adds what is more than at the last read.</summary>
    public void Refresh(IEnumerable<LedgerIncrement> minutes, DateTimeOffset now)
    {
        DateTimeOffset before = _refreshed == default ? default : _refreshed - AppendDelay;
        foreach (LedgerIncrement minute in minutes)
        {
            (double good, double total) = _minutes.GetValueOrDefault((minute.Group, minute.Minute));
            if (minute.Good == good && minute.Total == total)
            {
                continue;
            }
            Note(minute);
            // What came since the last read happened since about then, unless it is of an older minute.
            bool isLate = minute.Minute + Model.Objective.Minute < before;
            SloLedger counts = minute.Group.Length == 0 ? ledger : ledger.ForGroup(minute.Group);
            counts.AddOfOthers(minute.Minute, minute.Good - good, minute.Total - total, isLate ? minute.Minute : before, now);
        }
        _refreshed = now;
        foreach ((string, DateTimeOffset Minute) old in _minutes.Keys.Where(known => known.Minute < now - ledger.KeptFor).ToList())
        {
            _minutes.Remove(old);
        }
    }

    private void Note(LedgerIncrement minute)
    {
        _minutes[(minute.Group, minute.Minute)] = (minute.Good, minute.Total);
        _lastMinute = _lastMinute > minute.Minute ? _lastMinute : minute.Minute;
    }
}
