using System.Numerics;
using System.Runtime.CompilerServices;

namespace SloEngine.Collector.Series;

/// <summary>
/// References by hashed identity, read once a point. Lookups take no lock and may run beside the one thread that writes (its caller holds a
/// lock). Open addressing with linear probing: an identity is a hash already, and one probe touches a key and a value that lie side by side.
/// </summary>
/// <remarks>
/// A slot is written once in the life of its arrays: the key before the value, so that a reader who sees the value sees the whole key. A removed
/// slot stays taken until the arrays are made anew.
/// </remarks>
internal sealed class IdentityTable
{
    private const int Empty = int.MinValue;
    private const int Removed = int.MinValue + 1;

    private volatile Slot[] _slots = New(1024);
    private int _taken;

    /// <summary>Number of identities.</summary>
    public int Count { get; private set; }

    /// <summary>Looks an identity up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetValue(UInt128 identity, out int value)
    {
        Slot[] slots = _slots;
        int mask = slots.Length - 1;
        for (int index = (int)(ulong)identity & mask; ; index = (index + 1) & mask)
        {
            ref Slot slot = ref slots[index];
            value = Volatile.Read(ref slot.Value);
            if (value == Empty)
            {
                return false;
            }
            if (slot.Key == identity && value != Removed)
            {
                return true;
            }
        }
    }

    /// <summary>Adds an identity, or gives a known one another value.</summary>
    public int this[UInt128 identity]
    {
        set
        {
            if (Find(identity) is >= 0 and int known)
            {
                Volatile.Write(ref _slots[known].Value, value);
                return;
            }
            if (_taken >= _slots.Length / 2)
            {
                Rebuild();
            }
            Put(_slots, identity, value);
            _taken++;
            Count++;
        }
    }

    /// <summary>Removes an identity; false when it is not known.</summary>
    public bool Remove(UInt128 identity)
    {
        int known = Find(identity);
        if (known < 0)
        {
            return false;
        }
        Volatile.Write(ref _slots[known].Value, Removed);
        Count--;
        return true;
    }

    /// <summary>Removes the identities that a condition holds for.</summary>
    public void RemoveAll(Func<UInt128, int, bool> condition)
    {
        foreach (ref Slot slot in _slots.AsSpan())
        {
            if (slot.Value is not (Empty or Removed) && condition(slot.Key, slot.Value))
            {
                Volatile.Write(ref slot.Value, Removed);
                Count--;
            }
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        (Count, _taken) = (0, 0);
        _slots = New(1024);
    }

    private static Slot[] New(int capacity)
    {
        var slots = new Slot[capacity];
        for (int index = 0; index < slots.Length; index++)
        {
            slots[index].Value = Empty;
        }
        return slots;
    }

    private static void Put(Slot[] slots, UInt128 identity, int value)
    {
        int mask = slots.Length - 1;
        int index = (int)(ulong)identity & mask;
        while (slots[index].Value != Empty)
        {
            index = (index + 1) & mask;
        }
        slots[index].Key = identity;
        Volatile.Write(ref slots[index].Value, value);
    }

    private int Find(UInt128 identity)
    {
        Slot[] slots = _slots;
        int mask = slots.Length - 1;
        for (int index = (int)(ulong)identity & mask; slots[index].Value != Empty; index = (index + 1) & mask)
        {
            if (slots[index].Key == identity && slots[index].Value != Removed)
            {
                return index;
            }
        }
        return -1;
    }

    /// <summary>Makes the arrays anew, a quarter full, without what was removed.</summary>
    private void Rebuild()
    {
        Slot[] slots = New((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1024, Count * 4)));
        foreach (Slot slot in _slots)
        {
            if (slot.Value is not (Empty or Removed))
            {
                Put(slots, slot.Key, slot.Value);
            }
        }
        _taken = Count;
        _slots = slots;
    }

    private struct Slot
    {
        public UInt128 Key;
        public int Value;
    }
}
