namespace SloEngine.Collector.Expiry;

/// <summary>
/// Tells when references into the indexes that were taken before a moment are out of use. Whoever looks references up takes a lease first,
/// and gives it back when no block with them is left: for a request, when its batch is in the store. Leases are of two generations; a new one
/// begins only when the one before the present has none out. So when two generations have begun since a slot left the lookups, every
/// lease that was out at that moment has been given back, and no later one can have met the slot.
/// </summary>
internal sealed class ReferenceLeases
{
    private readonly Lock _lock = new();
    private readonly int[] _out = new int[2];
    private int _generation;

    /// <summary>Takes a lease; returns its generation, to give it back by.</summary>
    public int Take()
    {
        lock (_lock)
        {
            _out[_generation]++;
            return _generation;
        }
    }

    public void GiveBack(int generation, int leases = 1)
    {
        lock (_lock)
        {
            _out[generation] -= leases;
        }
    }

    /// <summary>Begins a generation, unless a lease from before the present one is still out.</summary>
    public bool TryTurn()
    {
        lock (_lock)
        {
            int other = 1 - _generation;
            if (_out[other] > 0)
            {
                return false;
            }
            _generation = other;
            return true;
        }
    }
}
