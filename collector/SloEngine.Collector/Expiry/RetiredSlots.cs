namespace SloEngine.Collector.Expiry;

/// <summary>
/// Slots of an index that have left its lookups. Until <see cref="ReferenceLeases"/> have turned twice somebody may still refer to one, so it
/// keeps what it holds, and goes back to its owner should that return: at no time have two slots the same owner. Guarded by the index's lock.
/// </summary>
internal sealed class RetiredSlots
{
    private readonly Stack<int> _free = [];
    private Dictionary<UInt128, int> _retired = [];
    private Dictionary<UInt128, int> _waiting = [];

    /// <summary>Notes a slot that has just left the lookups.</summary>
    public void Retire(UInt128 owner, int slot) => _retired.Add(owner, slot);

    /// <summary>Gives a slot back to its owner, if nobody else can have it yet.</summary>
    public bool TryRevive(UInt128 owner, out int slot) => _retired.Remove(owner, out slot) || _waiting.Remove(owner, out slot);

    /// <summary>After a turn of the leases: returns the slots that nobody refers to any more; from now on they may be reused.</summary>
    public IReadOnlyCollection<int> Turn()
    {
        Dictionary<UInt128, int> free = _waiting;
        (_waiting, _retired) = (_retired, []);
        foreach (int slot in free.Values)
        {
            _free.Push(slot);
        }
        return free.Values;
    }

    public bool TryReuse(out int slot) => _free.TryPop(out slot);
}
