using System.Collections.Concurrent;

namespace SloEngine.Query.Metrics;

/// <summary>
/// Samples that queries have read, packed, by series and slot of time, as long as the store says that a slot has not changed. Bounded in bytes: what
/// half of the bound's worth of newer reads has not asked for goes. Safe for concurrent use.
/// </summary>
internal sealed class SampleCache(long maxBytes)
{
    private readonly Lock _turn = new();
    private volatile ConcurrentDictionary<UInt128, SeriesChunks> _young = [];
    private volatile ConcurrentDictionary<UInt128, SeriesChunks> _old = [];
    private long _youngBytes;

    /// <summary>Bytes that it may hold.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>What there is of a series; made when there is nothing.</summary>
    public SeriesChunks Of(UInt128 id)
    {
        if (_young.TryGetValue(id, out SeriesChunks? chunks))
        {
            return chunks;
        }
        SeriesChunks found = _young.GetOrAdd(id, _old.TryRemove(id, out SeriesChunks? old) ? old : new SeriesChunks());
        Grow(found.Bytes);
        return found;
    }

    /// <summary>Tells of bytes that a series took.</summary>
    public void Grow(long bytes)
    {
        if (Interlocked.Add(ref _youngBytes, bytes) <= maxBytes / 2)
        {
            return;
        }
        lock (_turn)
        {
            if (Volatile.Read(ref _youngBytes) > maxBytes / 2)
            {
                (_old, _young) = (_young, []);
                Interlocked.Exchange(ref _youngBytes, 0);
            }
        }
    }
}

/// <summary>Packed samples of one series, slot by slot. Safe for concurrent use.</summary>
internal sealed class SeriesChunks
{
    /// <summary>Bytes of a series without samples, and of a slot, about.</summary>
    private const int OwnBytes = 150;

    private const int SlotBytes = 40;

    /// <summary>Slots that may lie unknown between known ones (four days): what is further away takes the place of what is known.</summary>
    private const int MostUnknown = 48;

    private readonly Lock _gate = new();
    private long _first;
    private Slot[] _slots = [];

    /// <summary>Memory it takes, about.</summary>
    public long Bytes { get; private set; } = OwnBytes;

    /// <summary>Copies what is known of slots from <paramref name="first"/> on under these versions; null for what is not.</summary>
    /// <returns>Whether all of it is known.</returns>
    public bool Read(long first, ReadOnlySpan<long> versions, Span<byte[]?> chunks)
    {
        bool whole = true;
        lock (_gate)
        {
            for (int index = 0; index < versions.Length; index++)
            {
                long at = first + index - _first;
                bool known = at >= 0 && at < _slots.Length && _slots[at] is { Chunk: not null } slot && slot.Version == versions[index];
                chunks[index] = known ? _slots[at].Chunk : null;
                whole &= known;
            }
        }
        return whole;
    }

    /// <summary>Keeps the chunk of a slot as it was under a version.</summary>
    /// <returns>Bytes that it took in addition.</returns>
    public long Keep(long slot, long version, byte[] chunk)
    {
        lock (_gate)
        {
            long before = Bytes;
            Reach(slot);
            ref Slot kept = ref _slots[slot - _first];
            Bytes += chunk.Length - (kept.Chunk?.Length ?? 0);
            kept = new Slot(chunk, version);
            return Bytes - before;
        }
    }

    private void Reach(long slot)
    {
        if (slot < _first - MostUnknown || slot >= _first + _slots.Length + MostUnknown)
        {
            Bytes = OwnBytes;
            (_first, _slots) = (slot, []);
        }
        long first = Math.Min(_first, slot);
        long end = Math.Max(_first + _slots.Length, slot + 1);
        if (end - first == _slots.Length)
        {
            return;
        }
        var slots = new Slot[end - first];
        _slots.CopyTo(slots, _first - first);
        Bytes += (slots.Length - _slots.Length) * SlotBytes;
        (_first, _slots) = (first, slots);
    }

    private readonly record struct Slot(byte[]? Chunk, long Version);
}
