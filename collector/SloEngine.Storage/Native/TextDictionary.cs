using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Hashing;

namespace SloEngine.Storage.Native;

/// <summary>
/// A column of texts of which there are few different ones: each of these once, and for each row its place among them. Its memory stays from column to column. Not
/// thread-safe.
/// </summary>
internal sealed class TextDictionary : IDisposable
{
    private const int FewestSlots = 256;

    /// <summary>Slots with which memory is kept; more were needed by a column whose texts are not shared after all.</summary>
    private const int MostKeptSlots = 1 << 16;

    private readonly ColumnBuffer<uint> _hashes = new();
    private int[] _slots = new int[FewestSlots];

    /// <summary>The different texts, in the order in which they came.</summary>
    public BytesColumn Texts { get; } = new();

    /// <summary>The place of each row's text.</summary>
    public ColumnBuffer<int> Places { get; } = new();

    /// <summary>Adds a row; one that follows another is often like it.</summary>
    public void Add(ReadOnlySpan<byte> text) => Add(text, Places.Count - 1);

    /// <summary>Adds a row that may well have the text of an earlier one, which there need not be.</summary>
    public void Add(ReadOnlySpan<byte> text, int likeRow)
    {
        int place = (uint)likeRow < (uint)Places.Count ? Places[likeRow] : -1;
        Places.Append(place >= 0 && Texts[place].SequenceEqual(text) ? place : PlaceOf(text));
    }

    /// <summary>Empties the column.</summary>
    public void Clear()
    {
        if (_slots.Length > MostKeptSlots)
        {
            Dispose();
            _slots = new int[FewestSlots];
        }
        else if (Texts.Count > 0)
        {
            Array.Clear(_slots);
        }
        Texts.Clear();
        Places.Clear();
        _hashes.Clear();
    }

    /// <summary>Gives the memory back; what is added later rents it anew.</summary>
    public void Dispose()
    {
        Texts.Dispose();
        Places.Dispose();
        _hashes.Dispose();
    }

    private int PlaceOf(ReadOnlySpan<byte> text)
    {
        uint hash = (uint)IdentityHash.Hash(text, UInt128.Zero);
        int mask = _slots.Length - 1;
        for (int slot = (int)hash & mask; ; slot = (slot + 1) & mask)
        {
            int place = _slots[slot] - 1;
            if (place < 0)
            {
                return Enter(text, hash, slot);
            }
            if (_hashes[place] == hash && Texts[place].SequenceEqual(text))
            {
                return place;
            }
        }
    }

    private int Enter(ReadOnlySpan<byte> text, uint hash, int slot)
    {
        Texts.Append(text);
        _hashes.Append(hash);
        _slots[slot] = Texts.Count;
        if (Texts.Count * 2 > _slots.Length)
        {
            Grow();
        }
        return Texts.Count - 1;
    }

    private void Grow()
    {
        _slots = new int[_slots.Length * 2];
        int mask = _slots.Length - 1;
        ReadOnlySpan<uint> hashes = _hashes.Values;
        for (int place = 0; place < hashes.Length; place++)
        {
            int slot = (int)hashes[place] & mask;
            while (_slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }
            _slots[slot] = place + 1;
        }
    }
}
